"""Where the chips of the mark lie: a grid of 160x90 signs, spread over a frame of any size and shape.

Public spread spectrum (Cox, Kilian, Leighton, Shamoon, "Secure Spread Spectrum Watermarking for Multimedia", IEEE
Transactions on Image Processing 6(12), 1997): each chip is a square of pixels, a little lighter or darker. One third of
the chips never changes (sync): a detector finds place and scale by them. The rest carries the code bits, each about 33
times.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

COLUMNS: Final = 160
ROWS: Final = 90
#: Code bits that the payload chips carry in turn; see `mien.realtime.watermark.coding`.
CODE_BITS: Final = 288

#: No chip is smaller, px: a finer one does not outlive 4:2:0 video, or any scaling.
LEAST_CHIP_PX: Final = 2.0
#: At least so many chips lie along a frame's short side, so that a ribbon of a frame still carries every code bit.
LEAST_CHIPS: Final = 40
#: Part of a chip over which its sign turns into its neighbour's. With steep edges (0.3) the squares were seen as a
#: mosaic on smooth skin, three times enlarged; with these slopes not, at the same energy.
RAMP: Final = 0.8

# A hash, not NumPy's random numbers: those may change with a version, and the layout of version 1 never may.
_SEED: Final = b"mien watermark layout 1"


def _laid_out() -> tuple[NDArray[np.int8], NDArray[np.intp], NDArray[np.intp]]:
    count = COLUMNS * ROWS
    stream = np.frombuffer(hashlib.shake_256(_SEED).digest(9 * count), np.uint8)
    signs = (stream[:count] & 1).astype(np.int8) * 2 - 1
    order = np.argsort(stream[count:].view("<u8"), kind="stable")
    return signs.astype(np.int8), order[: count // 3], order[count // 3 :]


_LAYOUT: Final = _laid_out()
#: (14400,) int8, +-1: the sign of each chip, rows from the top; a payload chip is multiplied by its code bit.
SIGNS: Final = _LAYOUT[0]
#: (4800,) places of the chips that never change.
SYNC: Final = _LAYOUT[1]
#: (9600,) places of the chips that carry code bits.
PAYLOAD: Final = _LAYOUT[2]
#: (9600,) which code bit each chip of `PAYLOAD` carries.
CODE_BIT: Final[NDArray[np.intp]] = np.arange(PAYLOAD.size) % CODE_BITS


def chip_px(width: int, height: int) -> float:
    """The side of one chip on a frame of `width` x `height` px.

    The grid covers the frame and is centred: a 16:9 frame shows all of it, any other its middle. So a picture that
    was cropped around its middle to another shape, or set between bars into a 16:9 one, still has its chips where a
    detector looks first: their number along the height (or width) stays what it was. Where the middle would be too
    little (ribbons longer than 4:1 or 1:2.25, sides below 320 px), chips are smaller and the grid repeats.
    """
    cover = max(width / COLUMNS, height / ROWS)
    return max(min(cover, min(width, height) / LEAST_CHIPS), LEAST_CHIP_PX)


def chips(code: NDArray[np.int8]) -> NDArray[np.int8]:
    """(90, 160) int8, +-1: the grid that carries `code`, (288,) int8 of +-1."""
    grid = SIGNS.copy()
    grid[PAYLOAD] *= code[CODE_BIT]
    return grid.reshape(ROWS, COLUMNS)


def sync_chips() -> NDArray[np.int8]:
    """(90, 160) int8: the signs of the sync chips, 0 elsewhere."""
    grid = np.zeros_like(SIGNS)
    grid[SYNC] = SIGNS[SYNC]
    return grid.reshape(ROWS, COLUMNS)


def axis(length: int, chip: float, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Which chips each pixel of one axis of a frame shows.

    Args:
        length: px of the frame along this axis.
        chip: side of a chip, px, at least 1.
        count: chips of the grid along this axis; it repeats beyond.

    Returns:
        (length,) two neighbouring chips, and (length,) float32 0..1, the part of the second.

    """
    place = (np.arange(length) + 0.5 - length / 2) / chip + count / 2
    # A pixel shows the mean over its own width, so a ramp is never shorter.
    ramp = max(RAMP, 1.0 / chip)
    edge = np.floor(place + 0.5)
    share = np.clip((place - edge) / ramp + 0.5, 0.0, 1.0)
    after = edge.astype(np.intp)
    return (after - 1) % count, after % count, share.astype(np.float32)
