"""Bends a painted square as `mien.engines.swapnet.likeness` says, on the processor."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.swapnet.likeness import GRID
from mien.engines.swapnet.texture import EVERYWHERE, Window, own_places
from mien.realtime.frame import Floats


def spread(moves: Floats, size_px: int, window: Window = EVERYWHERE) -> tuple[Floats, Floats]:
    """Where in a painted square of `size_px` each of its pixels is to be taken from.

    Args:
        moves: of `likeness.moves_of`; linear between its points.
        size_px: S.
        window: rows and columns of the pixels.

    Returns:
        Right and down, (h, w) float32 each of the window, px of the square.

    """
    rows, columns = (_between(size_px)[each] for each in window)
    # OpenCV's product where it is large: NumPy's BLAS would share it out to a second thread, which spins.
    right, down = (
        cv2.gemm(rows, each @ columns.T, -1, own[window], 1)
        for each, own in zip(moves, own_places(size_px, size_px), strict=True)
    )
    return np.asarray(right, np.float32), np.asarray(down, np.float32)


def bent(picture: NDArray[np.uint8], places: tuple[Floats, Floats]) -> NDArray[np.uint8]:
    """(S, S) or (S, S, C) uint8 to (h, w) or (h, w, C), each pixel taken from its place of `spread`."""
    return np.asarray(cv2.remap(picture, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@lru_cache(4)
def _between(size_px: int) -> Floats:
    """(S, `GRID`): what a pixel's row or column has of each of the grid's. Their outermost lie on each other."""
    place = np.linspace(0, GRID - 1, size_px)
    return np.asarray(np.maximum(1 - np.abs(place[:, None] - np.arange(GRID)), 0), np.float32)
