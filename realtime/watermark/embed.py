"""Adding the mark to a frame: a pattern of -1, 0 and +1, made once, and two saturating sums a frame."""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX, FrameError
from mien.realtime.watermark import layout
from mien.realtime.watermark.coding import encode
from mien.realtime.watermark.payload import Payload

#: Mean height of a chip, levels of 255. Fixed: a mark that follows the texture was mottled on skin.
AMPLITUDE: Final = 0.85

# Rows that are made or summed together: they stay in the cache between the two sums.
_STRIP_ROWS: Final = 32


def pattern(payload: Payload, width: int, height: int, *, amplitude: float = AMPLITUDE) -> NDArray[np.int8]:
    """(height, width) int8 of -1, 0 and +1: what the mark of `payload` adds to each pixel.

    Args:
        payload: what it says.
        width: px of the frame.
        height: px of the frame.
        amplitude: 0 < amplitude <= 1; the mean over a chip, reached by a fixed dither.

    """
    chip = layout.chip_px(width, height)
    grid = layout.chips(encode(payload.to_int())).astype(np.float32) * amplitude
    before, after, share = layout.axis(width, chip, layout.COLUMNS)
    bands = grid[:, before] * (1 - share) + grid[:, after] * share
    above, below, share = layout.axis(height, chip, layout.ROWS)
    made = np.empty((height, width), np.int8)
    for top in range(0, height, _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        part = share[rows, None]
        wanted = bands[above[rows]] * (1 - part) + bands[below[rows]] * part
        made[rows] = np.floor(wanted + _dither(top, len(part), width))
    return made


def _dither(top: int, rows: int, width: int) -> NDArray[np.float32]:
    """Thresholds 0..1 for `rows` rows from `top`, spread evenly at the pixel's scale, so that no grain is seen.

    Interleaved gradient noise (Jimenez, "Next Generation Post Processing in Call of Duty", SIGGRAPH 2014).
    """
    y = np.arange(top, top + rows)[:, None]
    x = np.arange(width)[None]
    return (52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0) % 1.0).astype(np.float32)


class Embedder:
    """Adds the mark of one payload to frames of one size; used on one thread.

    Args:
        payload: what the mark says.
        width: px, 16 to 8192.
        height: px, 16 to 8192.
        planes: "bgr" for (H, W, 3) frames, "luma" for (H, W) planes.

    Raises `FrameError` for a size out of range.

    """

    def __init__(self, payload: Payload, width: int, height: int, *, planes: Literal["bgr", "luma"] = "bgr") -> None:
        if not (MIN_SIDE_PX <= width <= MAX_SIDE_PX and MIN_SIDE_PX <= height <= MAX_SIDE_PX):
            raise FrameError(f"a frame has {MIN_SIDE_PX} to {MAX_SIDE_PX} px a side, got {width}x{height}.")
        made = pattern(payload, width, height)
        lighter, darker = np.maximum(made, 0).view(np.uint8), np.maximum(-made, 0).view(np.uint8)
        if planes == "bgr":
            lighter, darker = cv2.merge([lighter] * 3), cv2.merge([darker] * 3)  # type: ignore[assignment]
        self._lighter, self._darker = lighter, darker

    def __call__(self, pixels: NDArray[np.uint8]) -> None:
        """Mark `pixels` in place: (H, W, 3) uint8 BGR, or (H, W) uint8 luma, as chosen, writeable.

        No allocation. Black stays black where the pattern darkens, and white stays white where it lightens.
        Raises `FrameError` for another shape or type.
        """
        if pixels.shape != self._lighter.shape or pixels.dtype != np.uint8:
            raise FrameError(f"this mark is for uint8 of {self._lighter.shape}, got {pixels.dtype} of {pixels.shape}.")
        for top in range(0, len(pixels), _STRIP_ROWS):
            rows = slice(top, top + _STRIP_ROWS)
            strip = pixels[rows]
            cv2.add(strip, self._lighter[rows], dst=strip)
            cv2.subtract(strip, self._darker[rows], dst=strip)
