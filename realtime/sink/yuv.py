"""BGR pictures as a video encoder wants them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Pixels


def even(pixels: Pixels) -> Pixels:
    """The picture with even sides: the last column or row is repeated where needed, no copy where not."""
    height, width = pixels.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return pixels
    return cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def to_i420(pixels: Pixels) -> NDArray[np.uint8]:
    """(H, W, 3) BGR to (H * 3 / 2, W) I420, the sides made even.

    OpenCV writes BT.601 in the limited range (0.2 to 0.7 ms at 720p, where swscale takes 1 to 4): whatever carries
    the planes must be tagged so, or a player that guesses BT.709 from the size shifts every skin tone.
    """
    return cv2.cvtColor(even(pixels), cv2.COLOR_BGR2YUV_I420)  # type: ignore[return-value]
