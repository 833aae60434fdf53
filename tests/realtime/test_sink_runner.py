from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from sink_frames import MS, Frames

from mien.realtime.clock import ManualClock, MonotonicClock
from mien.realtime.errors import MissingExtraError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import SinkLostError, StreamFormat
from mien.realtime.sink.null import NullSink
from mien.realtime.sink.runner import BACK_OFF_S, KEPT_HANDOVERS, SinkRunner

LIVE = StreamFormat(64, 48, 30.0)
OFFLINE = StreamFormat(64, 48, 30.0, live=False)
#: Generous: only a hang takes as long.
PATIENCE_S = 10.0


class Device:
    """A sink whose every step is the test's: it stands for a camera, a socket or a disk."""

    name = "device:test"
    wanted = True

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.got: list[int] = []
        self.threads: set[str] = set()
        self.on_open: Callable[[], None] = lambda: None
        self.on_write: Callable[[MarkedFrame], None] = lambda frame: None
        self.on_close: Callable[[], None] = lambda: None
        self.wrote = threading.Semaphore(0)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.threads.add(threading.current_thread().name)

    def open(self, stream: StreamFormat) -> None:
        self._note("open")
        self.on_open()

    def write(self, frame: MarkedFrame) -> None:
        self._note("write")
        self.on_write(frame)
        self.got.append(frame.sequence)
        self.wrote.release()

    def close(self) -> None:
        self._note("close")
        self.on_close()


def make(device: Device, stream: StreamFormat = LIVE, clock: ManualClock | None = None) -> tuple[SinkRunner, list[str]]:
    events: list[str] = []
    return SinkRunner(device, stream, clock or ManualClock(), on_event=events.append), events


def raising(error: Exception) -> Callable[..., None]:
    def step(*_: object) -> None:
        raise error

    return step


def offer_many(runner: SinkRunner, frames: Frames) -> None:
    for _ in range(50):
        runner.offer(frames())


def finish(runner: SinkRunner) -> None:
    assert runner.close(PATIENCE_S)


def test_every_step_runs_on_the_sinks_own_thread_in_order() -> None:
    device, frames = Device(), Frames()
    runner, events = make(device, OFFLINE)
    runner.start()
    for _ in range(5):
        runner.offer(frames())
    finish(runner)
    assert device.calls == ["open", *["write"] * 5, "close"]
    assert device.threads == {"mien-sink-device"}
    assert device.got == [0, 1, 2, 3, 4]
    assert (runner.stats.state, runner.stats.written, runner.stats.dropped) == ("closed", 5, 0)
    assert events == []


def test_a_sink_that_cannot_open_is_reported_at_start_with_its_own_error() -> None:
    device = Device()
    device.on_open = raising(MissingExtraError("pyvirtualcam is not installed.", hint="pip install pyvirtualcam"))
    runner, _ = make(device)
    with pytest.raises(MissingExtraError, match="pip install pyvirtualcam"):
        runner.start()
    assert runner.stats.state == "dead"
    assert not runner.wanted
    finish(runner)
    assert device.calls == ["open", "close"]


def test_a_lost_sink_at_start_is_not_retried() -> None:
    device = Device()
    device.on_open = raising(SinkLostError("gone already."))
    runner, _ = make(device)
    with pytest.raises(SinkError, match="gone already"):
        runner.start()
    finish(runner)
    assert device.calls == ["open", "close"]


def test_a_sink_that_hangs_in_open_is_reported_and_left_behind() -> None:
    device, gate = Device(), threading.Event()
    device.on_open = lambda: (gate.wait(PATIENCE_S) and None) or None
    runner, _ = make(device)
    with pytest.raises(SinkError, match=r"device:test did not open within 0\.05 s"):
        runner.start(timeout_s=0.05)
    gate.set()
    finish(runner)
    assert runner.stats.state == "dead"
    assert device.calls == ["open", "close"]


def test_live_a_slow_sink_gets_the_newest_frame_and_offer_never_blocks() -> None:
    device, frames, gate, busy = Device(), Frames(), threading.Event(), threading.Event()

    def slow(_: MarkedFrame) -> None:
        busy.set()
        assert gate.wait(PATIENCE_S)

    device.on_write = slow
    runner, _ = make(device)
    runner.start()
    runner.offer(frames())
    assert busy.wait(PATIENCE_S)
    for _ in range(20):
        runner.offer(frames())
    gate.set()
    finish(runner)
    assert device.got == [0, 20]
    stats = runner.stats
    assert (stats.offered, stats.written, stats.dropped) == (21, 2, 19)


def test_offline_nothing_is_lost_and_a_full_disk_reaches_the_one_who_offers() -> None:
    device, frames = Device(), Frames()

    def fill(frame: MarkedFrame) -> None:
        if frame.sequence == 3:
            raise SinkError("the disk is full.")

    device.on_write = fill
    runner, events = make(device, OFFLINE)
    runner.start()
    with pytest.raises(SinkError, match="the disk is full"):
        offer_many(runner, frames)
    finish(runner)
    assert device.got == [0, 1, 2]
    assert events == ["the disk is full."]
    with pytest.raises(SinkError, match="the disk is full"):
        runner.check()


