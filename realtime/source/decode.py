"""From a decoded picture of FFmpeg to upright BGR pixels."""

from __future__ import annotations

from typing import Any

import av
import av.video.frame
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import Colorspace, VideoReformatter

from mien.realtime.frame import Pixels

#: FFmpeg's AVCOL_SPC_RGB (0: no matrix at all) and AVCOL_SPC_UNSPECIFIED (2).
_MATRIX_RGB, _MATRIX_UNSPECIFIED = 0, 2

#: A picture with a matrix nobody named is BT.709 from here on and BT.601 below, as players (mpv, VLC) guess;
#: FFmpeg's own default of BT.601 everywhere turns skin in HD recordings visibly orange.
_HD_WIDTH, _SD_HEIGHT = 1280, 576


def guess_matrix(width: int, height: int) -> Colorspace:
    """The YUV matrix of a picture that does not name it, from its size in px."""
    return Colorspace.ITU709 if width >= _HD_WIDTH or height > _SD_HEIGHT else Colorspace.ITU601


def orient(pixels: Pixels, matrix: tuple[int, ...] | None) -> Pixels:
    """Turn and mirror `pixels` as a display matrix says (9 fixed-point numbers, row-major; None: leave it).

    A point (p, q) goes to (a p + c q, b p + d q) with a, b, c, d = matrix[0], [1], [3], [4] (FFmpeg,
    libavutil/display.h; ISO/IEC 14496-12, tkhd). Phones write quarter turns and mirrors only; any other angle is
    taken to the nearest of those.
    """
    if matrix is None:
        return pixels
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) + abs(d) < abs(b) + abs(c):
        pixels = cv2.transpose(pixels)  # type: ignore[assignment]
        a, d = c, b
    if a < 0 or d < 0:
        pixels = cv2.flip(pixels, -1 if a < 0 and d < 0 else 1 if a < 0 else 0)  # type: ignore[assignment]
    return pixels


def display_matrix(picture: av.VideoFrame) -> tuple[int, ...] | None:
    """The display matrix that came with a picture, or None."""
    side_data: Any = picture.side_data  # typed as a mapping from names, but looked up by type
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return None
    values = np.frombuffer(bytes(data), np.int32)
    return tuple(int(value) for value in values[:9]) if values.size >= 9 else None


class BgrConverter:
    """Makes upright, square-pixelled BGR arrays of decoded pictures. For one thread.

    swscale was measured against `to_ndarray` + `cv2.cvtColor`: both take 0.2 to 0.3 ms at 1280x720, but only swscale
    knows the picture's matrix and range and takes every pixel format.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._shape: tuple[int, int, int] | None = None
        self._matrix: tuple[int, ...] | None = None

    def __call__(self, picture: av.VideoFrame, aspect: float = 1.0) -> Pixels:
        """Give (H, W, 3) uint8 BGR, C-contiguous, upright. `aspect` is a stored pixel's width over its height."""
        unnamed = picture.colorspace in (_MATRIX_RGB, _MATRIX_UNSPECIFIED) and not picture.format.is_rgb
        matrix = guess_matrix(picture.width, picture.height) if unnamed else None
        converted = self._reformatter.reformat(picture, format="bgr24", src_colorspace=matrix)
        pixels = np.asarray(converted.to_ndarray(), np.uint8)
        if aspect != 1.0:
            pixels = _stretch(pixels, aspect)
        return np.ascontiguousarray(orient(pixels, self._display_matrix(picture)))

    def _display_matrix(self, picture: av.VideoFrame) -> tuple[int, ...] | None:
        # PyAV ties a picture whose side data was read into a cycle with it: megabytes that wait for the garbage
        # collector, at each picture. So it is read once, and again when size or rotation change.
        shape = picture.width, picture.height, picture.rotation
        if shape != self._shape:
            self._shape, self._matrix = shape, display_matrix(picture)
        return self._matrix


def _stretch(pixels: Pixels, aspect: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (max(round(width * aspect), 1), height)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
