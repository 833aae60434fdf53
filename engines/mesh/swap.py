"""Swap mode: the persona's face on the driver's head."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.features import draw_eye, draw_mouth, outline_mask
from mien.engines.mesh.light import apply_gain, shading
from mien.engines.mesh.raster import draw_map
from mien.engines.mesh.shape import PersonaShape, Target
from mien.engines.mesh.texture import PersonaTexture
from mien.engines.mesh.topology import EYES, OUTER_LIP, topology, with_skirt
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Patch, Pixels

#: Cells of the coarse map across a face; more costs time and shows nothing.
_CELLS = 150
#: Width of the mask's soft border over the face's width.
_SOFT = 0.035


class SwapPainter:
    """Draws the persona's face over the driver's in a crop. Pure; everything costly is done at construction.

    Args:
        portrait: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32 of the portrait, px.
    """

    def __init__(self, portrait: Pixels, landmarks: Floats) -> None:
        self._shape = PersonaShape(landmarks)
        self._texture = PersonaTexture.prepare(portrait, landmarks)

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
        drawn, mask = self._paint(target, target.points - shift, landmarks - shift, driver)
        pixels, full = np.zeros_like(crop), np.zeros(crop.shape[:2], np.uint8)
        pixels[y0:y1, x0:x1] = drawn
        full[y0:y1, x0:x1] = mask
        return Patch(pixels, full)

    def _paint(
        self, target: Target, points: Floats, landmarks: Floats, driver: Pixels
    ) -> tuple[Pixels, NDArray[np.uint8]]:
        size = (driver.shape[1], driver.shape[0])
        face_px = float(np.ptp(points[:468, 0]))
        skin, texture = self._texture.skin.at(face_px)
        step = max(2, round(face_px / _CELLS))
        map_x, map_y = draw_map(with_skirt(points), texture, topology().triangles, size, step)
        canvas = cv2.remap(skin, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for index, eye in enumerate(EYES):
            draw_eye(canvas, points[:, :2], eye, self._texture.eyes[index], target, index)
        outline = _outline(points, landmarks, size, face_px)
        common = _skin_only(outline, points, landmarks)
        match = _tone(driver, canvas, common)
        lit = apply_gain(canvas, shading(driver, canvas, common, face_px))
        draw_mouth(lit, points, driver, landmarks[:, :2], match)
        return lit, outline


def _bounds(points: Floats, landmarks: Floats, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """(x0, y0, x1, y1) of the part of the crop that may change; None where the face is outside."""
    both = np.concatenate([points[:468, :2], landmarks[:468, :2]])
    low = np.maximum(np.floor(both.min(axis=0)).astype(int) - 4, 0)
    high = np.minimum(np.ceil(both.max(axis=0)).astype(int) + 5, size)
    if (high - low < 8).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _outline(points: Floats, landmarks: Floats, size: tuple[int, int], face_px: float) -> NDArray[np.uint8]:
    """The mask: inside both the persona's and the driver's silhouette, soft inwards from its border."""
    # A quarter of the size is enough for a border this soft.
    small = (-(-size[0] // 4), -(-size[1] // 4))
    both = [
        outline_mask(small, cv2.convexHull(marks[:468, :2].astype(np.float32))[:, 0] / 4)
        for marks in (points, landmarks)
    ]
    mask = cv2.min(*both)
    soft = max(_SOFT * face_px / 4, 0.8)
    radius = max(1, round(1.6 * soft))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    mask = cv2.GaussianBlur(cv2.erode(mask, kernel, borderValue=255), (0, 0), soft)
    wide = cv2.resize(mask, (small[0] * 4, small[1] * 4), interpolation=cv2.INTER_LINEAR)
    outline: NDArray[np.uint8] = np.ascontiguousarray(wide[: size[1], : size[0]]).astype(np.uint8, copy=False)
    return outline


def _skin_only(outline: NDArray[np.uint8], points: Floats, landmarks: Floats) -> NDArray[np.uint8]:
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


def _tone(driver: Pixels, persona: Pixels, mask: NDArray[np.uint8]) -> Floats:
    """(3,) float32: the persona's mean colour over the driver's, bounded."""
    ours, theirs = (np.array(cv2.mean(pixels, mask=mask)[:3]) for pixels in (persona, driver))
    tone: Floats = np.clip((ours + 4) / (theirs + 4), 0.4, 2.0).astype(np.float32)
    return tone
