"""What changes while a run goes on, on the real live path with the test picture."""

from __future__ import annotations

import errno
import itertools
import shutil
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.verify.marked import detect_still
from mien.plugin import Live, LiveConfig, verify
from mien.realtime.background import GREEN
from mien.realtime.clock import NS_PER_S, MonotonicClock
from mien.realtime.config import BadgeSettings
from mien.realtime.errors import ConfigError, EngineError, PersonaError, SinkError, SourceError
from mien.realtime.mark import MarkedFrame
from virtual_camera_device import plugged_in

#: Only a hang takes as long, seconds.
PATIENCE_S = 30.0


def config(**values: Any) -> LiveConfig:
    return LiveConfig(
        **{"source": "pattern", "persona": "viggo", "sinks": ("null",), "width": 640, "height": 360} | values
    )


@pytest.fixture
def live() -> Iterator[Live]:
    with Live(config(), stay=True) as running:
        yield running


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        threading.Event().wait(0.01)


def next_frame(live: Live, wanted: Callable[[MarkedFrame], bool], most: int = 300) -> MarkedFrame:
    return next(frame for frame in itertools.islice(live, most) if wanted(frame))


# -- source


def test_another_source_is_fitted_in_and_no_frame_is_bare(live: Live) -> None:
    next_frame(live, lambda frame: frame.kind == "persona")
    live.changes.set_source("clip")
    assert live.stats()["source"]["name"] == "driver.mp4"
    seen = [next_frame(live, lambda frame: True) for _ in range(20)]
    assert {frame.pixels.shape for frame in seen} == {(360, 640, 3)}
    assert {frame.kind for frame in seen} <= {"persona", "slate"}
    assert live.stats()["frames"]["camera"] == 0


@pytest.mark.parametrize("spec", ["camera:none", "nothing.mp4", "gopher://x/y"])
def test_a_source_that_cannot_be_opened_leaves_the_one_that_runs(live: Live, spec: str) -> None:
    with pytest.raises(SourceError):
        live.changes.set_source(spec)
    assert live.stats()["source"]["name"] == "pattern"
    next_frame(live, lambda frame: frame.kind == "persona")


class Asleep(MonotonicClock):
    """The system's clock, which goes on while a laptop sleeps, though nothing else does."""

    def __init__(self) -> None:
        self._slept_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self._slept_ns

    def sleep(self, seconds: float) -> None:
        self._slept_ns += round(seconds * NS_PER_S)


@pytest.mark.parametrize("source", ["pattern", "clip"])
def test_after_a_minutes_sleep_the_show_goes_on_where_it_is(source: str) -> None:
    clock = Asleep()
    with Live(config(source=source), clock=clock, stay=True) as live:
        next_frame(live, lambda frame: frame.kind == "persona" and not frame.held)
        clock.sleep(60.0)
        woken_ns = clock.now_ns()
        seen: list[MarkedFrame] = []
        for frame in live:
            seen.append(frame)
            if frame.kind == "persona" and not frame.held and frame.capture_ns >= woken_ns:
                break
        before = live.stats()["frames"]["in"]
        time.sleep(0.5)
        # What was missed is not hurried through.
        assert live.stats()["frames"]["in"] - before < 40
        assert live.stats()["frames"]["camera"] == 0
        assert live.stats()["source"]["state"] == "running"
    assert {frame.kind for frame in seen} <= {"persona", "slate"}


def test_without_a_camera_the_slate_is_shown_until_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.realtime.source.open.list_cameras", lambda own=frozenset(): [])
    with Live(config(source="camera"), stay=True) as live:
        frame = next_frame(live, lambda frame: True)
        assert frame.kind == "slate"
        until(lambda: live.stats()["source"]["state"] == "lost")
        assert "There is no camera." in live.stats()["source"]["trouble"]
        live.changes.set_source("pattern")
        next_frame(live, lambda frame: frame.kind == "persona")
        assert live.stats()["source"]["state"] == "running"
    with pytest.raises(SourceError, match="There is no camera"), Live(config(source="camera")):
        pass


# -- engine, persona


def test_mode_and_engine_change_between_two_frames(live: Live) -> None:
    live.changes.set_engine("mesh", "portrait")
    until(lambda: "it was asked for" in live.stats()["engine"]["reason"])
    next_frame(live, lambda frame: frame.kind == "persona")
    with pytest.raises(EngineError):
        # Viggo has no network.
        live.changes.set_engine("swapnet", "swap")
    assert live.stats()["engine"]["name"].startswith("mesh")
    next_frame(live, lambda frame: frame.kind == "persona")


