"""Under load the engine steps down, and climbs back when there is room (design promise 5).

A pure state machine over measured times: no clock, no threads, so that its every move can be tested.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from mien.realtime.clock import NS_PER_S

#: Frames whose median decides. Half a second at 30 fps: longer than a hiccup, shorter than a viewer's patience.
WINDOW = 15
#: Over this share of the frame's interval the stage is about to lose frames.
STEP_DOWN_SHARE = 0.9
#: Under this share there is room for a heavier rung (a rung costs about twice the next lighter one).
CLIMB_SHARE = 0.5
#: First wait before a climb, seconds; doubled each time that a climb fails soon, up to the longest.
CLIMB_AFTER_S = 5.0
LONGEST_CLIMB_WAIT_S = 60.0
#: A step down this soon after a climb counts as a failed climb, seconds.
FAILED_CLIMB_S = 10.0


@dataclass(frozen=True, slots=True)
class Move:
    """A change of rung: `to` is the new index (0 = best), `reason` one sentence for the console."""

    to: int
    reason: str


class Governor:
    """Chooses one of `rungs` engines, 0 the best, by the time that the stage took against the frame's interval."""

    def __init__(self, rungs: int, interval_ms: float) -> None:
        if rungs < 1 or interval_ms <= 0:
            raise ValueError(f"rungs must be >= 1 and interval_ms > 0, got {rungs} and {interval_ms}")
        self._interval_ms = interval_ms
        self._window: deque[float] = deque(maxlen=WINDOW)
        self.restart(rungs)

    def restart(self, rungs: int, at: int = 0) -> None:
        """Begin anew with `rungs` engines that nothing is known of yet, on the rung `at`."""
        self.rung = at
        self._rungs = rungs
        self._window.clear()
        self._calm_since_ns: int | None = None
        self._climbed_ns: int | None = None
        self._climb_wait_s = CLIMB_AFTER_S

    def observe(self, busy_ms: float, now_ns: int) -> Move | None:
        """Take one frame's time in the slower stage; returns a move when it is time for one."""
        self._window.append(busy_ms)
        if len(self._window) < WINDOW:
            return None
        usual_ms = median(self._window)
        if usual_ms > STEP_DOWN_SHARE * self._interval_ms:
            self._calm_since_ns = None
            return self._step_down(usual_ms, now_ns)
        if usual_ms > CLIMB_SHARE * self._interval_ms or self.rung == 0:
            self._calm_since_ns = None
            return None
        if self._calm_since_ns is None:
            self._calm_since_ns = now_ns
        if now_ns - self._calm_since_ns < self._climb_wait_s * NS_PER_S:
            return None
        return self._climb(usual_ms, now_ns)

    def _step_down(self, usual_ms: float, now_ns: int) -> Move | None:
        if self.rung + 1 >= self._rungs:
            return None
        if self._climbed_ns is not None and now_ns - self._climbed_ns < FAILED_CLIMB_S * NS_PER_S:
            self._climb_wait_s = min(self._climb_wait_s * 2, LONGEST_CLIMB_WAIT_S)
        return self._move(
            self.rung + 1,
            f"{usual_ms:.0f} ms a frame of {self._interval_ms:.0f} ms: too slow, one engine down",
        )

    def _climb(self, usual_ms: float, now_ns: int) -> Move:
        self._climbed_ns = now_ns
        return self._move(
            self.rung - 1,
            f"{usual_ms:.0f} ms a frame of {self._interval_ms:.0f} ms: room again, one engine up",
        )

    def _move(self, to: int, reason: str) -> Move:
        self.rung = to
        self._window.clear()
        self._calm_since_ns = None
        return Move(to, reason)
