"""A live source that survives stalls, errors and unplugging."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal

from mien.realtime.clock import NS_PER_S, Clock
from mien.realtime.errors import DeviceBusyError, MienError, SourceError, SourceLostError
from mien.realtime.frame import Frame
from mien.realtime.mailbox import Mailbox
from mien.realtime.source.base import Source, SourceInfo
from mien.realtime.source.fit import fit
from mien.realtime.source.pacing import Timeline
from mien.realtime.worker import Worker

_LOG = logging.getLogger(__name__)

#: Silence that counts as a loss, seconds. A webcam in the dark gives 5 frames a second, so not much less.
STALL_S = 1.0

#: How long opening and the first picture may take after a return, seconds (some cameras warm up for several).
OPEN_S = 12.0

#: Waits before the first and the following attempts, seconds: doubled each time up to the last.
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 5.0

#: Readers that a driver never let go. No more than these are left behind; then retrying waits for one to end.
MAX_STUCK = 3

#: How often a waiting `read` looks whether the source has gone silent, seconds.
_LOOK_S = 0.05

State = Literal["running", "lost"]


class _Connection:
    """One opening of the source and the thread that drains it. The thread also closes it."""

    def __init__(self, factory: Callable[[], Source], source: Source | None, clock: Clock) -> None:
        self._factory = factory
        self._source = source
        self._clock = clock
        self._box: Mailbox[Frame] = Mailbox()
        self._worker = Worker("source-reader", self._drain, on_end=self._box.close)
        self.heard_ns = clock.now_ns()
        self.frames = 0
        self.finished = False

    @property
    def over(self) -> bool:
        """Whether the thread has ended and its last frame was taken."""
        return self._box.closed

    @property
    def alive(self) -> bool:
        """Whether the thread still runs, as one that the driver holds does."""
        return self._worker.alive

    @property
    def error(self) -> BaseException | None:
        """What ended the thread."""
        return self._worker.error

    def start(self) -> None:
        self._worker.start()

    def take(self, timeout_s: float) -> Frame | None:
        frame = self._box.take(timeout_s)
        if frame is not None:
            self.heard_ns = self._clock.now_ns()
            self.frames += 1
        return frame

    def abandon(self) -> None:
        """Ask the thread to end, without waiting for it: it may be in a driver's call."""
        self._worker.stop_event.set()
        self._box.close()

    def close(self) -> None:
        """Ask and wait, within a bound."""
        self.abandon()
        if self._source is not None:
            self._source.close()
        self._worker.stop()

    def _drain(self, stop: threading.Event) -> None:
        if self._source is None:
            self._source = self._factory()
        source = self._source
        try:
            while not stop.is_set():
                frame = source.read()
                if frame is None:
                    self.finished = not stop.is_set()
                    return
                self._box.put(frame)
        finally:
            source.close()