def test_a_dead_sink_is_closed_named_and_takes_no_more_frames() -> None:
    device, frames = Device(), Frames()
    device.on_write = raising(ZeroDivisionError("codec"))
    runner, events = make(device)
    runner.start()
    runner.offer(frames())
    finish(runner)
    runner.offer(frames())
    assert device.calls == ["open", "write", "close"]
    assert events == ["device:test failed: ZeroDivisionError: codec."]
    stats = runner.stats
    assert (stats.state, stats.written, stats.offered, stats.dropped) == ("dead", 0, 2, 1)
    assert "ZeroDivisionError" in stats.last_error


def test_a_lost_sink_is_opened_again_with_a_back_off_and_goes_on() -> None:
    device, frames, clock = Device(), Frames(), ManualClock()
    attempts = iter([SinkError("not yet."), SinkError("not yet."), None])

    def lose_second(frame: MarkedFrame) -> None:
        if frame.sequence == 1:
            device.on_open = reopen
            raise SinkLostError("unplugged.")

    def reopen() -> None:
        error = next(attempts)
        if error is not None:
            raise error

    device.on_write = lose_second
    events: list[str] = []
    back = threading.Event()

    def note(event: str) -> None:
        events.append(event)
        if event.endswith("is back."):
            back.set()

    runner = SinkRunner(device, LIVE, clock, on_event=note)
    runner.start()
    runner.offer(frames())
    assert device.wrote.acquire(timeout=PATIENCE_S)
    runner.offer(frames())
    assert back.wait(PATIENCE_S)
    runner.offer(frames())
    assert device.wrote.acquire(timeout=PATIENCE_S)
    finish(runner)
    assert device.got == [0, 2]
    assert events == ["unplugged.", "not yet.", "device:test is back."]
    assert clock.now_ns() == sum(BACK_OFF_S[:3]) * 1e9
    assert runner.stats.state == "closed"


def test_closing_ends_a_back_off_at_once_and_writes_to_no_closed_sink() -> None:
    device, frames = Device(), Frames()
    device.on_write = raising(SinkLostError("unplugged."))
    lost = threading.Event()
    runner = SinkRunner(device, LIVE, MonotonicClock(), on_event=lambda _: lost.set())
    runner.start()
    device.on_open = raising(SinkError("still away."))
    runner.offer(frames())
    assert lost.wait(PATIENCE_S)
    runner.offer(frames())
    finish(runner)
    assert device.calls.count("write") == 1


def test_offline_a_lost_sink_is_dead() -> None:
    device, frames = Device(), Frames()
    device.on_write = raising(SinkLostError("unplugged."))
    runner, _ = make(device, OFFLINE)
    runner.start()
    with pytest.raises(SinkLostError, match="unplugged"):
        offer_many(runner, frames)
    finish(runner)
    assert device.calls == ["open", "write", "close"]


def test_a_failed_finish_makes_the_sink_dead_and_is_told() -> None:
    device = Device()
    device.on_close = raising(SinkError("out.mp4 exists already."))
    runner, events = make(device)
    runner.start()
    finish(runner)
    assert runner.stats.state == "dead"
    assert events == ["out.mp4 exists already."]


def test_close_is_bounded_when_a_write_hangs() -> None:
    device, frames, gate, busy = Device(), Frames(), threading.Event(), threading.Event()

    def hang(_: MarkedFrame) -> None:
        busy.set()
        assert gate.wait(PATIENCE_S)

    device.on_write = hang
    runner, _ = make(device)
    runner.start()
    runner.offer(frames())
    assert busy.wait(PATIENCE_S)
    assert not runner.close(timeout_s=0.05)
    assert "left behind" in runner.stats.last_error
    gate.set()
    finish(runner)


def test_latency_is_capture_to_the_return_of_write() -> None:
    device, frames, clock = Device(), Frames(), ManualClock()
    device.on_write = lambda _: clock.advance(0.012)
    runner, _ = make(device, OFFLINE, clock)
    runner.start()
    runner.offer(frames(capture_ns=-3 * MS))
    assert device.wrote.acquire(timeout=PATIENCE_S)
    runner.offer(frames.hold(capture_ns=12 * MS))
    finish(runner)
    np.testing.assert_array_equal(runner.handovers(), [[0, 15 * MS, 0], [0, 12 * MS, 1]])


def test_handovers_keep_the_newest_in_order() -> None:
    frames, clock = Frames(), ManualClock()
    runner = SinkRunner(NullSink(), OFFLINE, clock)
    runner.start()
    one = frames(capture_ns=0)
    for _ in range(KEPT_HANDOVERS + 3):
        clock.advance(1e-9)
        runner.offer(one)
    finish(runner)
    kept = runner.handovers()
    assert kept.shape == (KEPT_HANDOVERS, 3)
    assert np.all(np.diff(kept[:, 1]) >= 0)
    assert runner.stats.written == KEPT_HANDOVERS + 3


def test_wanted_follows_the_sink_until_it_is_closed() -> None:
    device = Device()
    runner, _ = make(device)
    runner.start()
    assert runner.wanted
    device.wanted = False
    assert not runner.wanted
    device.wanted = True
    finish(runner)
    assert not runner.wanted
    assert runner.sink is device
    assert runner.name == "device:test"


def test_a_runner_that_never_started_closes() -> None:
    runner, _ = make(Device())
    assert runner.close()
    assert runner.stats.state == "closed"
