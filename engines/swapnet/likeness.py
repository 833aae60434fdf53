"""Lay a painted face over the driver's, landmark over landmark: brows over brows, chin over chin.

A decoder paints its persona's own proportions, in a square that is tied to the driver's head. Where the driver's
forehead is higher or the jaw longer, their own brows and chin would look out beside the persona's. And it moves them as
the code tells it, which is never quite as the driver does. It is known where the painted landmarks lie (`marks`), and
where the driver's do, so the picture is bent from the ones to the others, smoothly in between: all the way by what sets
the two faces apart at rest, and part of the way by how they move.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mien.engines.swapnet.code import ACTIONS
from mien.engines.swapnet.marks import Marks, kept_landmarks
from mien.realtime.expression import neutral_of
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Floats
from mien.realtime.head import fit_of, from_head, to_head

#: The bend is worked out at so many points along each side of the square, and is linear between them.
GRID: Final = 33
#: How far a landmark's say reaches, share of the square: less would fold the skin between two that disagree.
_REACH: Final = 0.03
#: Share of what sets them apart in motion that is bent away. All of it would bring jaw and smile nearer to the driver,
#: but lips that the decoder has pursed already, and brows, would be moved by what it paints better itself.
_FOLLOW: Final = 0.6
#: No bend is greater, share of the square: landmarks that were lost for a moment must not tear the face.
_MOST: Final = 0.12
#: What a place without any landmark near it has of the mean of all.
_NOTHING: Final = np.float32(1e-6)
#: Exponents end here: what is less is a denormal number, and those take a processor twenty times as long.
_FARTHEST: Final = np.float32(40)


class Likeness:
    """Lays what one decoder paints over drivers.

    Args:
        marks: of the persona.
        size_px: S, of the square.

    """

    def __init__(self, marks: Marks, size_px: int) -> None:
        self._marks = marks
        self._size_px = size_px

    def moves(self, face: Face, alignment: Alignment, named: Floats, told: Floats) -> Floats:
        """How far the painted square is moved where; see `moves_of`.

        Args:
            face: the driver's.
            alignment: of the square.
            named: (`NAMED`,) the code as the encoder says it.
            told: the code that was painted: an edit moves the face on, and is not bent away.

        """
        kept = kept_landmarks()
        driver = alignment.apply(face.landmarks[kept, :2])
        fit = fit_of(face)
        rest = neutral_of(face, to_head(face.landmarks, fit)).shape
        at_rest = named.copy()
        at_rest[: len(ACTIONS)] = 0
        painted, painted_at_rest, shown = self._marks.at(np.stack([named, at_rest, told]), self._size_px)
        # What the two are apart at rest, and only then what they are apart because they move.
        apart = alignment.apply(from_head(rest[kept], fit)[:, :2]) - painted_at_rest
        driver = painted + apart + np.float32(_FOLLOW) * (driver - painted - apart)
        return moves_of(driver, painted, shown, self._size_px)


def moves_of(driver: Floats, painted: Floats, shown: Floats, size_px: int) -> Floats:
    """How far right and down a painted square is moved, at `GRID` x `GRID` points, corner to corner.

    Args:
        driver: (M, 2) float32, the driver's landmarks, px of the square.
        painted: (M, 2), the persona's under the driver's own code.
        shown: (M, 2), the persona's under the code that was painted: an edit moves them on, and is not bent away.
        size_px: S, the square's side.

    Returns:
        (2, `GRID`, `GRID`) float32, px.

    """
    most = _MOST * size_px
    apart = np.clip(driver - painted, -most, most)
    points = shown + apart
    line = np.linspace(0, size_px - 1, GRID, dtype=np.float32)
    # Nadaraya and Watson's mean: between landmarks it is smooth, and beyond them it is the nearest one's.
    reach = np.float32(2 * (_REACH * size_px) ** 2)
    across, down = (np.exp(-np.minimum((line[:, None] - points[:, k]) ** 2 / reach, _FARTHEST)) for k in (0, 1))
    # A landmark's weight at a point is a product of the two, so that sums over landmarks are products of matrices.
    sums = [(down * each) @ across.T for each in (apart[:, 0], apart[:, 1], np.ones_like(apart[:, 0]))]
    means = apart.mean(axis=0)
    moves = [(each + _NOTHING * mean) / (sums[2] + _NOTHING) for each, mean in zip(sums[:2], means, strict=True)]
    return np.stack(moves).astype(np.float32, copy=False)
