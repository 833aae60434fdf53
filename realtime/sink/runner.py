"""A sink's own thread and its one-slot mailbox, so that a slow or dead sink never slows the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.realtime.clock import Clock
from mien.realtime.errors import MienError, SinkError
from mien.realtime.mailbox import Mailbox
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import Sink, SinkLostError, StreamFormat
from mien.realtime.worker import JOIN_TIMEOUT_S, Worker

log = logging.getLogger(__name__)

State = Literal["new", "open", "retrying", "dead", "closed"]

#: How long `SinkRunner.start` waits for a sink to open: a camera driver or a full disk may take seconds, and so may the
#: start of the process that holds a virtual camera, on a machine that is busy.
OPEN_TIMEOUT_S = 30.0
#: Waits between attempts to open a lost sink again; the last one repeats.
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Hand-overs kept for reports: 36 minutes at 30 frames a second, 1.5 MB, allocated at once so that a run never grows.
KEPT_HANDOVERS = 65_536


@dataclass(frozen=True, slots=True)
class SinkStats:
    """What happened to the frames of one sink.

    Attributes:
        name: the sink's name, as the user wrote it.
        state: "new", "open", "retrying" (lost, opened again with a back-off), "dead" or "closed".
        offered: frames that came.
        written: frames that were handed over.
        dropped: frames that a newer one replaced, or that came while the sink was dead.
        reopened: how often the sink came back.
        last_error: newest failure, or an empty string.

    """

    name: str
    state: State
    offered: int
    written: int
    dropped: int
    reopened: int
    last_error: str


class SinkRunner:
    """Runs one sink on a thread of its own.

    Live (`stream.live`), `offer` replaces a frame that was not taken yet. Offline it waits, and nothing is lost.
    Make it, `start` it, `offer` from one thread, `close` it; the rest may be read from any thread.
    """

    def __init__(
        self, sink: Sink, stream: StreamFormat, clock: Clock, *, on_event: Callable[[str], None] = log.warning
    ) -> None:
        self._sink = sink
        self._stream = stream
        self._clock = clock
        self._on_event = on_event
        self._box: Mailbox[MarkedFrame] = Mailbox()
        self._worker = Worker(f"sink-{sink.name.split(':')[0]}", self._body, on_end=self._box.close)
        self._tried = threading.Event()
        self._state: State = "new"
        self._error: MienError | None = None
        self._offered = self._written = self._missed = self._reopened = 0
        # Filled, not empty: untouched pages would count as growth later.
        self._handovers: NDArray[np.int64] = np.full((KEPT_HANDOVERS, 3), -1, np.int64)
        self._handover_count = 0

    def start(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Open the sink on its thread and wait for it.

        Raises the sink's own `SinkError` or `MissingExtraError` if that fails, `SinkError` if it takes too long.
        """
        self._worker.start()
        if not self._tried.wait(timeout_s):
            self._state = "dead"
            self._box.close()
            self._worker.stop_event.set()
            self._error = SinkError(f"{self._sink.name} did not open within {timeout_s:g} s.")
        if self._error is not None:
            raise self._error

    def offer(self, frame: MarkedFrame) -> None:
        """Give the sink a frame. Live it never blocks and never raises.

        Offline it waits until the sink has taken the frame before, and raises the error that ended the sink.
        """
        self._offered += 1
        if self._stream.live:
            if self._box.closed:
                self._missed += 1
            self._box.put(frame)
        elif not self._box.put_wait(frame):
            self._missed += 1
            self.check()

    def check(self) -> None:
        """Raise the error that ended the sink, if it is dead."""
        if self._state == "dead" and self._error is not None:
            raise self._error

    @property
    def name(self) -> str:
        """The sink's name, as the user wrote it."""
        return self._sink.name

    @property
    def sink(self) -> Sink:
        """The sink itself, for what only its kind can tell (a device's name, a path); not for `write`."""
        return self._sink

    @property
    def wanted(self) -> bool:
        """Whether somebody sees what the sink is given; False when it is dead or closed."""
        return self._state in ("new", "open", "retrying") and self._sink.wanted

    @property
    def stats(self) -> SinkStats:
        """Counts, state and newest failure, so far."""
        return SinkStats(
            name=self._sink.name,
            state=self._state,
            offered=self._offered,
            written=self._written,
            dropped=self._box.dropped + self._missed,
            reopened=self._reopened,
            last_error="" if self._error is None else str(self._error),
        )

    def handovers(self) -> NDArray[np.int64]:
        """The newest hand-overs, oldest first: (N, 3) int64 of sequence, capture to hand-over in ns, held (0 or 1).

        The time is read when `write` returns. N is at most `KEPT_HANDOVERS`.
        """
        count = self._handover_count
        if count <= KEPT_HANDOVERS:
            return self._handovers[:count].copy()
        return np.roll(self._handovers, -(count % KEPT_HANDOVERS), axis=0)

    def close(self, timeout_s: float = JOIN_TIMEOUT_S) -> bool:
        """Write the frame that waits, finish the sink (a file gets its index), end the thread; idempotent.

        Returns whether the thread ended within `timeout_s`; if not, it is left behind and named in `stats`.
        """
        self._box.close()
        # A start that was interrupted may have left the thread opening the sink.
        if self._worker.stop(timeout_s):
            if self._state == "new":
                self._state = "closed"
            return True
        self._error = SinkError(f"{self._sink.name} did not finish within {timeout_s:g} s and is left behind.")
        return False

    def _body(self, stop: threading.Event) -> None:
        if not self._attempt(self._open):
            self._state = "dead"
        self._tried.set()
        while self._state == "open":
            frame = self._box.take()
            if frame is None:
                break
            self._attempt(partial(self._hand_over, frame))
            self._reopen(stop)
        broken = self._state == "dead"
        if self._attempt(self._sink.close) and not broken:
            self._state = "closed"
        else:
            self._state = "dead"

    def _open(self) -> None:
        self._sink.open(self._stream)
        # `start` may have given up on this sink in the meantime.
        if self._state != "dead":
            self._state = "open"

    def _hand_over(self, frame: MarkedFrame) -> None:
        self._sink.write(frame)
        latency_ns = self._clock.now_ns() - frame.capture_ns
        self._handovers[self._handover_count % KEPT_HANDOVERS] = frame.sequence, latency_ns, frame.held
        self._handover_count += 1
        self._written += 1

    def _attempt(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except MienError as error:
            first = self._error is None or str(self._error) != str(error)
            self._error = error
            # Offline nothing may be missing, so a sink that is lost is dead.
            can_return = isinstance(error, SinkLostError) and self._stream.live
            self._state = "retrying" if can_return or self._state == "retrying" else "dead"
            if first:
                self._on_event(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a driver or codec may raise anything, and must end this sink alone
            self._error = SinkError(f"{self._sink.name} failed: {type(error).__name__}: {error}.")
            self._state = "dead"
            self._on_event(str(self._error))
            return False
        return True

    def _reopen(self, stop: threading.Event) -> None:
        if self._state != "retrying":
            return
        self._attempt(self._sink.close)
        attempt = 0
        while self._state == "retrying":
            if self._clock.wait(stop, BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]):
                return
            attempt += 1
            if self._attempt(self._open):
                self._reopened += 1
                self._on_event(f"{self._sink.name} is back.")
