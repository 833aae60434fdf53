"""Swap mode: the persona's face on the driver's head."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.features import draw_eye, draw_mouth, outline_mask
from mien.engines.mesh.light import apply_gain, shading
from mien.engines.mesh.raster import draw_map
from mien.engines.mesh.shape import PersonaShape, Target
from mien.engines.mesh.texture import PersonaTexture, Pyramid
from mien.engines.mesh.topology import EYES, OUTER_LIP, topology, with_skirt
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Patch, Pixels

Mask = NDArray[np.uint8]

#: Cells of the coarse map across a face; more costs time and shows nothing.
_CELLS = 110
#: Width of the mask's soft border over the face's width; the blend adds a feather of its own.
_SOFT = 0.012

#: How much further than the landmarks the mask reaches at the chin; the driver's own jaw would rim the persona's.
_JAW_WIDENING = 0.035
_BRIDGE, _CHIN = 168, 152


class SwapPainter:
    """Draws the persona's face over the driver's in a crop. Pure; everything costly is done at construction.

    Args:
        portrait: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32 of the portrait, px.
        exclusion: (H, W) uint8 or None, 255 where the portrait must not be pasted.

    """

    def __init__(self, portrait: Pixels, landmarks: Floats, exclusion: Mask | None = None) -> None:
        self._shape = PersonaShape(landmarks)
        self._texture = PersonaTexture.prepare(portrait, landmarks)
        # The same points as the skin's, so that both are read at the same size.
        self._exclusion = None if exclusion is None else Pyramid(exclusion, self._texture.skin.points)

    def paint(self, face: Face, landmarks: Floats, crop: Pixels) -> Patch:
        """Give the patch for a face whose (478, 3) `landmarks` are in the crop's px."""
        moved = Face(face.track_id, landmarks, face.blendshapes, face.pose, face.neutral)
        target = self._shape.target(moved)
        size = (crop.shape[1], crop.shape[0])
        box = _bounds(target.points, landmarks, size)
        if box is None:
            return Patch(crop.copy(), np.zeros(crop.shape[:2], np.uint8))
        x0, y0, x1, y1 = box
        shift = np.array([x0, y0, 0], np.float32)
        driver = np.ascontiguousarray(crop[y0:y1, x0:x1])
        drawn, mask, lit = self._paint(target, target.points - shift, landmarks - shift, driver)
        pixels = np.zeros_like(crop)
        pixels[y0:y1, x0:x1] = drawn
        return Patch(pixels, _placed(mask, box, size), lit=_placed(lit, box, size))

    def _paint(self, target: Target, points: Floats, landmarks: Floats, driver: Pixels) -> tuple[Pixels, Mask, Mask]:
        size = (driver.shape[1], driver.shape[0])
        face_px = float(np.ptp(points[:468, 0]))
        skin, texture = self._texture.skin.at(face_px)
        step = max(2, round(face_px / _CELLS))
        map_x, map_y = draw_map(with_skirt(points), texture, topology().triangles, size, step)
        warped = cv2.remap(skin, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        canvas = np.asarray(warped, np.uint8)
        outline = _outline(points, landmarks, size, face_px)
        if self._exclusion is not None:
            kept = self._exclusion.at(face_px)[0]
            hidden = cv2.remap(kept, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            outline = cv2.subtract(outline, hidden).astype(np.uint8, copy=False)
        common = _skin_only(outline, points, landmarks)
        gain, brightness = shading(driver, canvas, common, face_px)
        # In the dark the whites darken with the skin; on a fairer driver they do not brighten with it.
        darker = min(1.0, brightness)
        canvas = apply_gain(canvas, gain)
        lit = np.zeros(driver.shape[:2], np.uint8)
        for eye, texture_of in zip(EYES, self._texture.eyes, strict=True):
            light = darker * _gain_at(gain, points[eye.iris, :2], size)
            draw_eye(canvas, lit, points[:, :2], eye, texture_of, target, light)
        draw_mouth(canvas, lit, points, driver, landmarks[:, :2])
        return canvas, outline, lit


def _placed(part: Mask, box: tuple[int, int, int, int], size: tuple[int, int]) -> Mask:
    whole = np.zeros((size[1], size[0]), np.uint8)
    whole[box[1] : box[3], box[0] : box[2]] = part
    return whole


def _gain_at(gain: Floats, place: Floats, size: tuple[int, int]) -> float:
    """The gain, given at a reduced size, at one place of the full one."""
    rows, columns = gain.shape[:2]
    column = int(np.clip(place[0] * columns / size[0], 0, columns - 1))
    row = int(np.clip(place[1] * rows / size[1], 0, rows - 1))
    return float(gain[row, column].mean())


def _bounds(points: Floats, landmarks: Floats, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """(x0, y0, x1, y1) of the part of the crop that may change; None where the face is outside."""
    both = np.concatenate([points[:468, :2], landmarks[:468, :2]])
    low = np.maximum(np.floor(both.min(axis=0)).astype(int) - 4, 0)
    high = np.minimum(np.ceil(both.max(axis=0)).astype(int) + 5, size)
    if (high - low < 8).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _outline(points: Floats, landmarks: Floats, size: tuple[int, int], face_px: float) -> Mask:
    """The mask: inside both the persona's and the driver's silhouette, soft inwards from its border."""
    # A quarter of the size is enough for a border this soft.
    small = (-(-size[0] // 4), -(-size[1] // 4))
    both = [outline_mask(small, _silhouette(marks) * np.float32(0.25)) for marks in (points, landmarks)]
    mask = cv2.min(*both)
    soft = max(_SOFT * face_px / 4, 0.8)
    mask = cv2.GaussianBlur(mask, (0, 0), soft)
    wide = cv2.resize(mask, (small[0] * 4, small[1] * 4), interpolation=cv2.INTER_LINEAR)
    outline: Mask = np.ascontiguousarray(wide[: size[1], : size[0]]).astype(np.uint8, copy=False)
    return outline


def _silhouette(landmarks: Floats) -> Floats:
    """(N, 2) px: the hull of all landmarks, a little widened below the eyes, where the mesh stops short of the jaw."""
    hull = cv2.convexHull(landmarks[:468, :2].astype(np.float32))[:, 0]
    middle = landmarks[_BRIDGE, :2]
    down = landmarks[_CHIN, :2] - middle
    below = ((hull - middle) @ down / max(float(down @ down), 1e-6)).clip(0, 1)[:, None]
    return np.asarray(middle + (hull - middle) * (1 + _JAW_WIDENING * below), np.float32)


def _skin_only(outline: Mask, points: Floats, landmarks: Floats) -> Mask:
    """The mask without the eyes and mouths of both faces, whose tones say nothing about light."""
    skin = outline.copy()
    holes = [
        np.rint(marks[list(ring), :2] * 16).astype(np.int32)
        for marks in (points, landmarks)
        for ring in (OUTER_LIP, *(eye.contour for eye in EYES))
    ]
    for hole in holes:
        cv2.fillPoly(skin, [hole], 0, shift=4)
    return skin
