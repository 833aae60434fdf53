"""Where each pixel of a persona's picture lies in its texture, by the landmarks.

The texture is laid out as the canonical face is seen from the front. Between landmarks the map is that of the mesh's
triangles, so that a brow's strands are learnt from the very pixels that show them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.raster import draw_cells
from mien.engines.swapnet.terms import MARGIN
from mien.realtime.aligner import HEAD_HEIGHT_CM
from mien.realtime.face import SKIN_LANDMARK_COUNT
from mien.realtime.head import head_model

Floats = NDArray[np.float32]


@cache
def canonical_places() -> Floats:
    """(468, 2) float32: right and down of the texture's middle, half sides."""
    points = head_model().landmarks[:SKIN_LANDMARK_COUNT, :2]
    middle = (points.min(0) + points.max(0)) / 2
    return np.asarray((points - middle) / (MARGIN * HEAD_HEIGHT_CM / 2), np.float32)


def places_of(landmarks: Floats, size_px: int, wet: NDArray[np.uint8]) -> Floats:
    """How far each pixel's place in the texture is from its own in the picture.

    Args:
        landmarks: (478, 2) float32, px of the picture; the middle of its first pixel is (0, 0).
        size_px: S, side of the picture, even.
        wet: (S, S) uint8, 255 on the balls of the eyes and inside the mouth, which have no place of their own.

    Returns:
        (3, S/2, S/2) float32: right and down, half sides of the square, and 1 where that is known.

    """
    side = size_px // 2
    head = head_model()
    points = np.column_stack(
        [(landmarks[:SKIN_LANDMARK_COUNT] + 0.5) / 2 - 0.5, head.landmarks[:SKIN_LANDMARK_COUNT, 2]]
    ).astype(np.float32)
    found, owner = draw_cells(points, canonical_places(), head.triangles, (side, side))
    line = (2 * np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / (size_px - 1)) - 1
    dry = wet.reshape(side, 2, side, 2).max((1, 3)) == 0
    known = (owner >= 0) & dry
    return np.stack([found[0] - line, found[1] - line[:, None], known]).astype(np.float32)