def test_a_persona_that_is_deleted_while_it_is_worn_goes_on_and_cannot_be_chosen_again(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "shipped" / "opal"
    shutil.copytree(SHIPPED_DIR / "opal", mine)
    live.set_persona(str(mine))
    next_frame(live, lambda frame: frame.kind == "persona")
    shutil.rmtree(mine)
    for _ in range(5):
        assert next_frame(live, lambda frame: True).kind in ("persona", "slate")
    with pytest.raises(PersonaError):
        live.set_persona(str(mine))
    next_frame(live, lambda frame: frame.kind == "persona")
    assert live.stats()["persona"] == "opal"


# -- looks


@pytest.mark.parametrize("mode", ["swap", "portrait"])
def test_the_background_changes_and_comes_back_and_the_mark_stays(
    live: Live, mode: Literal["swap", "portrait"]
) -> None:
    def green(frame: MarkedFrame) -> bool:
        # The upper left corner, where neither face nor badge is.
        return bool((np.abs(frame.pixels[10:60, 10:60].astype(int) - GREEN) <= 1).all())

    live.changes.set_source("clip")
    live.changes.set_engine("mesh", mode)
    until(lambda: "it was asked for" in live.stats()["engine"]["reason"])
    assert not green(next_frame(live, lambda frame: frame.kind == "persona"))
    live.changes.set_background("green")
    frame = next_frame(live, lambda frame: frame.kind == "persona" and green(frame))
    # The face is still there, and so is the mark.
    assert not (np.abs(frame.pixels[150:210, 290:350].astype(int) - GREEN) <= 1).all()
    assert detect_still(frame.pixels).sessions == (live.session_id,)
    live.changes.set_background("keep")
    next_frame(live, lambda frame: frame.kind == "persona" and not green(frame))


def test_the_badge_moves_and_is_there_all_the_time(live: Live) -> None:
    def lit(frame: MarkedFrame, corner: str) -> bool:
        rows = slice(0, 90) if corner.startswith("top") else slice(270, 360)
        columns = slice(0, 320) if corner.endswith("left") else slice(320, 640)
        # A plate of its own colour, which nothing else in the picture has.
        return bool((np.abs(frame.pixels[rows, columns].astype(int) - (250, 0, 250)) < 40).all(axis=2).sum() > 100)

    live.changes.set_badge(BadgeSettings(corner="bottom-left", plate="#FA00FA"))
    next_frame(live, lambda frame: frame.kind == "persona" and lit(frame, "bottom-left"))
    live.changes.set_badge(BadgeSettings(corner="top-right", plate="#FA00FA"))
    for frame in itertools.islice(live, 200):
        corners = [corner for corner in ("bottom-left", "top-right") if lit(frame, corner)]
        assert corners
        if corners == ["top-right"]:
            break
    else:
        pytest.fail("the badge did not move")
    with pytest.raises(ConfigError):
        live.changes.set_badge(BadgeSettings(language="xx"))
    next_frame(live, lambda frame: lit(frame, "top-right"))


def test_another_slate_is_shown_and_a_broken_one_is_not(live: Live, tmp_path: Path) -> None:
    Image.new("RGB", (64, 36), (200, 30, 30)).save(tmp_path / "mine.png")
    live.changes.set_slate_picture(tmp_path / "mine.png", language="en")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"broken\.png cannot be read"):
        live.changes.set_slate_picture(tmp_path / "broken.png", language="en")
    live.set_slate(True)
    frame = next_frame(live, lambda frame: frame.kind == "slate")
    assert frame.pixels[180, 320].tolist() == pytest.approx([30, 30, 200], abs=3)
    live.changes.set_badge(BadgeSettings(corner="bottom-left"))
    moved = next_frame(live, lambda frame: bool((frame.pixels[300:, :200, 2] < 150).any()))
    assert moved.kind == "slate"


# -- sinks, recording


def test_sinks_come_and_go(live: Live) -> None:
    live.changes.add_sink("nut://127.0.0.1:19000")
    assert live.changes.sinks == ("null", "nut://127.0.0.1:19000")
    with pytest.raises(ConfigError, match="there already"):
        live.changes.add_sink("nut://127.0.0.1:19000")
    with pytest.raises(ConfigError):
        live.changes.add_sink("nowhere")
    live.changes.remove_sink("nut://127.0.0.1:19000")
    assert live.changes.sinks == ("null",)
    next_frame(live, lambda frame: True)


