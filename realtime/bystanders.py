"""Covers the faces of people who did not ask to be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import FrameError, Pixels

#: Blocks across a face (a block is a quarter of its width). People lose a face's identity somewhere below eight; with
#: four, both eyes share two or three blocks with brows and cheeks, and nothing keeps an outline. What is left is hair
#: and skin colour. A network trained on pictures of the same few people can guess even from such a mosaic (McPherson,
#: Shokri, Shmatikov: Defeating Image Obfuscation with Deep Learning, 2016): this hides a passer-by from viewers, it
#: does not make a recording anonymous.
BLOCKS_ACROSS: Final = 4

#: The landmarks' box ends at the forehead and the ears; the cover reaches over hair, ears and chin, in box sides.
GROW_X: Final = 1.35
GROW_Y: Final = 1.5

# The cover's edge fades over this part of its radius, outside the face: inside the box it is whole.
_FEATHER = 0.16


def cover(pixels: Pixels, boxes: Sequence[tuple[float, float, float, float]]) -> None:
    """Pixelate each face in place, softly, in an ellipse over its box.

    Args:
        pixels: (H, W, 3) uint8 BGR, writeable; touched only around the boxes.
        boxes: (x0, y0, x1, y1) px around each face's landmarks; may reach over the frame's edge or lie outside it.

    Raises:
        FrameError: a box is not finite, so it is not known what to cover.

    """
    for box in boxes:
        if not all(math.isfinite(value) for value in box):
            raise FrameError(f"a bystander's box must be finite, got {box}.")
        _cover_one(pixels, box)


def _cover_one(pixels: Pixels, box: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = box
    centre = ((x0 + x1) / 2, (y0 + y1) / 2 - 0.06 * (y1 - y0))
    half = (max(x1 - x0, 2.0) / 2 * GROW_X, max(y1 - y0, 2.0) / 2 * GROW_Y)
    height, width = pixels.shape[:2]
    left, right = (_clip(centre[0] + side * half[0] * (1 + _FEATHER), width) for side in (-1, 1))
    top, bottom = (_clip(centre[1] + side * half[1] * (1 + _FEATHER), height) for side in (-1, 1))
    if right <= left or bottom <= top:
        return
    roi = pixels[top:bottom, left:right]
    block = max(x1 - x0, 2.0) / BLOCKS_ACROSS
    mosaic = _mosaic(roi, block)
    share = _ellipse(roi.shape[1], roi.shape[0], (centre[0] - left, centre[1] - top), half)
    np.copyto(roi, cv2.blendLinear(mosaic, roi, share, 1 - share))


def _mosaic(roi: Pixels, block: float) -> Pixels:
    """Means of blocks, with edges softened by a sixth of a block."""
    height, width = roi.shape[:2]
    grid = max(1, round(width / block)), max(1, round(height / block))
    small = cv2.resize(roi, grid, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    kernel = max(1, int(block / 3)) | 1
    return np.asarray(cv2.blur(large, (kernel, kernel)), np.uint8)


def _ellipse(width: int, height: int, centre: tuple[float, float], half: tuple[float, float]) -> NDArray[np.float32]:
    """(height, width) float32: 1 inside the ellipse, falling to 0 over the feather outside it."""
    x = (np.arange(width, dtype=np.float32) - np.float32(centre[0])) / np.float32(half[0])
    y = (np.arange(height, dtype=np.float32) - np.float32(centre[1])) / np.float32(half[1])
    radius = np.sqrt(x * x + (y * y)[:, None])
    share = (np.float32(1 + _FEATHER) - radius) / np.float32(_FEATHER)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _clip(value: float, limit: int) -> int:
    return int(min(max(round(value), 0), limit))
