from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import pytest
from emulated_device import EmulatedDevice
from live_parts import (
    HEIGHT,
    PERSONA_BGR,
    WIDTH,
    ListSink,
    ListSource,
    PaintEngine,
    ScriptTracker,
    driver_picture,
    face_in,
    shows_driver_face,
    shows_persona,
)

from mien.engines.cuda.painter import CudaPainter
from mien.realtime import pipeline as pipeline_module
from mien.realtime.clock import MonotonicClock
from mien.realtime.compositor import Compositor
from mien.realtime.config import LossSettings
from mien.realtime.cpu_painter import CpuPainter
from mien.realtime.errors import DeviceBusyError, SinkError, SourceLostError
from mien.realtime.face import Face
from mien.realtime.frame import Pixels
from mien.realtime.governor import Governor
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.painter import Painter
from mien.realtime.pipeline import Pipeline, Stages
from mien.realtime.presence import Presence
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.runner import SinkRunner
from mien.realtime.slate import Slate
from mien.realtime.tracker.finder import Found
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage
from mien.realtime.tracker.watch import BystanderWatch


@dataclass
class Run:
    """A pipeline on doubles of camera, model, network and screen."""

    pipeline: Pipeline
    compositor: Compositor
    source: ListSource
    engines: tuple[PaintEngine, ...]
    sinks: tuple[ListSink, ...]
    runners: list[SinkRunner]
    events: list[str]

    @property
    def frames(self) -> list[MarkedFrame]:
        return self.sinks[0].frames


#: Only a defect takes as long, seconds.
PATIENCE_S = 120.0


@pytest.fixture
def no_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so busy that a frame comes late gives no frames in between."""
    monkeypatch.setattr(pipeline_module, "IDLE_S", PATIENCE_S)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that takes a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def always(face: Face) -> Callable[[int], tuple[Face, ...]]:
    return lambda sequence: (face,)


@contextmanager
def running(
    count: int,
    *,
    live: bool = False,
    faces: Callable[[int], tuple[Face, ...]] | None = None,
    engines: tuple[PaintEngine, ...] | None = None,
    sinks: tuple[ListSink, ...] | None = None,
    gate: Callable[[int], object] | None = None,
    governed: bool = False,
    watch: BystanderWatch | None = None,
    reopen: Callable[[], ListSource] | None = None,
    painter: Painter | None = None,
) -> Iterator[Run]:
    clock = MonotonicClock()
    source = ListSource(clock, count, live=live, gate=gate)
    engines = engines or (PaintEngine(),)
    sinks = sinks or (ListSink(),)
    events: list[str] = []
    with ExitStack() as stack:
        compositor = Compositor(
            engines,
            painter=painter or CpuPainter(),
            marker=Marker(WIDTH, HEIGHT),
            slate=Slate(WIDTH, HEIGHT, None),
            presence=Presence(LossSettings()),
            now_ns=clock.now_ns,
            on_error=events.append,
        )
        stack.callback(compositor.close)
        tracking = TrackingStage(
            ScriptTracker(faces or always(face_in())), FaceSelector("locked"), NeutralEstimator(None), None, watch
        )
        stack.callback(tracking.close)
        stream = StreamFormat(WIDTH, HEIGHT, 30.0, None, live=live)
        runners = [SinkRunner(sink, stream, clock, on_event=events.append) for sink in sinks]
        for runner in runners:
            stack.callback(runner.close)
            runner.start()
        pipeline = Pipeline(
            Stages(
                source,
                reopen or (lambda: source),
                tracking,
                compositor,
                runners,
                Governor(len(engines), 33.3) if governed else None,
            ),
            clock=clock,
            lossless=not live,
            on_event=events.append,
        )
        stack.callback(pipeline.stop)
        pipeline.start()
        yield Run(pipeline, compositor, source, engines, sinks, runners, events)


STAGES = ("mien-capture", "mien-track", "mien-compose", "mien-sink")


def threads_of_a_run() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(STAGES)]


def finish(run: Run) -> list[MarkedFrame]:
    """Wait for the source's end and for the sinks to have everything."""
    assert run.pipeline.wait(PATIENCE_S)
    for runner in run.runners:
        runner.close()
    return run.frames


