"""BGR pictures as a virtual camera takes them, written where they are read: one pass, no copy.

YUV is BT.601 in the limited range, which readers of cameras assume.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Pixels
from mien.realtime.sink.yuv import to_i420

#: Writes (H, W, 3) uint8 BGR of even sides into flat uint8 memory of the format's size.
Writer = Callable[[Pixels, NDArray[np.uint8]], None]


def _by_opencv(code: int, rows: Callable[[int, int], tuple[int, ...]]) -> Writer:
    def write(pixels: Pixels, memory: NDArray[np.uint8]) -> None:
        cv2.cvtColor(pixels, code, dst=memory.reshape(rows(*pixels.shape[:2])))

    return write


def _nv12(pixels: Pixels, memory: NDArray[np.uint8]) -> None:
    height, width = pixels.shape[:2]
    planes, luma = to_i420(pixels).reshape(-1), height * width
    memory[:luma] = planes[:luma]
    memory[luma::2] = planes[luma : luma + luma // 4]
    memory[luma + 1 :: 2] = planes[luma + luma // 4 :]


#: By the format's name in pyvirtualcam; the same names as `link.BYTES_A_PIXEL`.
WRITERS: Final[dict[str, Writer]] = {
    "I420": _by_opencv(cv2.COLOR_BGR2YUV_I420, lambda height, width: (height * 3 // 2, width)),
    "NV12": _nv12,
    "YUYV": _by_opencv(cv2.COLOR_BGR2YUV_YUYV, lambda height, width: (height, width, 2)),
    "UYVY": _by_opencv(cv2.COLOR_BGR2YUV_UYVY, lambda height, width: (height, width, 2)),
    "RGBA": _by_opencv(cv2.COLOR_BGR2RGBA, lambda height, width: (height, width, 4)),
}
