"""Lay a portrait out in a frame of another shape."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mien.realtime.frame import Floats, Pixels

#: The face's height (brow's top to chin) should be this share of the frame's; more crops the hair.
_FACE_HEIGHT = 0.5
#: Width of the passage from the picture to its blurred continuation, as a share of the frame's width.
_PASSAGE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A portrait in a frame.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, the frame's size.
        landmarks: (478, 3) float32, the portrait's, px of the frame.

    """

    pixels: Pixels
    landmarks: Floats

    @classmethod
    def fit(cls, portrait: Pixels, landmarks: Floats, size: tuple[int, int]) -> Layout:
        """Scale and crop to `size` (width, height): whole where the shapes differ, then continued by a blur."""
        height, width = portrait.shape[:2]
        contain = min(size[0] / width, size[1] / height)
        cover = max(size[0] / width, size[1] / height)
        face = float(np.ptp(landmarks[:468, 1]))
        scale = float(np.clip(_FACE_HEIGHT * size[1] / max(face, 1.0), contain, cover))
        offset = np.array([_along(scale, k, (width, height), size, landmarks) for k in (0, 1)], np.float32)
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]], np.float64)
        flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        if scale < 1:
            # warpAffine has no area filter: shrink first, then shift by whole and part pixels.
            shrunk = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=flags)
            factor = np.array([shrunk.shape[1] / width, shrunk.shape[0] / height])
            portrait, matrix = shrunk.astype(np.uint8, copy=False), np.column_stack([np.diag(scale / factor), offset])
        laid = cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        inside = np.array([offset[0], offset[1], offset[0] + width * scale, offset[1] + height * scale])
        points = landmarks * np.float32(scale)
        points[:, :2] += offset
        return cls(_continued(laid.astype(np.uint8, copy=False), inside), points.astype(np.float32))


def _along(scale: float, axis: int, portrait: tuple[int, int], size: tuple[int, int], landmarks: Floats) -> float:
    """Offset along one axis: centred where the portrait is smaller, else the face's middle kept in view."""
    length, room = portrait[axis] * scale, size[axis]
    if length <= room:
        return (room - length) / 2
    middle = float(landmarks[:468, axis].mean()) * scale
    return float(np.clip(room / 2 - middle, room - length, 0))


def _continued(laid: Pixels, inside: Floats) -> Pixels:
    """Blur what lies outside the portrait's own edges (mirrored there), with a soft passage inwards."""
    height, width = laid.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    passage = max(_PASSAGE * width, 1.0)
    share = np.ones((height, width), np.float32)
    if inside[0] > 1:
        share *= np.clip(np.minimum(x - inside[0], inside[2] - 1 - x) / passage, 0, 1)[None]
    if inside[1] > 1:
        share *= np.clip(np.minimum(y - inside[1], inside[3] - 1 - y) / passage, 0, 1)[:, None]
    if share.min() >= 1:
        return laid
    blurred = cv2.GaussianBlur(laid, (0, 0), 0.025 * width).astype(np.float32)
    mixed: Pixels = (blurred + (laid - blurred) * share[..., None] + 0.5).astype(np.uint8)
    return mixed
