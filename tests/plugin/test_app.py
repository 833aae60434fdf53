from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mien.plugin import Live, LiveConfig, convert
from mien.realtime.clock import MonotonicClock
from mien.realtime.errors import ConfigError, EngineError, PersonaError, SinkError, SourceError
from mien.realtime.source.pattern import PatternSource

FRAMES, FPS, SIZE = 45, 30, (640, 360)
#: A persona whose portrait is open at once.
QUICK = LiveConfig(persona="viggo")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of the test pattern's synthetic face, with a tone."""
    path = tmp_path_factory.mktemp("clip") / "pattern.mp4"
    source = PatternSource(width=SIZE[0], height=SIZE[1], fps=FPS, pace=False, clock=MonotonicClock())
    rate = 44_100
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "16"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono")
        for index in range(FRAMES):
            frame = source.read()
            assert frame is not None
            picture = av.VideoFrame.from_ndarray(frame.pixels, format="bgr24")
            picture.pts, picture.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(picture))
        tone = (np.sin(np.arange(rate * FRAMES // FPS) * 0.06) * 8000).astype(np.int16)[None]
        sound = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = rate, 0, Fraction(1, rate)
        container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    source.close()
    return path


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert [thread.name for thread in left if thread.name.startswith("mien-")] == []


def test_convert_gives_every_frame_marked_with_the_sound(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    told: list[tuple[int, int | None]] = []
    report = convert(clip, output, LiveConfig(persona="viggo"), progress=lambda *step: told.append(step))
    assert report.frames["in"] == report.frames["out"] == FRAMES
    assert report.frames["slate"] == report.frames["dropped"] == report.frames["errors"] == 0
    assert report.audio
    assert told[-1] == (FRAMES, FRAMES)
    with av.open(str(output)) as made, av.open(str(clip)) as given:
        assert [stream.type for stream in made.streams] == ["video", "audio"]
        after = [frame.to_ndarray(format="bgr24") for frame in made.decode(video=0)]
        before = [frame.to_ndarray(format="bgr24") for frame in given.decode(video=0)]
    assert len(after) == FRAMES
    corner = (slice(0, SIZE[1] // 6), slice(SIZE[0] // 2, SIZE[0]))
    changed = [np.abs(a[corner].astype(int) - b[corner]).max() for a, b in zip(after, before, strict=True)]
    # The badge: nearly white on nearly black, in the top right corner of every frame.
    assert min(changed) > 100


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda clip, out: (clip.with_name("none.mp4"), out), SourceError, "there is no file"),
        (lambda clip, out: (clip, clip), ConfigError, "same file"),
        (lambda clip, out: (clip, out.with_name("gone") / "out.mp4"), SinkError, "gone"),
        (lambda clip, out: (clip, out.with_suffix(".xyz")), ConfigError, "xyz"),
    ],
)
def test_convert_says_what_is_wrong(
    clip: Path, tmp_path: Path, make: Callable[[Path, Path], tuple[Path, Path]], error: type[Exception], text: str
) -> None:
    source, output = make(clip, tmp_path / "out.mp4")
    with pytest.raises(error, match=text):
        convert(source, output, QUICK)


def test_convert_does_not_write_over_a_file_unless_told(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(b"precious")
    with pytest.raises(SinkError, match=r"out\.mp4"):
        convert(clip, output, QUICK)
    assert output.read_bytes() == b"precious"
    convert(clip, output, QUICK.model_copy(update={"overwrite": True}))
    assert output.stat().st_size > 1000


def test_a_conversion_that_is_stopped_keeps_what_it_has(clip: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    output = tmp_path / "out.mp4"
    report = convert(clip, output, QUICK, stop=stop)
    assert report.frames["out"] <= FRAMES
    if report.frames["out"] > 1:
        with av.open(str(output)) as made:
            assert sum(1 for _ in made.decode(video=0)) >= 1


def test_iterating_gives_marked_frames_and_ends_with_the_source(clip: Path) -> None:
    with Live(LiveConfig(source=str(clip), sinks=(), persona="viggo")) as live:
        frames = list(live)
        stats = live.stats()
    assert frames
    assert {frame.kind for frame in frames} <= {"persona", "slate"}
    assert [frame.sequence for frame in frames] == sorted(frame.sequence for frame in frames)
    assert live.startup_s > 0
    assert stats["engine"]["name"].startswith("mesh")
    assert stats["engine"]["reason"]
    assert stats["source"]["width"] == SIZE[0]


def test_a_live_runs_once(clip: Path) -> None:
    live = Live(LiveConfig(source=str(clip), sinks=(), persona="viggo"))
    with live, pytest.raises(EngineError, match="opened already"):
        live.__enter__()
    with pytest.raises(EngineError, match="opened already"), live:
        pass


def test_the_persona_changes_while_it_runs(clip: Path) -> None:
    with Live(LiveConfig(source=str(clip), sinks=("null",), loop=True, persona="amara")) as live:
        frames = iter(live)
        next(frames)
        live.set_persona("viggo")
        for _ in range(10):
            next(frames)
        assert live.stats()["persona"] == "viggo"
        assert live.persona_switch_ms > 0
        with pytest.raises(PersonaError, match="amara"):
            live.set_persona("amarra")
        assert live.stats()["persona"] == "viggo"
        assert next(frames).kind in ("persona", "slate")


def test_controls_reach_the_picture(clip: Path) -> None:
    with Live(LiveConfig(source=str(clip), sinks=(), loop=True, persona="viggo")) as live:
        frames = iter(live)
        next(frames)
        live.set_slate(True)
        kinds = [next(frames).kind for _ in range(6)]
        live.set_slate(False)
        assert kinds[-1] == "slate"
        live.show_me(True)
        kinds = [next(frames).kind for _ in range(6)]
        assert kinds[-1] == "camera"
        live.show_me(False)
        kinds = [next(frames).kind for _ in range(6)]
        assert kinds[-1] == "persona"


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"persona": "nobody-we-know"}, PersonaError, "nobody-we-know"),
        ({"source": "camera:99"}, SourceError, "99"),
        ({"source": "/does/not/exist.mp4"}, SourceError, r"exist\.mp4"),
        ({"sinks": ("fil:out.mp4",)}, ConfigError, "file"),
        ({"sinks": ("null", "file:/does/not/exist/out.mp4")}, SinkError, "exist"),
        ({"calibration": Path("/does/not/exist.json")}, Exception, r"exist\.json"),
        ({"slate": Path("/does/not/exist.png")}, Exception, r"exist\.png"),
        ({"badge": {"corner": "top-left", "language": "xx"}}, ConfigError, "xx"),
    ],
)
def test_a_run_that_cannot_start_says_why_and_leaves_nothing_behind(
    clip: Path, settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    config = LiveConfig.build({"source": str(clip), "sinks": (), "persona": "viggo", **settings})
    with pytest.raises(error, match=text), Live(config):
        pytest.fail("it started")
