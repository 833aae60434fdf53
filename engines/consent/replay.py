"""Tells pictures of a camera from a recording that stands still or goes round.

A sensor never gives the same picture twice, and nobody moves twice alike to a hair. A still that was shaken or covered
with noise is not found here: it fails because it follows no prompt.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.consent.errors import EnrolmentError
from mien.realtime.frame import Floats, Pixels

#: Cells of the small picture, (height, width): enough to see a head turn, few enough that noise averages out.
SMALL: Final = (18, 32)
#: Grey levels (RMS over the cells) under which two pictures are one. A quiet webcam's noise alone makes 0.03.
_SAME: Final = 0.01
_FROZEN_MS: Final = 700
#: Grey levels under which a picture is an earlier one again, noise and compression aside, and how much must happen in
#: the same stretch: who sits still looks like themselves, but who moves twice does not do so ten times as exactly.
_AGAIN: Final = 0.3
_MOVED: Final = 3.0
#: What noise makes of `_AGAIN`: so many times the least that two neighbouring pictures differ by.
_OVER_NOISE: Final = 1.6
_LOOP_FRAMES: Final = 12
#: A picture may repeat one that is at least so long ago.
_LEAST_LAG_MS: Final = 500
_MOST_FRAMES: Final = 6000
#: Grey in the middle, so that products of pictures stay small and exact.
_MIDDLE: Final = 128.0
_HINT: Final = "Use the camera itself: no player, no screen, no virtual camera."


def small_grey(pixels: Pixels) -> Floats:
    """(576,) float32: a BGR picture as grey cells, 0..255."""
    cells = cv2.resize(pixels, SMALL[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(np.asarray(cells, np.float32), cv2.COLOR_BGR2GRAY), np.float32).ravel()


class ReplayGuard:
    """Looks at every picture of an enrolment; one thread."""

    def __init__(self) -> None:
        self._seen = np.zeros((_MOST_FRAMES, SMALL[0] * SMALL[1]), np.float32)
        self._squares = np.zeros(_MOST_FRAMES, np.float64)
        self._at_ms = np.zeros(_MOST_FRAMES, np.int64)
        #: How far each picture is from the one before it.
        self._steps = np.zeros(_MOST_FRAMES, np.float32)
        self._count = 0
        self._moving_ms = 0
        #: For each earlier picture, how many in a row up to it were shown again just now.
        self._runs = np.zeros(_MOST_FRAMES, np.int64)

    def add(self, small: Floats, at_ms: int) -> None:
        """Take the next picture, as `small_grey` gives it.

        Raises:
            EnrolmentError: it stands still, or was there before; or there are too many.

        """
        count = self._count
        if count == _MOST_FRAMES:
            raise EnrolmentError("The enrolment took too long.", hint="Start again, and follow each prompt at once.")
        centred = small - np.float32(_MIDDLE)
        square = float(centred.astype(np.float64) @ centred)
        self._seen[count], self._squares[count], self._at_ms[count] = centred, square, at_ms
        self._count += 1
        if not count:
            self._moving_ms = at_ms
            return
        step = float(np.sqrt(np.square(self._seen[count - 1] - centred).mean()))
        self._steps[count - 1] = step
        if step >= _SAME:
            self._moving_ms = at_ms
        elif at_ms - self._moving_ms > _FROZEN_MS:
            raise EnrolmentError("The picture stands still: that is no camera, or a frozen one.", hint=_HINT)
        # By the binomial formula, which reads the memory once; its rounding (0.03 at worst) is far below `_AGAIN`.
        squares = self._squares[:count] + square - 2.0 * (self._seen[:count] @ centred)
        self._check_loop(np.sqrt(np.maximum(squares, 0.0) / centred.size), at_ms)

    def _check_loop(self, away: NDArray[np.float64], at_ms: int) -> None:
        count = len(away)
        again = max(_AGAIN, _OVER_NOISE * float(np.percentile(self._steps[:count], 10)))
        same = (away < again) & (at_ms - self._at_ms[:count] >= _LEAST_LAG_MS)
        # A picture may be shown twice or dropped, so a run goes on from its end, from one further, or from two.
        before = np.concatenate([np.zeros(2, np.int64), self._runs[:count]])
        longest = np.maximum(np.maximum(before[2:], before[1:-1]), before[:-2])
        self._runs[:count] = np.where(same, longest + 1, 0)
        moved = float(away[-_LOOP_FRAMES:].max()) > max(_MOVED, 10 * again)
        if moved and int(self._runs[:count].max()) >= _LOOP_FRAMES:
            raise EnrolmentError("The picture was there before, movement for movement: a recording.", hint=_HINT)
