"""A code that stands still when the driver does, and is not late when they move.

The encoder reads a webcam's noise with the face, so each frame's code trembles a little, and with it the persona. A
running mean takes that away, and its weight grows with how far the new code is from it, as the cut-off grows with the
speed in Casiez, Roussel and Vogel, "1 Euro filter", CHI 2012: a blink goes through within its frame.
"""

from __future__ import annotations

import numpy as np

from mien.realtime.frame import Floats

#: Weight of a new code that is where the mean is.
_AT_REST = 0.2
#: How far away a name, and the free half as a whole (root mean square), has to be to be taken as it is: ten times what
#: noise of a webcam (sigma 4 of 255) moves them. The free half varies by 0.02 over a clip.
NAMED_REACH, FREE_REACH = 0.15, 0.015
#: Faces whose code is kept; more than are ever swapped at once.
MOST_FACES = 8


class SteadyCode:
    """Both halves of the code of each face, from frame to frame."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Floats, Floats]] = {}

    def __call__(self, track_id: int, named: Floats, free: Floats) -> tuple[Floats, Floats]:
        """The code to show for (N,) and (F,) float32 of this frame, both of their shapes."""
        before = self._known.pop(track_id, None)
        if before is not None:
            named = _nearer(before[0], named, np.abs(named - before[0]) / NAMED_REACH)
            away = np.sqrt(np.mean((free - before[1]) ** 2, keepdims=True)) / FREE_REACH
            free = _nearer(before[1], free, away)
        # Taken out and put back, the newest faces are last.
        self._known[track_id] = named, free
        if len(self._known) > MOST_FACES:
            del self._known[next(iter(self._known))]
        return named, free


def _nearer(before: Floats, now: Floats, away: Floats) -> Floats:
    """From `before` towards `now`, all the way where `away` is 1 or more."""
    weight = _AT_REST + (1 - _AT_REST) * np.minimum(away, 1.0)
    return np.asarray(before + weight * (now - before), np.float32)