class ResilientSource:
    """Wraps a live source: when it stalls, fails or is unplugged, opens it again until it is back.

    A thread of its own drains the source, so a driver that blocks blocks only that thread. `read` gives the newest
    frame. While the source is lost, `read` waits (`close` ends the wait), and `state` and `last_error` tell why;
    whoever shows pictures sees that none comes. Frames go on with rising sequence numbers and media times, in the
    first size: one that comes back with another is fitted into it.

    An error other than a `MienError` is a fault of the program and is raised by `read`.

    Args:
        factory: opens the source; called here once (its errors are the caller's), and again after each loss, on
            another thread.
        clock: for silence and waits between attempts.
        stall_s: silence that counts as a loss.
        open_s: the same for the time until the first frame of a new attempt.

    """

    def __init__(
        self,
        factory: Callable[[], Source],
        *,
        clock: Clock,
        stall_s: float = STALL_S,
        open_s: float = OPEN_S,
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._stall_ns = round(stall_s * NS_PER_S)
        self._open_ns = round(open_s * NS_PER_S)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stuck: list[_Connection] = []
        self._state: State = "running"
        self._last_error: MienError | None = None
        self._retry_s = FIRST_RETRY_S
        self._timeline = Timeline(1)
        self._origin_ns: int | None = None
        self._next_sequence = 0
        self._base_sequence = 0
        source = factory()
        self._info = source.info
        self._connection: _Connection | None = _Connection(factory, source, clock)
        self._connection.start()

    @property
    def info(self) -> SourceInfo:
        """What was opened first; constant."""
        return self._info

    @property
    def state(self) -> State:
        """The word "running", or "lost" from a loss to the first frame after it."""
        return self._state

    @property
    def trouble(self) -> str:
        """Why there are no frames now; empty while there are."""
        return "" if self._last_error is None else str(self._last_error)

    @property
    def last_error(self) -> MienError | None:
        """Why the source was lost, or cannot be opened again; None while all is well."""
        return self._last_error

    def read(self) -> Frame | None:
        """The newest frame; waits while the source is lost. None after `close` or at the source's own end."""
        while not self._stop.is_set():
            connection = self._connection
            if connection is None:
                self._reconnect()
                continue
            frame = connection.take(_LOOK_S)
            if frame is not None:
                return self._adapt(frame)
            if connection.finished and connection.over:
                return None
            self._look_after(connection)
        return None

    def close(self) -> None:
        """Wake a waiting `read` and release the source, both within a bound; idempotent."""
        self._stop.set()
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _look_after(self, connection: _Connection) -> None:
        """Declare the source lost if its thread ended or it is silent for too long."""
        if connection.over:
            error = connection.error
            if error is not None and not isinstance(error, MienError):
                raise error
            self._lose(connection, error or SourceLostError(f"{self._info.name!r} stopped."))
            return
        limit_ns = self._stall_ns if connection.frames else self._open_ns
        if self._clock.now_ns() - connection.heard_ns > limit_ns:
            self._lose(
                connection,
                SourceLostError(
                    f"{self._info.name!r} gave no picture for {limit_ns / NS_PER_S:.1f} s.",
                    hint="It is opened again.",
                ),
            )

    def _lose(self, connection: _Connection, error: MienError) -> None:
        if self._stop.is_set():
            return
        if self._state == "running":
            _LOG.warning("%s", error)
        if isinstance(error, DeviceBusyError) and any(stuck.alive for stuck in self._stuck):
            error = self._no_answer()  # it is this program's own reader that still holds it
        self._state, self._last_error = "lost", error
        with self._lock:
            self._connection = None
        connection.abandon()
        self._stuck.append(connection)

    def _reconnect(self) -> None:
        """Wait, then start an attempt."""
        if self._clock.wait(self._stop, self._retry_s):
            return
        self._retry_s = min(self._retry_s * 2, LAST_RETRY_S)
        self._stuck = [connection for connection in self._stuck if connection.alive]
        if len(self._stuck) >= MAX_STUCK:
            self._last_error = self._no_answer()
            return
        with self._lock:
            if self._stop.is_set():
                return
            self._connection = _Connection(self._factory, None, self._clock)
            self._connection.start()
        self._base_sequence = self._next_sequence

    def _no_answer(self) -> SourceError:
        return SourceError(
            f"The driver of {self._info.name!r} does not answer.", hint="Unplug the camera and plug it in again."
        )

    def _adapt(self, frame: Frame) -> Frame:
        if self._state == "lost":
            _LOG.warning("%r is back.", self._info.name)
        self._state, self._last_error, self._retry_s = "running", None, FIRST_RETRY_S
        if self._origin_ns is None:
            self._origin_ns = frame.capture_ns
        sequence = self._base_sequence + frame.sequence
        self._next_sequence = sequence + 1
        return Frame(
            fit(frame.pixels, self._info.width, self._info.height),
            sequence,
            frame.capture_ns,
            self._timeline.place(frame.capture_ns - self._origin_ns),
        )