def test_offline_every_frame_comes_out_in_order() -> None:
    with running(120) as run:
        frames = finish(run)
    assert [frame.sequence for frame in frames] == list(range(120))
    assert all(shows_persona(frame) for frame in frames)
    counts = run.pipeline.frames
    assert counts == {"in": 120, "dropped": 0, "out": 120, "held": 0, "slate": 0, "camera": 0, "errors": 0}


def test_live_the_newest_frame_wins_and_losses_are_counted(no_stand_ins: None) -> None:
    slow = PaintEngine()
    slow.fail_on = lambda call: bool(time.sleep(0.01))
    with running(200, live=True, engines=(slow,), gate=lambda index: time.sleep(0.001)) as run:
        frames = finish(run)
    counts = run.pipeline.frames
    sequences = [frame.sequence for frame in frames]
    assert counts["in"] == 200
    assert counts["dropped"] > 0
    assert counts["dropped"] + counts["out"] == 200
    assert sequences == sorted(sequences)
    assert sequences[-1] == 199


def test_capture_times_are_carried_to_the_sink() -> None:
    with running(10) as run:
        finish(run)
        records = run.pipeline.stats.records()
    assert all(0 < record.latency_ms < 5000 for record in records)
    assert {"decode", "track", "engine", "blend", "mark"} <= set(records[0].stages_ms)


@pytest.mark.parametrize("stage", ["track", "engine", "both"])
def test_a_stage_that_fails_on_frame_k_never_shows_frame_k(stage: str) -> None:
    bad = range(20, 26)
    worse = range(20, 26) if stage != "both" else range(20, 32)

    def faces(sequence: int) -> tuple[Face, ...]:
        if stage in ("track", "both") and sequence in bad:
            raise RuntimeError("model crashed")
        return (face_in(),)

    engine = PaintEngine()
    if stage in ("engine", "both"):
        engine.fail_on = lambda call: call - 1 in bad
    with running(60, faces=faces, engines=(engine,)) as run:
        frames = finish(run)
    assert [frame.sequence for frame in frames] == list(range(60))
    assert [frame.sequence for frame in frames if frame.held] == list(worse)
    assert not any(shows_driver_face(frame) for frame in frames)
    assert run.pipeline.frames["errors"] + len(run.events) >= len(worse)


def test_an_engine_that_never_works_gives_only_slates() -> None:
    engine = PaintEngine()
    engine.fail_on = lambda call: True
    with running(30, engines=(engine,)) as run:
        frames = finish(run)
    assert {frame.kind for frame in frames} == {"slate"}


def test_no_face_for_minutes_gives_a_slate_for_minutes() -> None:
    with running(30 * 120, faces=lambda sequence: (face_in(),) if sequence < 3 else ()) as run:
        frames = finish(run)
    assert {frame.kind for frame in frames[3:60]} >= {"slate"}
    assert {frame.kind for frame in frames[60:]} == {"slate"}
    assert not any(shows_driver_face(frame) for frame in frames[::97])


def test_a_source_that_stalls_gives_stand_ins_and_then_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "IDLE_S", 0.02)
    stalled = threading.Event()

    def gate(index: int) -> None:
        if index == 5:
            stalled.wait(PATIENCE_S)

    with running(10, live=True, gate=gate) as run:
        # On a busy machine there is a slate before the first picture as well.
        until(lambda: any(frame.kind == "persona" for frame in run.frames) and run.frames[-1].kind == "slate")
        seen = len(run.frames)
        stalled.set()
        frames = finish(run)
    kinds = [(frame.kind, frame.held) for frame in frames[:seen]]
    kinds = kinds[next(place for place, (kind, _) in enumerate(kinds) if kind == "persona") :]
    assert ("persona", True) in kinds
    assert ("slate", False) in kinds
    assert kinds.index(("persona", True)) < kinds.index(("slate", False))
    assert frames[-1].kind == "persona"
    assert frames[-1].sequence == 9


def test_a_source_that_is_lost_ends_the_run_with_its_reason() -> None:
    def gate(index: int) -> None:
        if index == 5:
            raise SourceLostError("the camera was unplugged.")

    with running(10, gate=gate) as run:
        frames = finish(run)
    assert len(frames) == 5
    assert any("unplugged" in event for event in run.events)


def test_a_source_that_breaks_raises_in_the_one_who_waits() -> None:
    def gate(index: int) -> None:
        if index == 5:
            raise OSError("driver bug")

    with running(10, gate=gate) as run, pytest.raises(OSError, match="driver bug"):
        run.pipeline.wait(10.0)


