"""Bends a painted square as `mien.engines.swapnet.likeness` says, on the processor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.swapnet.likeness import GRID
from mien.engines.swapnet.texture import own_places
from mien.realtime.frame import Floats


def spread(moves: Floats, size_px: int) -> tuple[Floats, Floats]:
    """Where in a painted square of `size_px` each of its pixels is to be taken from.

    Args:
        moves: of `likeness.moves_of`; linear between its points.
        size_px: S.

    Returns:
        Right and down, (S, S) float32 each, px.

    """
    # Corner to corner: the grid's outermost points are the middles of the outermost pixels.
    step = (GRID - 1) / (size_px - 1)
    moved_right, moved_down = (
        cv2.warpAffine(
            each,
            np.array([[step, 0, 0], [0, step, 0]]),
            (size_px, size_px),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for each in moves
    )
    right, below = own_places(size_px, size_px)
    return right - moved_right, below - moved_down


def bent(picture: NDArray[np.uint8], places: tuple[Floats, Floats]) -> NDArray[np.uint8]:
    """(S, S) or (S, S, C) uint8, each pixel taken from its place of `spread`."""
    return np.asarray(cv2.remap(picture, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
