"""What every blend agrees on, whatever it runs on: lengths, shares and regions. Needs NumPy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import Face
from mien.realtime.frame import Alignment, FrameError

#: How far a mask's outer border moves in, and over what length it then rises to full, in face sizes.
ERODE: Final = 0.01
FEATHER: Final = 0.06
#: Distances are measured on a mask shrunk to about this face size: exact enough for an edge that is soft anyway.
EDGE_FACE_PX: Final = 160

#: How much of the difference in mean colour is taken from the driver. 1 would give the persona the driver's skin; 0
#: would leave a face that does not belong to the neck below it. At 0.9 the forehead and the neck, which stay the
#: driver's, show no seam, and a fair persona on a dark driver still keeps a shade of its own; 0.8 showed one.
STRENGTH: Final = 0.9
#: Smoothing of the statistics, seconds: short enough for a lamp or a bright screen, long enough against flicker.
TIME_CONSTANT_S: Final = 0.25

#: Blocks across a covered face (a block is a quarter of its width). People lose a face's identity somewhere below
#: eight; with four, both eyes share two or three blocks with brows and cheeks, and nothing keeps an outline. What is
#: left is hair and skin colour. A network trained on pictures of the same few people can guess even from such a mosaic
#: (McPherson, Shokri, Shmatikov: Defeating Image Obfuscation with Deep Learning, 2016): this hides a passer-by from
#: viewers, it does not make a recording anonymous.
BLOCKS_ACROSS: Final = 4
#: The landmarks' box ends at the forehead and the ears; the cover reaches over hair, ears and chin, in box sides.
GROW_X: Final = 1.35
GROW_Y: Final = 1.5
#: The cover's edge fades over this part of its radius, outside the face: inside the box it is whole.
COVER_FEATHER: Final = 0.16

#: The badge looks at every so many pixels of what lies behind it, in both directions.
SAMPLE_STEP_PX: Final = 6

# Statistics use about this many samples a side.
_SAMPLES_A_SIDE = 56


def sample_step(height: int, width: int) -> int:
    """Distance of the samples that colour statistics of a patch of this size are taken on, px."""
    return int(max(1, -(-max(height, width) // _SAMPLES_A_SIDE)))


def face_px(face: Face, alignment: Alignment) -> float:
    """The longer side of a face's box, px of the crop."""
    x0, y0, x1, y1 = face.box
    return scale_of(alignment.matrix) * max(x1 - x0, y1 - y0)


def edge_factor(face_size_px: float) -> int:
    """How many times a mask is shrunk before its border is measured; `face_size_px` is the face's in it."""
    return max(1, round(face_size_px / EDGE_FACE_PX))


def scale_of(matrix: NDArray[np.floating]) -> float:
    """Crop pixels to one frame pixel of a (2, 3) affine map."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return math.sqrt(abs(a * d - b * c))


@dataclass(frozen=True, slots=True)
class CoverArea:
    """Where the cover of one face lies.

    Attributes:
        left: px of the frame, like the other three; the region that the cover touches.
        top: see `left`.
        right: see `left`.
        bottom: see `left`.
        grid: (columns, rows) of the mosaic over the region.
        blur_px: side of the mean that softens the blocks, odd.
        centre: (x, y) of the ellipse in the region, px.
        half: (x, y) half axes, px.

    """

    left: int
    top: int
    right: int
    bottom: int
    grid: tuple[int, int]
    blur_px: int
    centre: tuple[float, float]
    half: tuple[float, float]


def cover_area(box: tuple[float, float, float, float], height: int, width: int) -> CoverArea | None:
    """Where to cover the face in `box` (x0, y0, x1, y1) px of a frame of this size; None outside the frame.

    Raises:
        FrameError: the box is not finite, so it is not known what to cover.

    """
    if not all(math.isfinite(value) for value in box):
        raise FrameError(f"a bystander's box must be finite, got {box}.")
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2 - 0.06 * (y1 - y0)
    half = (max(x1 - x0, 2.0) / 2 * GROW_X, max(y1 - y0, 2.0) / 2 * GROW_Y)
    left, right = (_clip(x + side * half[0] * (1 + COVER_FEATHER), width) for side in (-1, 1))
    top, bottom = (_clip(y + side * half[1] * (1 + COVER_FEATHER), height) for side in (-1, 1))
    if right <= left or bottom <= top:
        return None
    block = max(x1 - x0, 2.0) / BLOCKS_ACROSS
    grid = max(1, round((right - left) / block)), max(1, round((bottom - top) / block))
    return CoverArea(left, top, right, bottom, grid, max(1, int(block / 3)) | 1, (x - left, y - top), half)


def _clip(value: float, limit: int) -> int:
    return int(min(max(round(value), 0), limit))
