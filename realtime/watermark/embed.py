"""Adding the mark to a frame: a pattern of -1, 0 and +1, made once, and a saturating sum a frame."""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX, FrameError
from mien.realtime.watermark import layout
from mien.realtime.watermark.coding import encode
from mien.realtime.watermark.payload import Payload

#: Height of a chip at its middle, levels of 255; with `layout.RAMP` a frame keeps 50 dB. Fixed: 1.5, and a height that
#: follows the texture, were mottled on skin.
AMPLITUDE: Final = 1.0

_DITHER_SEED: Final = 1
# Rows that are made or summed together: they stay in the cache between the steps.
_STRIP_ROWS: Final = 64
# Takes levels 0..255, seen as int8, to -128..127 in their order, and back.
_TOP_BIT: Final = 0x80


def pattern(payload: Payload, width: int, height: int) -> NDArray[np.int8]:
    """(height, width) int8 of -1, 0 and +1: what the mark of `payload` adds to each pixel.

    The slopes between chips, which are fractions of a level, come out right on average by a fixed dither. For embedders
    on other devices: add it with saturation, to luma or to each of B, G and R.
    """
    chip = layout.chip_px(width, height)
    grid = layout.chips(encode(payload.to_int())).astype(np.float32) * AMPLITUDE
    before, after, share = layout.axis(width, chip, layout.COLUMNS)
    bands = grid[:, before] * (1 - share) + grid[:, after] * share
    above, below, share = layout.axis(height, chip, layout.ROWS)
    made = np.empty((height, width), np.int8)
    # White noise: an ordered dither has peaks in its spectrum, and could be seen. Detectors need not know it.
    noise = np.random.default_rng(_DITHER_SEED)
    for top in range(0, height, _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        part = share[rows, None]
        wanted = bands[above[rows]] * (1 - part) + bands[below[rows]] * part
        made[rows] = np.floor(wanted + noise.random(wanted.shape, np.float32))
    return made


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
        made.flags.writeable = False
        self._pattern = made
        self._added = made if planes == "luma" else np.asarray(cv2.merge([made] * 3), np.int8)

    @property
    def pattern(self) -> NDArray[np.int8]:
        """(height, width) int8, read-only: what is added; see `pattern`."""
        return self._pattern

    def __call__(self, pixels: NDArray[np.uint8]) -> None:
        """Mark `pixels` in place: (H, W, 3) uint8 BGR, or (H, W) uint8 luma, as chosen, writeable.

        No allocation. Black stays black where the pattern darkens, and white stays white where it lightens.
        Raises `FrameError` for another shape or type.
        """
        if pixels.shape != self._added.shape or pixels.dtype != np.uint8:
            raise FrameError(f"this mark is for uint8 of {self._added.shape}, got {pixels.dtype} of {pixels.shape}.")
        for top in range(0, len(pixels), _STRIP_ROWS):
            rows = slice(top, top + _STRIP_ROWS)
            strip = pixels[rows]
            signed = strip.view(np.int8)
            # The pattern has a sign and the levels have none: as numbers with one they are summed in one step, with
            # saturation at the same two ends.
            strip ^= _TOP_BIT
            cv2.add(signed, self._added[rows], dst=signed)
            strip ^= _TOP_BIT