def test_a_recording_is_signed_when_it_ends_and_names_whom_it_shows(live: Live, tmp_path: Path) -> None:
    next_frame(live, lambda frame: frame.kind == "persona")
    live.set_persona("opal")
    next_frame(live, lambda frame: frame.kind == "persona")
    live.changes.start_recording(tmp_path / "new" / "show.mp4")
    with pytest.raises(ConfigError, match=r"show\.mp4 is being recorded"):
        live.changes.start_recording(tmp_path / "other.mp4")
    assert live.changes.recording.on
    for _ in range(20):
        next_frame(live, lambda frame: True)
    live.changes.snapshot(tmp_path / "still.png")
    ended = live.changes.stop_recording()
    assert (ended.on, ended.file, ended.problem) == (False, "show.mp4", "")
    for path in (tmp_path / "new" / "show.mp4", tmp_path / "still.png"):
        report = verify(path, signals=False)
        assert report.signed.state == "valid"
        # Viggo was worn before it began, and is not in it.
        assert report.signed.personas == ("opal",)
        assert report.marked.found
    assert live.changes.sinks == ("null",)


def test_a_recording_that_the_end_of_the_run_finds_is_finished_and_signed(tmp_path: Path) -> None:
    with Live(config()) as live:
        next_frame(live, lambda frame: frame.kind == "persona")
        live.changes.start_recording(tmp_path / "show.mp4")
        for _ in range(10):
            next_frame(live, lambda frame: True)
    assert verify(tmp_path / "show.mp4", signals=False).signed.state == "valid"


def test_a_slate_that_is_kept_is_nobodys_face(live: Live, tmp_path: Path) -> None:
    live.set_slate(True)
    next_frame(live, lambda frame: frame.kind == "slate")
    live.changes.snapshot(tmp_path / "still.png")
    signed = verify(tmp_path / "still.png", signals=False).signed
    assert (signed.personas, signed.source_type) == ((), "algorithmicMedia")


def test_a_full_disk_ends_the_recording_and_not_the_stream(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.changes.start_recording(tmp_path / "show.mp4")
    for _ in range(5):
        next_frame(live, lambda frame: True)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("mien.realtime.sink.partfile.shutil.disk_usage", lambda folder: usage(10**9, 10**9, 1000))
    until(lambda: not live.changes.recording.on)
    assert "are free on the disk" in live.changes.recording.problem
    next_frame(live, lambda frame: frame.kind == "persona")
    with pytest.raises(SinkError, match="free"):
        live.changes.start_recording(tmp_path / "more.mp4")
    monkeypatch.undo()
    live.changes.start_recording(tmp_path / "again.mp4")
    for _ in range(5):
        next_frame(live, lambda frame: True)
    assert live.changes.stop_recording().problem == ""
    assert (tmp_path / "show.mp4").exists()


def test_a_folder_that_cannot_be_made_is_a_sentence(live: Live, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SinkError, match="cannot be made"):
        live.changes.start_recording(tmp_path / "file" / "show.mp4")
    with pytest.raises(SinkError, match="cannot be"):
        live.changes.snapshot(tmp_path / "file" / "still.png")
    next_frame(live, lambda frame: True)


def test_a_picture_that_the_disk_has_no_room_for_leaves_no_half_of_it(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Image.Image, file: Any, *__: Any, **___: Any) -> None:
        file.write(b"\x89PNG")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(SinkError, match="No space left"):
        live.changes.snapshot(tmp_path / "still.png")
    assert not list(tmp_path.glob("still*"))


def test_a_virtual_camera_begins_with_the_slate_and_the_badge_of_now(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Image.new("RGB", (640, 360), (200, 30, 30)).save(tmp_path / "own.png")
    live.changes.set_badge(BadgeSettings(corner="top-left", plate="#00ff00"))
    live.changes.set_slate_picture(tmp_path / "own.png", language="en")
    with plugged_in(monkeypatch) as driver:
        live.changes.add_sink("virtualcam")
        live.changes.remove_sink("virtualcam")
    first = driver.sent[0]
    assert np.abs(first[180, 320].astype(int) - (30, 30, 200)).max() < 30
    # The plate's green, in the upper left corner alone.
    green = (first[..., 1] > 150) & (first[..., 2] < 100)
    assert green[:90, :320].sum() > 500
    assert not green[:, 320:].any()
    assert not green[90:].any()


# -- calibration


def test_a_calibration_gathers_from_what_runs_and_can_be_cancelled(live: Live) -> None:
    live.changes.record_calibration(lambda recorder: None)
    until(lambda: live.changes.calibration_step is not None)
    step = live.changes.calibration_step
    assert step is not None
    assert step.prompt.startswith("Look at the camera")
    live.changes.record_calibration(None)
    next_frame(live, lambda frame: True)
    until(lambda: live.changes.calibration_step is None)
    with pytest.raises(ConfigError):
        live.changes.set_calibration(Path("nowhere.json"))
    live.changes.set_calibration(None)
    next_frame(live, lambda frame: frame.kind == "persona")
