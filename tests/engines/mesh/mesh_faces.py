"""A portrait and drivers for the instant engine's tests, made of the canonical head: no picture of anybody."""

from __future__ import annotations

import math

import cv2
import numpy as np

from mien.engines.mesh.topology import EYES, INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP, topology
from mien.realtime.face import BLENDSHAPE_NAMES, Face, Neutral
from mien.realtime.frame import Alignment, Crop, Floats, Pixels
from mien.realtime.head import HeadFit, from_head, head_model

SKIN = (120, 150, 205)
ZEROS = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
IDENTITY = np.eye(4, dtype=np.float32)


def rest() -> Floats:
    """The canonical head with its lips closed."""
    shape = head_model().landmarks.copy()
    upper, lower = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)
    middle = (shape[upper] + shape[lower]) / 2
    shape[upper] = middle - np.array([0, 0.01, 0], np.float32)
    shape[lower] = middle + np.array([0, 0.01, 0], np.float32)
    return shape


def place(
    shape: Floats, *, x: float = 200, y: float = 200, scale: float = 18, yaw_deg: float = 0, pitch_deg: float = 0
) -> Floats:
    """(478, 3) px of a head shape in a picture."""
    a, b = math.radians(yaw_deg), math.radians(pitch_deg)
    yaw = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    return from_head(shape, HeadFit((yaw @ pitch).astype(np.float32), scale, np.array([x, y, 0], np.float32)))


def with_lids(shape: Floats, share: float) -> Floats:
    """The shape with both eyes opened to `share` of what they are; 0 leaves the gap that MediaPipe leaves."""
    out = shape.copy()
    for eye in EYES:
        upper, lower = list(eye.upper), list(eye.lower)
        width = float(np.linalg.norm(shape[eye.outer] - shape[eye.inner]))
        gap = shape[upper] - shape[lower]
        shut = gap / np.linalg.norm(gap, axis=1, keepdims=True) * (0.05 * width)
        out[upper] = out[lower] + shut + (gap - shut) * share
    return out.astype(np.float32)


def with_mouth(shape: Floats, open_cm: float) -> Floats:
    """The shape with its lower lip and chin lowered."""
    out = shape.copy()
    ring = (*INNER_LIP_LOWER, 146, 91, 181, 84, 17, 314, 405, 321, 375, 152, 148, 377, 175, 199, 200, 18)
    out[list(ring), 1] += open_cm
    return out


def face(shape: Floats, neutral: Floats | None = None, **where: float) -> Face:
    """A driver's face in a picture."""
    known = None if neutral is None else Neutral(neutral, ZEROS)
    return Face(1, place(shape, **where), ZEROS, IDENTITY, known)


def portrait(size: int = 400, shape: Floats | None = None, wide_cm: float = 20) -> tuple[Pixels, Floats]:
    """A drawn face in a picture `wide_cm` wide: skin, lips and eyes with irises, and its landmarks."""
    landmarks = place(rest() if shape is None else shape, x=size / 2, y=size / 2, scale=size / wide_cm)
    picture = np.full((size, size, 3), (90, 90, 90), np.uint8)
    fill(picture, cv2.convexHull(np.ascontiguousarray(landmarks[:468, :2]))[:, 0], SKIN)
    fill(picture, landmarks[list(OUTER_LIP), :2], (90, 80, 190))
    for eye in EYES:
        fill(picture, landmarks[list(eye.contour), :2], (225, 230, 232))
        ring = landmarks[eye.iris + 1 : eye.iris + 5, :2]
        centre = landmarks[eye.iris, :2]
        radius = float(np.linalg.norm(ring - centre, axis=1).mean())
        iris = np.zeros(picture.shape[:2], np.uint8)
        cv2.circle(iris, (round(float(centre[0])), round(float(centre[1]))), round(radius), 255, -1)
        opening = np.zeros_like(iris)
        cv2.fillPoly(opening, [np.rint(landmarks[list(eye.contour), :2]).astype(np.int32)], 255)
        picture[(iris > 0) & (opening > 0)] = (120, 70, 30)
    return picture, landmarks


def fill(picture: Pixels, polygon: Floats, colour: tuple[int, int, int]) -> None:
    """Fill a polygon, px."""
    cv2.fillPoly(picture, [np.rint(polygon).astype(np.int32)], colour)


def driver_crop(colour: tuple[int, int, int], width: int = 400, height: int = 400) -> Crop:
    """A picture of one colour, as the window of a frame."""
    return Crop(np.full((height, width, 3), colour, np.uint8), Alignment.window(0, 0, width, height))


def polygon_mask(polygon: Floats, size: tuple[int, int], grow: int = 0) -> np.ndarray:
    """(height, width) bool inside a polygon, grown by some px."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 255)
    return cv2.dilate(mask, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8)) > 0


INNER_LIP = topology().inner_lip
