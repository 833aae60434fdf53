"""Covers the faces of people who did not ask to be shown."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.blend_terms import COVER_FEATHER, CoverArea, cover_area
from mien.realtime.frame import Pixels


def cover(pixels: Pixels, boxes: Sequence[tuple[float, float, float, float]]) -> None:
    """Pixelate each face in place, softly, in an ellipse over its box.

    Args:
        pixels: (H, W, 3) uint8 BGR, writeable; touched only around the boxes.
        boxes: (x0, y0, x1, y1) px around each face's landmarks; may reach over the frame's edge or lie outside it.

    Raises:
        FrameError: a box is not finite, so it is not known what to cover.

    """
    for box in boxes:
        area = cover_area(box, pixels.shape[0], pixels.shape[1])
        if area is not None:
            _cover_one(pixels, area)


def _cover_one(pixels: Pixels, area: CoverArea) -> None:
    roi = pixels[area.top : area.bottom, area.left : area.right]
    share = _ellipse(roi.shape[1], roi.shape[0], area.centre, area.half)
    np.copyto(roi, cv2.blendLinear(_mosaic(roi, area), roi, share, 1 - share))


def _mosaic(roi: Pixels, area: CoverArea) -> Pixels:
    """Means of blocks, with edges softened by a sixth of a block."""
    small = cv2.resize(roi, area.grid, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (roi.shape[1], roi.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.blur(large, (area.blur_px, area.blur_px)), np.uint8)


def _ellipse(width: int, height: int, centre: tuple[float, float], half: tuple[float, float]) -> NDArray[np.float32]:
    """(height, width) float32: 1 inside the ellipse, falling to 0 over the feather outside it."""
    x = (np.arange(width, dtype=np.float32) - np.float32(centre[0])) / np.float32(half[0])
    y = (np.arange(height, dtype=np.float32) - np.float32(centre[1])) / np.float32(half[1])
    radius = np.sqrt(x * x + (y * y)[:, None])
    share = (np.float32(1 + COVER_FEATHER) - radius) / np.float32(COVER_FEATHER)
    return np.asarray(np.clip(share, 0, 1), np.float32)
