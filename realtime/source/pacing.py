"""Presentation times: a source's own time line, and waiting for the moment that a picture is due."""

from __future__ import annotations

import threading

from mien.realtime.clock import NS_PER_S, Clock

#: Lateness after which the past is given up, seconds: a machine that slept must not hurry through what it missed.
RESTART_AFTER_S = 1.0

#: A step back by more than this is a new time line (spliced or wrapped stream), not reordering, ns.
JUMP_NS = NS_PER_S


class Timeline:
    """Places pictures on one line that only grows, whatever a file's times do.

    Args:
        period_ns: a picture's nominal duration, for pictures without one of their own.

    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._offset_ns = 0
        self._last_ns = -1
        self._expected_ns = 0

    @property
    def expected_ns(self) -> int:
        """Where the next picture should lie: the end of the last one, ns."""
        return self._expected_ns

    def next_pass(self, length_ns: int) -> None:
        """The source starts again: what comes next lies `length_ns` later than in the pass before."""
        self._offset_ns = max(self._offset_ns + length_ns, self._last_ns + 1)

    def place(self, time_ns: int | None, duration_ns: int = 0) -> int:
        """Give the media time of a picture whose own time is `time_ns` (None where a file has none), ns.

        Strictly greater than the one before. A step back by more than a second starts a new line there.
        """
        media_ns = self._expected_ns if time_ns is None else time_ns + self._offset_ns
        if media_ns < self._last_ns - JUMP_NS:
            self._offset_ns += self._expected_ns - media_ns
            media_ns = self._expected_ns
        media_ns = max(media_ns, self._last_ns + 1)
        self._last_ns = media_ns
        self._expected_ns = media_ns + (duration_ns if duration_ns > 0 else self._period_ns)
        return media_ns


class Pacer:
    """Waits until a picture is due. Late pictures pass at once; after a long stall the line is anchored anew."""

    def __init__(self, clock: Clock, stop: threading.Event, *, restart_after_s: float = RESTART_AFTER_S) -> None:
        self._clock = clock
        self._stop = stop
        self._restart_after_ns = round(restart_after_s * NS_PER_S)
        self._anchor_ns: int | None = None

    def wait(self, media_ns: int) -> bool:
        """Block until `media_ns` is due; the first one is due now. Returns False when `stop` was set."""
        now_ns = self._clock.now_ns()
        if self._anchor_ns is None:
            self._anchor_ns = now_ns - media_ns
        late_ns = now_ns - (self._anchor_ns + media_ns)
        if late_ns > self._restart_after_ns:
            self._anchor_ns += late_ns
        if late_ns < 0:
            return not self._clock.wait(self._stop, -late_ns / NS_PER_S)
        return not self._stop.is_set()
