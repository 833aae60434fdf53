"""Where a network wants to see which landmarks: alignment to the template of a face that it was trained with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import LANDMARK_COUNT
from mien.realtime.frame import Alignment, Floats, FrameError

#: Less is no face, but one point.
_LEAST_SPAN_PX = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkTemplate:
    """Points of a face, and their places in a square crop.

    Attributes:
        landmarks: for each point the landmarks of the 478 whose mean it is.
        places: (N, 2) float32, shares of the crop's side (x right, y down); may lie outside 0..1.

    Raises `FrameError` for fewer than two points, unequal numbers, or a landmark that does not exist.

    """

    landmarks: tuple[tuple[int, ...], ...]
    places: Floats
    # All landmarks in a row, where each point's begin, and how many it has.
    _order: NDArray[np.int64] = field(init=False, repr=False)
    _starts: NDArray[np.int64] = field(init=False, repr=False)
    _counts: Floats = field(init=False, repr=False)
    # The places' middle, and the places around it.
    _aim: complex = field(init=False, repr=False)
    _wanted: NDArray[np.complex128] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.landmarks) < 2 or self.places.shape != (len(self.landmarks), 2):
            raise FrameError(
                f"a template needs (N, 2) places for N >= 2 points, got {self.places.shape} for {len(self.landmarks)}."
            )
        if not all(point and all(0 <= each < LANDMARK_COUNT for each in point) for point in self.landmarks):
            raise FrameError(f"a template's points are made of landmarks 0..{LANDMARK_COUNT - 1}.")
        counts = np.array([len(point) for point in self.landmarks])
        object.__setattr__(self, "_order", np.concatenate(self.landmarks))
        object.__setattr__(self, "_starts", np.cumsum(counts) - counts)
        object.__setattr__(self, "_counts", counts.astype(np.float32)[:, None])
        wanted = _complex(self.places)
        object.__setattr__(self, "_aim", complex(wanted.mean()))
        object.__setattr__(self, "_wanted", wanted - wanted.mean())

    def points(self, landmarks: Floats) -> Floats:
        """(N, 2) float32: the template's points of (478, 2 or 3) landmarks, px."""
        chosen = landmarks[:, :2].take(self._order, axis=0)
        return np.asarray(np.add.reduceat(chosen, self._starts) / self._counts, np.float32)

    def square(self, landmarks: Floats, size_px: int) -> Alignment:
        """The square crop in which these landmarks lie nearest to their places, by least squares.

        A similarity: turned, scaled and moved, never mirrored. Method: Umeyama, "Least-squares estimation of
        transformation parameters between two point patterns", PAMI 1991, whose solution in the plane is one complex
        number.

        Args:
            landmarks: (478, 2 or 3), px of the frame.
            size_px: the crop's side; a place of (1, 1) is its pixel (size_px, size_px).

        Raises:
            FrameError: the points coincide, or are not finite.

        """
        points = self.points(landmarks)
        if not np.isfinite(points).all() or float(np.ptp(points, axis=0).max()) < _LEAST_SPAN_PX:
            raise FrameError("landmarks must be finite and span a face; got equal points or numbers that are not.")
        seen = _complex(points)
        middle = complex(seen.mean())
        seen -= middle
        turn = complex(np.vdot(seen, self._wanted) / np.vdot(seen, seen).real) * size_px
        shift = self._aim * size_px - turn * middle
        matrix = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
        return Alignment(np.array(matrix, np.float32), size_px, size_px)

    def __repr__(self) -> str:
        return f"LandmarkTemplate({len(self.landmarks)} points)"


def _complex(points: Floats) -> NDArray[np.complex128]:
    return points.astype(np.float64).view(np.complex128)[:, 0]
