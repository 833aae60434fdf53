from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest
from source_fakes import ScriptedSource, gone, in_thread

from mien.realtime.clock import NS_PER_S, ManualClock, MonotonicClock
from mien.realtime.errors import DeviceBusyError, SourceError, SourceLostError
from mien.realtime.frame import Frame
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.resilient import ResilientSource

LOST = SourceLostError("The camera was lost.")


class Watched(ManualClock):
    """Writes the waits between attempts down."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        return super().wait(stop, seconds)


class Shelf:
    """A factory that hands out what is on it, in order; an exception is raised instead."""

    def __init__(self, *things: object) -> None:
        self.things = list(things)
        self.asked = 0

    def __call__(self) -> ScriptedSource:
        self.asked += 1
        thing = self.things.pop(0) if self.things else gone()
        if isinstance(thing, BaseException):
            raise thing
        assert isinstance(thing, ScriptedSource)
        return thing


def test_frames_pass_and_close_releases() -> None:
    inner = ScriptedSource([(0, 100)])
    source = ResilientSource(Shelf(inner), clock=ManualClock())
    frame = source.read()
    assert frame is not None
    assert (frame.sequence, frame.capture_ns, frame.media_ns) == (0, 100, 0)
    assert source.state == "running"
    assert source.info == inner.info
    source.close()
    source.close()
    assert inner.closed >= 1
    assert source.read() is None


def test_the_first_opening_fails_to_the_callers_face() -> None:
    with pytest.raises(DeviceBusyError, match="held"):
        ResilientSource(Shelf(DeviceBusyError("The camera is held.")), clock=ManualClock())


def test_an_error_is_survived_and_numbers_and_times_go_on() -> None:
    first = ScriptedSource([(0, 1000), (4, 5000), LOST])
    shelf = Shelf(first, gone(), ScriptedSource([(0, 9_000), (1, 9_500)]))
    clock = Watched()
    source = ResilientSource(shelf, clock=clock)
    frames = drain_until(source, lambda frame: frame.capture_ns == 9_500)
    after = [frame for frame in frames if frame.capture_ns >= 9_000]
    assert frames[-1].media_ns == 9_500 - frames[0].capture_ns
    assert all(one.sequence < two.sequence for one, two in itertools.pairwise(frames))
    assert all(one.media_ns < two.media_ns for one, two in itertools.pairwise(frames))
    assert after[-1].sequence <= 6  # 5 and 6 follow 4, whichever of them the mailbox let pass
    assert shelf.asked == 3
    assert clock.waits == [0.25, 0.5]
    assert (source.state, source.last_error) == ("running", None)
    assert first.closed == 1
    source.close()


def drain_until(source: ResilientSource, enough: Callable[[Frame], bool]) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or not enough(frames[-1]):
        frame = source.read()
        assert frame is not None
        frames.append(frame)
    return frames


def test_waits_double_up_to_five_seconds_and_begin_anew_after_a_return() -> None:
    seen = threading.Event()
    shelf = Shelf(ScriptedSource([LOST]), *[gone()] * 6, ScriptedSource([(0, 1), seen, LOST]), ScriptedSource([(0, 2)]))
    clock = Watched()
    source = ResilientSource(shelf, clock=clock)
    assert source.read() is not None
    seen.set()
    assert source.read() is not None
    assert clock.waits == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 0.25]
    source.close()


def test_silence_is_a_loss() -> None:
    clock = ManualClock()
    hung = ScriptedSource([(0, 0), "block"])
    shelf = Shelf(hung, ScriptedSource([(0, 5 * NS_PER_S)]))
    source = ResilientSource(shelf, clock=clock, stall_s=1.0)
    assert source.read() is not None
    thread, out = in_thread(source.read)
    thread.join(0.2)
    assert source.state == "running"  # no time has passed on the clock
    clock.advance(1.5)
    thread.join(5)
    assert isinstance(out[0], Frame)
    assert out[0].capture_ns == 5 * NS_PER_S
    assert shelf.asked == 2
    source.close()


def test_the_reason_of_a_loss_stands_until_the_return() -> None:
    gate = Gate()
    shelf = Shelf(ScriptedSource([LOST]), DeviceBusyError("Zoom has it."), ScriptedSource([(0, 7)]))
    source = ResilientSource(shelf, clock=gate)
    thread, out = in_thread(source.read)
    seen = []
    for _ in range(2):
        assert gate.waiting.wait(5)
        gate.waiting.clear()
        seen.append((source.state, str(source.last_error)))
        gate.go.release()
    thread.join(5)
    assert seen == [("lost", "The camera was lost."), ("lost", "Zoom has it.")]
    assert isinstance(out[0], Frame)
    assert (source.state, source.last_error) == ("running", None)
    source.close()


class Gate(ManualClock):
    """A clock whose waits last until the test lets them pass."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.go = threading.Semaphore(0)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waiting.set()
        assert self.go.acquire(timeout=5)
        return stop.is_set()


