"""A button that acts only while it is held, however the page, its tab or its network ends."""

from __future__ import annotations

from collections.abc import Callable

from mien.realtime.clock import NS_PER_S

#: Without a pulse for this long a button counts as released, seconds: three pulses.
KEEP_ALIVE_S = 0.6


class HeldButton:
    """Follows the pulses of one held button. Pure: the time is asked of `now_ns`.

    Args:
        now_ns: a monotonic clock, ns.
        hold_s: how long it must be down before it acts.

    """

    def __init__(self, now_ns: Callable[[], int], *, hold_s: float = 0.0) -> None:
        self._now_ns = now_ns
        self._hold_ns = round(hold_s * NS_PER_S)
        self._since_ns: int | None = None
        self._pulse_ns = 0

    def pulse(self) -> bool:
        """The page says that it is down; returns whether it acts."""
        now_ns = self._now_ns()
        if not self._alive(now_ns):
            self._since_ns = now_ns
        self._pulse_ns = now_ns
        return self.acting()

    def release(self) -> None:
        """It is up."""
        self._since_ns = None

    def acting(self) -> bool:
        """Whether it is down, was so for long enough, and its page still says so."""
        now_ns = self._now_ns()
        return self._since_ns is not None and self._alive(now_ns) and now_ns - self._since_ns >= self._hold_ns

    def _alive(self, now_ns: int) -> bool:
        return self._since_ns is not None and now_ns - self._pulse_ns <= KEEP_ALIVE_S * NS_PER_S
