"""A code that stands still when the driver does, and is not late when they move.

The encoder reads a webcam's noise with the face, so each frame's code trembles a little, and with it the persona. A
running mean takes that away, and its weight grows with how far the new code is from it, as the cut-off grows with the
speed in Casiez, Roussel and Vogel, "1 Euro filter", CHI 2012: a blink goes through within its frame.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from mien.realtime.frame import Floats

T = TypeVar("T")

#: Weight of a new code that is where the mean is.
_AT_REST = 0.2
#: How far away a name, and the free half as a whole (root mean square), has to be to be taken as it is: ten times what
#: noise of a webcam (sigma 4 of 255) moves them. The free half varies by 0.02 over a clip.
_NAMED_REACH, _FREE_REACH = 0.15, 0.015
#: Faces whose code is kept; more than are ever swapped at once.
_MOST_FACES = 8


class SteadyCode:
    """Both halves of the code of each face, from frame to frame."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Floats, Floats]] = {}

    def __call__(self, track_id: int, named: Floats, free: Floats) -> tuple[Floats, Floats]:
        """The code to show for (N,) and (F,) float32 of this frame, both of their shapes."""
        before = self._known.pop(track_id, None)
        if before is not None:
            named = _nearer(before[0], named, named_away(before[0], named))
            free = _nearer(before[1], free, free_away(before[1], free))
        keep(self._known, track_id, (named, free))
        return named, free


def named_away(mean: Floats, now: Floats) -> Floats:
    """(N,): how far each name is from its mean; at 1 it is taken as it is."""
    return np.asarray(np.abs(now - mean) / _NAMED_REACH, np.float32)


def free_away(mean: Floats, now: Floats) -> Floats:
    """(1,): the same of the free half as a whole."""
    return np.asarray(np.sqrt(np.mean((now - mean) ** 2, keepdims=True)) / _FREE_REACH, np.float32)


def weight_of(away: Floats, at_rest: float) -> Floats:
    """Of what is new: `at_rest` where it is the mean, 1 where it is 1 or more away."""
    return np.asarray(at_rest + (1 - at_rest) * np.minimum(away, 1.0), np.float32)


def keep(known: dict[int, T], track_id: int, value: T) -> None:
    """Put in what was taken out of `known`, so that the newest faces are last, and let go of the oldest."""
    known[track_id] = value
    if len(known) > _MOST_FACES:
        del known[next(iter(known))]


def _nearer(before: Floats, now: Floats, away: Floats) -> Floats:
    """From `before` towards `now`, all the way where `away` is 1 or more."""
    return np.asarray(before + weight_of(away, _AT_REST) * (now - before), np.float32)