def test_a_slow_or_dead_sink_slows_no_other(no_stand_ins: None) -> None:
    good, slow, dead = ListSink("good"), ListSink("slow"), ListSink("dead")
    done = threading.Event()
    slow.on_write = lambda frame: done.wait(PATIENCE_S) and None

    def die(frame: MarkedFrame) -> None:
        raise SinkError("disk full.")

    dead.on_write = die

    def in_step(index: int) -> None:
        # Each frame comes when the good sink has the one before: no machine is too slow for that.
        until(lambda: len(good.frames) >= index)

    with running(60, live=True, sinks=(good, slow, dead), gate=in_step) as run:
        assert run.pipeline.wait(PATIENCE_S)
        until(lambda: len(good.frames) == 60)
        assert len(slow.frames) == 0
        assert run.pipeline.frames["out"] == 60
        states = {runner.name: runner.stats for runner in run.runners}
        done.set()
    # The one it was at, and the newest.
    assert [frame.sequence for frame in slow.frames] == [0, 59]
    assert states["dead"].state == "dead"
    assert "disk full" in states["dead"].last_error


def test_offline_a_dead_sink_ends_the_run_with_its_reason() -> None:
    dead = ListSink("file:out.mp4")

    def die(frame: MarkedFrame) -> None:
        raise SinkError("no space left.")

    dead.on_write = die
    with running(500, sinks=(dead,)) as run, pytest.raises(SinkError, match="no space left"):
        run.pipeline.wait(20.0)
    assert threads_of_a_run() == []


def test_listeners_get_frames_and_an_end() -> None:
    started = threading.Event()
    with running(30, gate=lambda index: started.wait(5.0) and None) as run:
        box = run.pipeline.listen()
        started.set()
        seen = []
        while (frame := box.take(10.0)) is not None:
            seen.append(frame)
    assert seen
    assert seen[-1].sequence == 29


@pytest.mark.parametrize("broken", [False, True])
def test_listening_after_the_end_ends_at_once(broken: bool) -> None:
    sink = ListSink()

    def die(frame: MarkedFrame) -> None:
        raise SinkError("no space left.")

    if broken:
        sink.on_write = die
    with running(20, sinks=(sink,)) as run:
        with suppress(SinkError):
            run.pipeline.wait(10.0)
        assert run.pipeline.listen().take(5.0) is None
        assert run.pipeline.listen().closed


def test_under_load_the_run_steps_down_says_so_and_keeps_going() -> None:
    heavy, light = PaintEngine(name="heavy"), PaintEngine((200, 40, 40), name="light")
    heavy.fail_on = lambda call: bool(time.sleep(0.04))
    with running(40, engines=(heavy, light), governed=True) as run:
        frames = finish(run)
    assert shows_persona(frames[0])
    assert shows_persona(frames[-1], (200, 40, 40))
    assert any("too slow" in event and "light" in event for event in run.events)


def test_other_engines_are_governed_anew() -> None:
    heavy, light = PaintEngine(name="heavy"), PaintEngine((200, 40, 40), name="light")
    others = PaintEngine((90, 90, 220), name="other-heavy"), PaintEngine((10, 220, 220), name="other-light")
    heavy.fail_on = others[0].fail_on = lambda call: bool(time.sleep(0.04))
    changed: list[int] = []

    def change(index: int) -> None:
        if light.calls and not changed:
            changed.append(index)
            run.compositor.set_engines(others)

    with running(60, engines=(heavy, light), governed=True, gate=change) as run:
        frames = finish(run)
    assert changed
    assert others[0].calls > 0
    assert shows_persona(frames[-1], (10, 220, 220))


def test_the_camera_is_released_when_nobody_reads_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "RELEASE_AFTER_S", 0.05)
    page = ListSink("preview", wanted=False)
    again = ListSource(MonotonicClock(), 20, live=True)
    with running(100_000, live=True, sinks=(page,), gate=lambda index: time.sleep(0.002), reopen=lambda: again) as run:
        assert run.source.closed.wait(PATIENCE_S)
        until(lambda: run.pipeline.released)
        assert run.pipeline.last_frame is None
        page.wanted = True
        assert run.pipeline.wait(PATIENCE_S)
    assert again.reads == 20
    assert any("released" in event for event in run.events)


