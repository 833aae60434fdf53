"""A code, and what is painted of it, that stand still when the driver does, and are not late when they move.

The encoder reads a webcam's noise with the face, so each frame's code trembles a little, and with it the persona. A
running mean takes that away, and its weight grows with how far the new code is from it, as the cut-off grows with the
speed in Casiez, Roussel and Vogel, "1 Euro filter", CHI 2012: a blink goes through within its frame.

8-bit layers round every frame anew, so that the rest of the trembling comes out larger: of what they paint a running
mean is shown, with a weight that grows in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from mien.realtime.frame import Floats

#: Weight of a new code that is where the mean is.
_AT_REST = 0.2
#: How far away a name, and the free half as a whole (root mean square), has to be to be taken as it is: ten times what
#: noise of a webcam (sigma 4 of 255) moves them. The free half varies by 0.02 over a clip.
_NAMED_REACH, _FREE_REACH = 0.15, 0.015
#: Weight of a new picture of a code that is where the mean is. With it a face that stands still flickers less than the
#: portrait's, and a slow smile is late by two frames.
_PAINTED_AT_REST = 0.1
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
            named = _nearer(before[0], named, np.abs(named - before[0]) / _NAMED_REACH)
            away = np.sqrt(np.mean((free - before[1]) ** 2, keepdims=True)) / _FREE_REACH
            free = _nearer(before[1], free, away)
        # Taken out and put back, the newest faces are last.
        self._known[track_id] = named, free
        if len(self._known) > _MOST_FACES:
            del self._known[next(iter(self._known))]
        return named, free


class SteadyPicture:
    """What is painted of each face, from frame to frame; for decoders with 8-bit layers."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Floats, Floats, dict[str, Floats]]] = {}

    def __call__(self, track_id: int, named: Floats, free: Floats, out: Mapping[str, Floats]) -> Mapping[str, Floats]:
        """What to show of `out`, which a decoder gave for the code; may be changed by the next call."""
        before = self._known.pop(track_id, None)
        weight = 1.0
        if before is not None:
            mean_named, mean_free, means = before
            away = max(
                float(np.abs(named - mean_named).max()) / _NAMED_REACH,
                float(np.sqrt(np.mean((free - mean_free) ** 2))) / _FREE_REACH,
            )
            weight = _PAINTED_AT_REST + (1 - _PAINTED_AT_REST) * min(away, 1.0)
        if weight < 1.0:
            for name, mean in means.items():
                cv2.accumulateWeighted(_flat(out[name]), _flat(mean), weight)
            named, free = mean_named + weight * (named - mean_named), mean_free + weight * (free - mean_free)
        else:
            means = {name: value.copy() for name, value in out.items()}
        self._known[track_id] = named, free, means
        if len(self._known) > _MOST_FACES:
            del self._known[next(iter(self._known))]
        return means


def _flat(values: Floats) -> Floats:
    """(1, H, W, C) as (H, W * C), the same memory: OpenCV adds up to three channels."""
    return values.reshape(values.shape[1], -1)


def _nearer(before: Floats, now: Floats, away: Floats) -> Floats:
    """From `before` towards `now`, all the way where `away` is 1 or more."""
    weight = _AT_REST + (1 - _AT_REST) * np.minimum(away, 1.0)
    return np.asarray(before + weight * (now - before), np.float32)
