"""Numbered pictures whose number can be read from a small screenshot: they tell how old a picture in OBS is."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from mien.realtime.frame import Pixels
from mien.realtime.mark import MarkedFrame, Marker

#: Bits of a number.
BITS: Final = 8
#: A cell must differ from its inverse by this much, of 255, or the number is not believed.
_CONTRAST: Final = 60
# The code's box as parts of the frame: the middle, clear of every corner that the badge may take.
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.2, 0.8, 0.4, 0.6


def draw_number(picture: Pixels, number: int) -> None:
    """Draw `number` (0 to 255) into (H, W, 3) uint8 BGR: a row of cells, and the same row inverted below."""
    height, width = picture.shape[:2]
    for row in range(2):
        for bit in range(BITS):
            light = bool(number >> bit & 1) != bool(row)
            (x0, x1), (y0, y1) = _cell(width, height, row, bit)
            picture[y0:y1, x0:x1] = 235 if light else 20


def read_number(picture: Pixels) -> int | None:
    """The number in a picture of any size; None where none can be read, as in a picture that is half drawn."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    number = 0
    for bit in range(BITS):
        levels = []
        for row in range(2):
            (x0, x1), (y0, y1) = _cell(width, height, row, bit)
            # The middle of the cell alone: its edges are blurred by scaling and compression.
            dx, dy = (x1 - x0) // 4, (y1 - y0) // 4
            levels.append(float(np.mean(grey[y0 + dy : y1 - dy, x0 + dx : x1 - dx])))
        if abs(levels[0] - levels[1]) < _CONTRAST:
            return None
        number |= (levels[0] > levels[1]) << bit
    return number


def marked_cards(width: int, height: int, count: int) -> list[MarkedFrame]:
    """Cards with the numbers 0 to `count` - 1, marked like every slate: `count` <= 256, sizes in px."""
    marker = Marker(width, height)
    cards = []
    for number in range(count):
        picture: Pixels = np.full((height, width, 3), 60, np.uint8)
        draw_number(picture, number)
        cards.append(marker.mark_slate(picture, sequence=number, capture_ns=0, media_ns=0, now_ns=0))
    return cards


def _cell(width: int, height: int, row: int, bit: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """((x0, x1), (y0, y1)) px."""
    across, down = (_RIGHT - _LEFT) / BITS, (_BOTTOM - _TOP) / 2
    x0, y0 = _LEFT + bit * across, _TOP + row * down
    return (round(x0 * width), round((x0 + across) * width)), (round(y0 * height), round((y0 + down) * height))