def test_a_picture_that_nobody_sees_is_held_and_not_made() -> None:
    with running(10**6, live=True, gate=lambda index: time.sleep(0.002)) as run:
        until(lambda: len(run.frames) >= 1 and run.frames[-1].kind == "persona")
        run.pipeline.set_unseen(["screen"])
        until(lambda: run.pipeline.resting)
        # What was under way then has left by now.
        seen = len(run.frames)
        until(lambda: len(run.frames) >= seen + 4)
        calls, reads = run.engines[0].calls, run.source.reads
        until(lambda: run.source.reads >= reads + 20)
        held = len(run.frames)
        # Longer than a lost face is held.
        until(lambda: len(run.frames) > held + 2 and run.frames[-1].capture_ns - run.frames[held].capture_ns > 1.7e9)
        # The camera is read, no face is swapped, and what stays is the last persona frame.
        assert run.engines[0].calls == calls
        assert all(frame.held and frame.kind == "persona" for frame in run.frames[held:])
        run.pipeline.set_unseen(())
        until(lambda: run.engines[0].calls > calls and not run.frames[-1].held)
    assert [event for event in run.events if "picture" in event] == [
        "nobody sees the picture: it rests",
        "the picture is seen again",
    ]


@pytest.mark.parametrize("unseen", [(), ("other",), ("page",)])
def test_a_picture_that_one_sink_shows_is_made_for_it(unseen: tuple[str, ...]) -> None:
    with running(60, live=True, sinks=(ListSink(), ListSink("page"))) as run:
        run.pipeline.set_unseen(unseen)
        assert run.pipeline.wait(20)
        assert not run.pipeline.resting
    assert "nobody sees the picture: it rests" not in run.events


def test_a_sink_that_nobody_reads_keeps_nothing_awake() -> None:
    sinks = (ListSink(), ListSink("page", wanted=False))
    with running(10**6, live=True, sinks=sinks, gate=lambda index: time.sleep(0.002)) as run:
        run.pipeline.set_unseen(["screen"])
        until(lambda: run.pipeline.resting)


def test_a_source_that_is_lost_while_nobody_looks_ends_in_the_slate_once_somebody_does() -> None:
    lost = threading.Event()

    def gate(index: int) -> None:
        time.sleep(0.002)
        if run.pipeline.resting:
            assert lost.wait(PATIENCE_S)

    with running(10**6, live=True, gate=gate) as run:
        try:
            until(lambda: len(run.frames) >= 1 and run.frames[-1].kind == "persona")
            run.pipeline.set_unseen(["screen"])
            until(lambda: run.pipeline.resting and run.frames[-1].held)
            run.pipeline.set_unseen(())
            until(lambda: run.frames[-1].kind == "slate")
            assert not run.pipeline.resting
        finally:
            lost.set()


def test_offline_nothing_rests() -> None:
    with running(30) as run:
        run.pipeline.set_unseen(["screen"])
        assert run.pipeline.wait(20)
    assert len(run.frames) == 30
    assert not any(frame.held for frame in run.frames)


def test_a_released_camera_that_another_program_took_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "RELEASE_AFTER_S", 0.05)
    monkeypatch.setattr(pipeline_module, "_REOPEN_S", 0.01)
    page = ListSink("preview", wanted=False)
    again = ListSource(MonotonicClock(), 5, live=True)
    refusals = iter([DeviceBusyError("camera 0 is busy."), DeviceBusyError("camera 0 is busy.")])

    def reopen() -> ListSource:
        for refusal in refusals:
            raise refusal
        return again

    with running(100_000, live=True, sinks=(page,), gate=lambda index: time.sleep(0.002), reopen=reopen) as run:
        assert run.source.closed.wait(PATIENCE_S)
        page.wanted = True
        assert run.pipeline.wait(PATIENCE_S)
    assert again.reads == 5
    assert sum("busy" in event for event in run.events) == 1


