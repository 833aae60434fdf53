"""From a tracked face to the crop an engine wants, by the engine's own spec."""

from __future__ import annotations

import math

import cv2
import numpy as np

from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Crop, Pixels

#: Outer corners of the eyes: the line between them gives a crop's roll.
_LEFT_EYE, _RIGHT_EYE = 33, 263
#: Least side of a window, px: less holds no face.
_LEAST_SIDE_PX = 16


def align(face: Face, spec: EngineSpec, frame_width: int, frame_height: int) -> Alignment:
    """Where `spec` wants to see `face` in a frame of this size.

    A window of the frame (no resampling) for engines that work at the frame's resolution, clipped to the frame; the
    whole frame for those that cover it; else a square, upright crop, turned by the eyes' roll, that may reach over
    the frame's edge.
    """
    if spec.coverage == "frame":
        return Alignment.window(0, 0, frame_width, frame_height)
    x0, y0, x1, y1 = face.box
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    side = max(x1 - x0, y1 - y0) * spec.margin
    if spec.size_px is None:
        return _window(centre_x, centre_y, side, frame_width, frame_height)
    eye_a, eye_b = face.landmarks[_LEFT_EYE], face.landmarks[_RIGHT_EYE]
    roll = math.atan2(float(eye_b[1] - eye_a[1]), float(eye_b[0] - eye_a[0]))
    scale = spec.size_px / max(side, 1.0)
    cos, sin = math.cos(roll) * scale, math.sin(roll) * scale
    half = (spec.size_px - 1) / 2
    matrix = np.array(
        [
            [cos, sin, half - cos * centre_x - sin * centre_y],
            [-sin, cos, half + sin * centre_x - cos * centre_y],
        ],
        np.float32,
    )
    return Alignment(matrix, spec.size_px, spec.size_px)


def crop(pixels: Pixels, alignment: Alignment) -> Crop:
    """Cut `alignment` out of `pixels`: a view for a window inside the frame, else a bilinear warp with edge pixels."""
    offset = alignment.offset
    height, width = pixels.shape[:2]
    if offset is not None:
        x, y = offset
        if x >= 0 and y >= 0 and x + alignment.width <= width and y + alignment.height <= height:
            return Crop(pixels[y : y + alignment.height, x : x + alignment.width], alignment)
    warped = cv2.warpAffine(
        pixels,
        alignment.matrix,
        (alignment.width, alignment.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Crop(np.asarray(warped, np.uint8), alignment)


def _window(centre_x: float, centre_y: float, side: float, frame_width: int, frame_height: int) -> Alignment:
    x0, x1 = _clip_span(centre_x, side, frame_width)
    y0, y1 = _clip_span(centre_y, side, frame_height)
    return Alignment.window(x0, y0, x1 - x0, y1 - y0)


def _clip_span(centre: float, side: float, limit: int) -> tuple[int, int]:
    begin = min(max(math.floor(centre - side / 2), 0), limit - _LEAST_SIDE_PX)
    end = max(min(math.ceil(centre + side / 2), limit), begin + _LEAST_SIDE_PX)
    return begin, min(end, limit)
