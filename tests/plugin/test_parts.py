from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from mien.engines.personas.library import find
from mien.plugin.engine_switch import EngineSwitch
from mien.plugin.obs.journal import Journal, Kept, SourceMade, journal_path
from mien.plugin.parts import make_obs_watch, open_compositor
from mien.realtime.config import LiveConfig
from mien.realtime.errors import MienError
from mien.realtime.mark import Marker
from mien.realtime.source.base import SourceInfo
from mien.realtime.watermark.session import MarkSession

CONFIG = LiveConfig(persona="viggo")


@pytest.fixture
def switch() -> Iterator[EngineSwitch]:
    made = EngineSwitch(CONFIG, lambda _: None)
    yield made
    made.close()


@pytest.mark.parametrize(("live", "rungs"), [(True, 2), (False, 2)])
def test_a_compositor_is_opened_with_the_marker_that_it_marks_with(
    switch: EngineSwitch, live: bool, rungs: int
) -> None:
    session, info = MarkSession(), SourceInfo("a clip", 320, 240, 10.0, live=live)
    compositor, marker = open_compositor(
        CONFIG, info, switch, find("viggo"), session=session, now_ns=lambda: 0, on_error=lambda _: None
    )
    assert len(compositor.engines) == rungs
    left = compositor.idle(0, 0, 0).marked
    assert (left.kind, left.pixels.shape) == ("slate", (240, 320, 3))
    marker.keep_to(frozenset({"top-left"}))
    moved = compositor.idle(1, 0, 0).marked
    assert (moved.pixels[:40, :120] != left.pixels[:40, :120]).any()
    compositor.close()


def test_a_slate_that_cannot_be_read_opens_no_engine(switch: EngineSwitch, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"slate": tmp_path / "gone.png"})
    info = SourceInfo("a clip", 320, 240, 10.0, live=False)
    with pytest.raises(MienError, match=r"gone\.png"):
        open_compositor(
            config, info, switch, find("viggo"), session=MarkSession(), now_ns=lambda: 0, on_error=lambda _: None
        )
    assert switch.shown == []


@pytest.mark.parametrize("damaged", [False, True])
def test_where_nothing_is_installed_obs_is_not_watched(damaged: bool) -> None:
    if damaged:
        journal_path().parent.mkdir(parents=True, exist_ok=True)
        journal_path().write_text("[]")
    told: list[str] = []
    assert make_obs_watch((), lambda _: None, Marker(320, 240), told.append) is None
    assert len(told) == damaged
    assert all("is damaged" in text for text in told)


def test_where_mien_is_installed_obs_is_watched(tmp_path: Path) -> None:
    Journal(Kept(folder=tmp_path, source="Mien", port=9000)).add(SourceMade(collection="Stream", name="Mien"))
    unseen: list[Collection[str]] = []
    watch = make_obs_watch((), unseen.append, Marker(320, 240), lambda _: None)
    assert watch is not None
    assert watch.state == {"connected": False, "shown": True, "warnings": []}
    watch.start()
    watch.close()
    # No OBS runs there, so whoever reads may be seen.
    assert not any(unseen)
