"""From a tracked face to the crop an engine wants, by the engine's own spec."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mien.realtime.affine import cut_first
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Crop, Floats, Pixels
from mien.realtime.head import HeadFit, fit_of

#: Height of the canonical face, cm; a square crop is this times the spec's margin, at the head's own scale.
HEAD_HEIGHT_CM: Final = 17.66
#: Middle of a square crop in head space, cm: behind the nose, so that it stays on the face when the head turns.
_MIDDLE: Final = np.array([0.0, 1.0, -3.5], np.float32)
#: Least side of a window, px: less holds no face.
_LEAST_SIDE_PX = 16


def align(face: Face, spec: EngineSpec, frame_width: int, frame_height: int) -> Alignment:
    """Where `spec` wants to see `face` in a frame of this size.

    A window of the frame (no resampling) for engines that work at the frame's resolution, clipped to the frame; the
    whole frame for those that cover it; a square by the spec's template, or else `head_square`.
    """
    if spec.coverage == "frame":
        return Alignment.window(0, 0, frame_width, frame_height)
    if spec.size_px is not None and spec.template is not None:
        return spec.template.square(face.landmarks, spec.size_px)
    if spec.size_px is not None:
        return head_square(fit_of(face), spec.size_px, spec.margin)
    x0, y0, x1, y1 = face.box
    side = max(x1 - x0, y1 - y0) * spec.margin
    return _window((x0 + x1) / 2, (y0 + y1) / 2, side, frame_width, frame_height)


def head_square(fit: HeadFit, size_px: int, margin: float) -> Alignment:
    """A square, upright crop tied to the head: an open jaw or a raised brow moves in it, and does not move it.

    Args:
        fit: of the landmarks, in frame px.
        size_px: the crop's side.
        margin: its side over the canonical face's height. It may reach over the frame's edge.

    """
    x, y = (fit.rotation @ _MIDDLE)[:2] * fit.scale + fit.translation[:2]
    roll = head_roll(fit.rotation)
    scale = size_px / max(HEAD_HEIGHT_CM * fit.scale * margin, 1.0)
    cos, sin = math.cos(roll) * scale, math.sin(roll) * scale
    half = (size_px - 1) / 2
    matrix = np.array([[cos, sin, half - cos * x - sin * y], [-sin, cos, half + sin * x - cos * y]], np.float32)
    return Alignment(matrix, size_px, size_px)


def head_roll(rotation: Floats) -> float:
    """How far the head's own left-to-right axis is turned in the picture, radians, clockwise on the screen."""
    return math.atan2(float(rotation[1, 0]), float(rotation[0, 0]))


def crop(pixels: Pixels, alignment: Alignment) -> Crop:
    """Cut `alignment` out of `pixels`: a view for a window inside the frame, else a bilinear warp with edge pixels."""
    # Imported here: where a crop lies is asked on GPU hosts too, which may have no OpenCV.
    import cv2

    offset = alignment.offset
    height, width = pixels.shape[:2]
    if offset is not None:
        x, y = offset
        if x >= 0 and y >= 0 and x + alignment.width <= width and y + alignment.height <= height:
            return Crop(pixels[y : y + alignment.height, x : x + alignment.width], alignment)
    (x, y, part_width, part_height), factor, matrix = cut_first(
        alignment.matrix, (alignment.height, alignment.width), (height, width)
    )
    part = pixels[y : y + part_height, x : x + part_width]
    if factor > 1:
        size = (part_width // factor, part_height // factor)
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    # With a fourth channel, though nobody asks for it: OpenCV warps four in less than half the time of three.
    warped = cv2.warpAffine(
        cv2.cvtColor(part, cv2.COLOR_BGR2BGRA),
        matrix.astype(np.float32),
        (alignment.width, alignment.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Crop(np.asarray(cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR), np.uint8), alignment)


def _window(centre_x: float, centre_y: float, side: float, frame_width: int, frame_height: int) -> Alignment:
    x0, x1 = _clip_span(centre_x, side, frame_width)
    y0, y1 = _clip_span(centre_y, side, frame_height)
    return Alignment.window(x0, y0, x1 - x0, y1 - y0)


def _clip_span(centre: float, side: float, limit: int) -> tuple[int, int]:
    begin = min(max(math.floor(centre - side / 2), 0), limit - _LEAST_SIDE_PX)
    end = max(min(math.ceil(centre + side / 2), limit), begin + _LEAST_SIDE_PX)
    return begin, min(end, limit)
