"""A whole run into the virtual camera: whose mark its slate carries, and what stays when the run ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.engines.verify.marked import detect_still
from mien.plugin import Live, LiveConfig
from mien.realtime.config import BadgeSettings
from mien.realtime.errors import EngineError
from virtual_camera_device import Driver, plugged_in

CONFIG = LiveConfig(source="pattern", sinks=("virtualcam:/dev/video10",), persona="viggo", engine="mesh")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    with plugged_in(monkeypatch) as driver:
        yield driver


def test_the_slate_that_stands_by_is_marked_as_this_runs(driver: Driver) -> None:
    with Live(CONFIG) as live:
        session = live.session_id
        driver.wait(lambda: len(driver.sent) > 0)
        first = detect_still(driver.sent[0])
    assert first.found
    assert first.payload is not None
    assert (first.payload.kind, first.payload.session) == ("slate", session)
    driver.wait(lambda: driver.released == 1)


def run_that_changes_and_fails(driver: Driver, picture: Path) -> None:
    """A run that gets another slate and another badge, and fails with its session."""
    with Live(CONFIG) as live:
        live.changes.set_slate_picture(picture, language="en")
        live.changes.set_badge(BadgeSettings(corner="bottom-left", plate="#fa00fa"))
        shown = driver.count()
        driver.wait(lambda: len(driver.sent) > shown + 5)
        raise EngineError(str(live.session_id))


def test_what_is_left_is_the_slate_and_the_badge_of_the_end(driver: Driver, tmp_path: Path) -> None:
    picture = tmp_path / "slate.png"
    Image.new("RGB", (64, 36), (20, 60, 200)).save(picture)
    with pytest.raises(EngineError) as failed:
        run_that_changes_and_fails(driver, picture)
    seen = driver.count()
    driver.wait(lambda: len(driver.sent) > seen + 2)
    shown = driver.newest()
    left = detect_still(shown)
    assert left.payload is not None
    assert (left.payload.kind, left.payload.session) == ("slate", int(failed.value.message))
    assert np.abs(np.median(shown, axis=(0, 1)) - (200, 60, 20)).max() <= 6
    height, width = shown.shape[:2]
    plate = (np.abs(shown.astype(int) - (250, 0, 250)) < 60).all(axis=2)
    assert plate[height // 2 :, : width // 2].sum() > 100
    assert plate[: height // 2].sum() == 0
    with Live(CONFIG):
        pass
    driver.wait(lambda: driver.released == 1)


def run_that_fails(driver: Driver, sessions: list[int]) -> None:
    with Live(CONFIG) as live:
        sessions.append(live.session_id)
        shown = driver.count()
        driver.wait(lambda: len(driver.sent) > shown + 5)
        raise EngineError("the engine broke")


def test_a_run_that_fails_leaves_the_camera_with_the_slate(driver: Driver) -> None:
    sessions: list[int] = []
    with pytest.raises(EngineError, match="broke"):
        run_that_fails(driver, sessions)
    seen = driver.count()
    driver.wait(lambda: len(driver.sent) > seen + 2)
    left = detect_still(driver.newest())
    assert left.payload is not None
    assert (left.payload.kind, left.payload.session) == ("slate", sessions[0])
    assert driver.released == 0
    # Another run takes it over, and gives it back at its end.
    with Live(CONFIG):
        pass
    driver.wait(lambda: driver.released == 1)
    assert len(driver.opened) == 1
