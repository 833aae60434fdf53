"""What is shown while the swapped face is away: the last persona frame for a moment, then the slate, then a fade back.

The state machine behind design promise 1. It knows neither pixels nor clocks: callers pass the time, so that live
runs use capture times and conversions a file's own time line.
"""

from __future__ import annotations

from enum import Enum

from mien.realtime.clock import NS_PER_S
from mien.realtime.config import LossSettings


class Absence(Enum):
    """What to show instead of a persona."""

    HOLD = "hold"
    SLATE = "slate"


class Presence:
    """Tells hold from slate, and how far a fade back has come.

    Every frame ends in exactly one of `present` (after a look at `fade`) and `absent`; times do not decrease.
    """

    def __init__(self, settings: LossSettings) -> None:
        self._settings = settings
        self._last_persona_ns: int | None = None
        self._fade_from_ns: int | None = None
        self._on_slate = True
        self._other_seen = False

    def fade(self, now_ns: int) -> float:
        """The share of the picture, in (0, 1], that a persona frame of this time would have; the rest is the slate."""
        if self._on_slate and self._last_persona_ns is not None and self._fade_from_ns is None:
            self._fade_from_ns = now_ns
        if self._fade_from_ns is None:
            return 1.0
        fade_ns = self._settings.fade_s * NS_PER_S
        passed = now_ns - self._fade_from_ns
        if passed >= fade_ns:
            return 1.0
        # The first frame of a fade already shows something of the persona, so that it is never only a slate.
        return max(passed / fade_ns, 0.15)

    def present(self, now_ns: int) -> None:
        """A persona frame of this time is made, marked and about to leave.

        Apart from `fade`, because a picture that fails on its last steps must not count as shown: the hold would
        never end.
        """
        if self.fade(now_ns) >= 1.0:
            self._fade_from_ns = None
        self._on_slate = False
        self._other_seen = False
        self._last_persona_ns = now_ns

    def absent(self, now_ns: int, *, other_face: bool) -> Absence:
        """No persona frame could be made for this time. `other_face`: somebody else is in the picture.

        Once another face was seen in a gap the shorter hold stays in force: a bystander who flickers must not
        buy the longer one.
        """
        self._other_seen = self._other_seen or other_face
        if self._on_slate or self._last_persona_ns is None:
            self.to_slate()
            return Absence.SLATE
        limit_s = self._settings.hold_beside_other_s if self._other_seen else self._settings.hold_s
        if now_ns - self._last_persona_ns <= limit_s * NS_PER_S:
            return Absence.HOLD
        self.to_slate()
        return Absence.SLATE

    def to_slate(self) -> None:
        """The user asked for the slate: what comes back later fades in from it."""
        self._on_slate = True
        self._fade_from_ns = None
