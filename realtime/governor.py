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
#: A heavier rung is tried where the slower stage would stay under this share with it. Less than what steps down, so
#: that a climb is not the next step down.
CLIMB_SHARE = 0.75
#: An engine costs about so many times the next lighter one.
HEAVIER = 2.0
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
    """Chooses one of `rungs` engines, 0 the best, by the time that the slower stage takes of the frame's interval.

    The stages overlap, so a frame is lost when one of them alone takes too long. An engine is a part of one stage: what
    the other takes, and what is painted around the engine's picture, says nothing against a heavier one.
    """

    def __init__(self, rungs: int, interval_ms: float) -> None:
        if rungs < 1 or interval_ms <= 0:
            raise ValueError(f"rungs must be >= 1 and interval_ms > 0, got {rungs} and {interval_ms}")
        self._interval_ms = interval_ms
        self._window: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self.restart(rungs)

    def restart(self, rungs: int, at: int = 0) -> None:
        """Begin anew with `rungs` engines that nothing is known of yet, on the rung `at`."""
        self.rung = at
        self._rungs = rungs
        self._window.clear()
        self._calm_since_ns: int | None = None
        self._climbed_ns: int | None = None
        self._climb_wait_s = CLIMB_AFTER_S

    def observe(self, track_ms: float, compose_ms: float, engine_ms: float, now_ns: int) -> Move | None:
        """Take what one frame cost; returns a move when it is time for one.

        Args:
            track_ms: of the tracking stage.
            compose_ms: of the composing one.
            engine_ms: of the engine, as a part of that.
            now_ns: the time.

        """
        heavier_ms = compose_ms + (HEAVIER - 1) * engine_ms
        self._window.append((max(track_ms, compose_ms), max(track_ms, heavier_ms)))
        if len(self._window) < WINDOW:
            return None
        usual_ms, heavier_ms = (median(each) for each in zip(*self._window, strict=True))
        if usual_ms > STEP_DOWN_SHARE * self._interval_ms:
            self._calm_since_ns = None
            return self._step_down(usual_ms, now_ns)
        if heavier_ms > CLIMB_SHARE * self._interval_ms or self.rung == 0:
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
