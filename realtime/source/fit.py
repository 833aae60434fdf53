"""Any picture in a given size, its proportions kept."""

from __future__ import annotations

import cv2
import numpy as np

from mien.realtime.frame import Pixels


def fit(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scale `pixels` (H, W, 3) uint8 into (height, width, 3) with black bars; the same array if it fits already.

    Sinks are opened once with one size, so a camera that comes back with another one is fitted into the first.
    """
    have_height, have_width = pixels.shape[:2]
    if (have_width, have_height) == (width, height):
        return pixels
    scale = min(width / have_width, height / have_height)
    inner_width = min(max(round(have_width * scale), 1), width)
    inner_height = min(max(round(have_height * scale), 1), height)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    x, y = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[y : y + inner_height, x : x + inner_width] = cv2.resize(
        pixels, (inner_width, inner_height), interpolation=method
    )
    return canvas