def test_what_is_wrong_with_the_source_is_said_once_and_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "IDLE_S", 0.01)
    silent, mended = threading.Event(), threading.Event()

    def gate(index: int) -> None:
        if index == 5:
            silent.set()
            assert mended.wait(PATIENCE_S)

    with running(10, live=True, gate=gate) as run:
        assert silent.wait(PATIENCE_S)
        run.source.trouble = "the camera was unplugged."
        until(lambda: bool(run.pipeline.trouble))
        run.source.trouble = ""
        # Whoever asked for the trouble before has said it by then.
        seen = len(run.frames)
        until(lambda: len(run.frames) >= seen + 3)
        mended.set()
        finish(run)
    assert [event for event in run.events if "unplugged" in event or "again" in event] == [
        "the camera was unplugged.",
        "the source gives frames again",
    ]


def test_the_lock_goes_to_who_is_prominent_when_it_is_taken_anew() -> None:
    first, second = face_in((20.0, 60.0, 100.0, 160.0), 1), face_in((150.0, 40.0, 290.0, 200.0), 2)
    runs: list[Run] = []
    known = threading.Event()

    def faces(sequence: int) -> tuple[Face, ...]:
        if sequence == 100:
            known.wait(5.0)
            runs[0].pipeline.relock()
        return (first,) if sequence < 90 else (first, second)

    with running(110, faces=faces) as run:
        runs.append(run)
        known.set()
        frames = finish(run)
    # But for the watermark, which is one level.
    swapped = [bool((np.abs(frame.pixels[120, 220].astype(int) - PERSONA_BGR) <= 1).all()) for frame in frames]
    assert swapped == [False] * 100 + [True] * 10


class Finder:
    """The face detector's double: one small face in the corner, or a fault."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken

    def __call__(self, pixels: Pixels) -> list[Found]:
        if self.broken:
            raise RuntimeError("model crashed")
        return [Found((4.0, 4.0, 24.0, 24.0), 0.9)]

    def close(self) -> None:
        pass


def test_small_faces_in_the_background_are_looked_for_and_covered() -> None:
    with running(60, watch=BystanderWatch(Finder())) as run:
        frames = finish(run)
    detail = [np.abs(np.diff(frame.pixels[8:20, 8:20].astype(int), axis=1)).mean() for frame in frames]
    assert detail[0] > 10
    assert detail[-1] < 0.4 * detail[0]


def test_a_watch_that_fails_stops_nothing_and_is_reported() -> None:
    with running(20, watch=BystanderWatch(Finder(broken=True))) as run:
        frames = finish(run)
    assert {frame.kind for frame in frames} == {"persona"}
    assert run.pipeline.frames["errors"] == 20
    assert "watch for bystanders" in run.pipeline.stats.last_error


@pytest.mark.parametrize("live", [True, False])
def test_a_gpu_copies_the_next_frame_while_it_paints_one(live: bool) -> None:
    count, device, called = 8, EmulatedDevice(), threading.Semaphore(0)
    engine = PaintEngine()

    def paint(call: int) -> bool:
        called.release()
        # The first frame that is painted lets its successors be copied; the last one has none.
        return not device.wait_until_asked("upload ahead", min(call - 1, count - 2))

    engine.fail_on = paint
    # A frame is captured once the one before is being painted.
    gate: Callable[[int], object] = lambda index: index == 0 or called.acquire(timeout=10.0)  # noqa: E731
    with running(count, live=live, engines=(engine,), gate=gate, painter=CudaPainter(device)) as run:
        frames = finish(run)
    assert run.events == []
    assert [frame.sequence for frame in frames] == list(range(count))
    assert all(shows_persona(frame) for frame in frames)
    for frame in frames:
        away = slice(190, 235), slice(5, 60)
        assert np.abs(frame.pixels[away].astype(int) - driver_picture(frame.sequence)[away]).max() <= 8
    whole = [way for way, size in device.transfers if size == WIDTH * HEIGHT * 3]
    assert (whole.count("upload"), whole.count("upload ahead"), whole.count("download")) == (2, count - 2, count)


def test_stop_ends_every_thread_within_a_second() -> None:
    took_s = []
    # Three times: a busy machine may take a second for nothing, but a wait that is too long is there each time.
    for _ in range(3):
        with running(1_000_000, live=True, gate=lambda index: time.sleep(0.001)) as run:
            until(lambda run=run: len(run.frames) > 3)  # type: ignore[misc]
            begin = time.monotonic()
            run.pipeline.stop()
            for runner in run.runners:
                runner.close()
            took_s.append(time.monotonic() - begin)
        until(lambda: threads_of_a_run() == [])
        assert run.engines[0].closed == 1
    assert min(took_s) < 1.0