def test_close_ends_a_read_that_waits_for_the_return() -> None:
    source = ResilientSource(Shelf(ScriptedSource([LOST])), clock=MonotonicClock())
    thread, out = in_thread(source.read)
    thread.join(0.1)
    source.close()
    thread.join(5)
    assert out == [None]


def test_the_sources_own_end_is_an_end() -> None:
    source = ResilientSource(Shelf(ScriptedSource([None])), clock=ManualClock())
    assert source.read() is None
    assert source.state == "running"
    source.close()


def test_another_size_is_fitted_into_the_first() -> None:
    shelf = Shelf(ScriptedSource([LOST], size=(64, 48)), ScriptedSource([(0, 1)], size=(320, 180)))
    source = ResilientSource(shelf, clock=ManualClock())
    frame = source.read()
    assert frame is not None
    assert (frame.width, frame.height) == (source.info.width, source.info.height) == (64, 48)
    source.close()


def test_a_fault_of_the_program_is_not_hidden() -> None:
    source = ResilientSource(Shelf(ScriptedSource([ZeroDivisionError("bug")])), clock=ManualClock())
    with pytest.raises(ZeroDivisionError):
        source.read()
    source.close()


class Stuck:
    """A source whose driver never returns, not even after `close`."""

    def __init__(self, free: threading.Event) -> None:
        self._free = free
        self.info = SourceInfo("camera:0", 64, 48, 30.0, live=True)

    def read(self) -> None:
        self._free.wait(10)

    def close(self) -> None:
        pass


def test_drivers_that_never_return_are_left_behind_a_few_times_only() -> None:
    free = threading.Event()
    asked: list[int] = []

    def factory() -> Stuck:
        asked.append(1)
        return Stuck(free)

    class Hurrying(ManualClock):
        def __init__(self) -> None:
            super().__init__()
            self.stop: threading.Event | None = None
            self.waits = 0

        def now_ns(self) -> int:
            self.advance(20)  # every look at the clock is past every limit
            return super().now_ns()

        def wait(self, stop: threading.Event, seconds: float) -> bool:
            self.waits += 1
            if self.waits == 8:
                stop.set()
            return stop.is_set()

    source = ResilientSource(factory, clock=Hurrying())
    assert source.read() is None
    assert len(asked) == 3
    assert isinstance(source.last_error, SourceError)
    assert "does not answer" in str(source.last_error)
    free.set()
    source.close()


def test_no_thread_is_left_behind() -> None:
    before = {thread for thread in threading.enumerate() if thread.name == "mien-source-reader"}
    source = ResilientSource(Shelf(ScriptedSource([(0, 1)])), clock=ManualClock())
    assert source.read() is not None
    source.close()
    after = {thread for thread in threading.enumerate() if thread.name == "mien-source-reader"}
    assert after <= before
