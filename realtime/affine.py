"""Where crops and patches lie: affine maps between pixel centres, and regions. Needs NumPy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats

Map = NDArray[np.float64]
#: (x, y, width, height), px.
Region = tuple[int, int, int, int]


def inverted(matrix: NDArray[np.floating]) -> Map:
    """The (2, 3) map back of an affine map."""
    linear = np.linalg.inv(matrix[:, :2].astype(np.float64))
    return np.concatenate([linear, -linear @ matrix[:, 2:].astype(np.float64)], axis=1)


def shrunk(matrix: NDArray[np.floating], ratio: tuple[float, float]) -> Map:
    """The map to a patch that was shrunk to these parts of its width and height, between pixel centres."""
    part = np.array([[ratio[0]], [ratio[1]]])
    out: Map = matrix.astype(np.float64) * part
    out[:, 2] += (part[:, 0] - 1) / 2
    return out


def spot(matrix: Map, patch: tuple[int, int], frame: tuple[int, int]) -> Region | None:
    """The region of a frame that a patch touches; None when it misses the frame.

    Args:
        matrix: takes frame pixels to the patch's.
        patch: (height, width), px.
        frame: (height, width), px.

    """
    left, top, right, bottom = _bounds(matrix, patch)
    x0, y0 = max(math.floor(left), 0), max(math.floor(top), 0)
    x1, y1 = min(math.ceil(right) + 1, frame[1]), min(math.ceil(bottom) + 1, frame[0])
    return (x0, y0, x1 - x0, y1 - y0) if x1 > x0 and y1 > y0 else None


def cut_first(matrix: Floats, crop: tuple[int, int], frame: tuple[int, int]) -> tuple[Region, int, Map]:
    """The part of a frame that a crop shows, and over squares of how many px it is averaged first.

    A bilinear warp skips pixels when it shrinks, and what it skips flickers.

    Args:
        matrix: takes frame pixels to the crop's.
        crop: (height, width), px.
        frame: (height, width), px.

    Returns:
        The part, the squares' side (1 for a crop that shrinks to no less than half), and the map from the averaged part
        to the crop.

    """
    factor = max(1, int(1 / max(math.hypot(float(matrix[0, 0]), float(matrix[1, 0])), 1e-6)))
    height, width = frame
    left, top, right, bottom = _bounds(matrix, crop)
    x0, x1 = _span(left, right, factor, width)
    y0, y1 = _span(top, bottom, factor, height)
    out: Map = matrix.astype(np.float64)
    # A small pixel's centre lies in the middle of its square.
    out[:, 2] += out[:, :2] @ (np.array([x0, y0]) + (factor - 1) / 2)
    out[:, :2] *= factor
    return (x0, y0, (x1 - x0) // factor * factor, (y1 - y0) // factor * factor), factor, out


def _span(low: float, high: float, margin: int, limit: int) -> tuple[int, int]:
    """Whole pixels from `low` to `high` with a margin, at least so many, within 0 to `limit`."""
    begin = min(max(math.floor(low) - margin, 0), limit - margin)
    return begin, min(max(math.ceil(high) + margin, begin + margin), limit)


def _bounds(matrix: NDArray[np.floating], patch: tuple[int, int]) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) in the frame of a patch (height, width) with a border of one pixel."""
    # By hand: for four points a dozen calls of NumPy cost more than anything else here.
    (a, b, x), (c, d, y) = matrix.tolist()
    turned = a * d - b * c
    edge = [(across - x, down - y) for across in (-1, patch[1]) for down in (-1, patch[0])]
    columns = [(d * across - b * down) / turned for across, down in edge]
    rows = [(a * down - c * across) / turned for across, down in edge]
    return min(columns), min(rows), max(columns), max(rows)
