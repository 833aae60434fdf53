"""Faces for the tracker's tests: made of the canonical head, or the one photograph that is free for all."""

from __future__ import annotations

import math

import cv2
import numpy as np
import skimage.data

from mien.realtime.face import BLENDSHAPE_NAMES, LANDMARK_COUNT, Face
from mien.realtime.frame import Floats, Frame, Pixels
from mien.realtime.head import HeadFit, from_head, head_model
from mien.realtime.tracker.detection import Detection

FRAME_NS = 33_333_333
#: (upper, lower) lid landmarks of the subject's right eye, inner to outer without the corners.
UPPER_LID = (246, 161, 160, 159, 158, 157, 173)
LOWER_LID = (7, 163, 144, 145, 153, 154, 155)
ZEROS = np.zeros(len(BLENDSHAPE_NAMES), np.float32)


def person(seed: int, unlike_cm: float = 0.25) -> Floats:
    """A resting head shape: the canonical one, smoothly deformed by about `unlike_cm`; 0 is the canonical itself."""
    shape = head_model().landmarks.copy()
    if seed == 0:
        return shape
    rng = np.random.default_rng(seed)
    for _ in range(6):
        wave = rng.normal(0, 0.35, 3)
        shape += unlike_cm * rng.normal(0, 0.6, 3) * np.sin(shape @ wave + rng.uniform(0, 6))[:, None]
    return shape.astype(np.float32)


def place(shape: Floats, x: float, y: float, scale: float = 15.0, yaw_deg: float = 0.0) -> Floats:
    """(478, 3) px: a head shape with its origin at (x, y), `scale` px for each cm, turned by `yaw_deg`."""
    yaw = math.radians(yaw_deg)
    rotation = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]], np.float32)
    return from_head(shape, HeadFit(rotation, scale, np.array([x, y, 0], np.float32)))


def detection(shape: Floats, x: float, y: float, scale: float = 15.0, yaw_deg: float = 0.0) -> Detection:
    return Detection(place(shape, x, y, scale, yaw_deg), ZEROS, np.eye(4, dtype=np.float32))


def face(track_id: int, x: float, y: float, scale: float = 15.0, yaw_deg: float = 0.0, **scores: float) -> Face:
    values = np.array([scores.get(name, 0.0) for name in BLENDSHAPE_NAMES], np.float32)
    return Face(track_id, place(person(0), x, y, scale, yaw_deg), values, np.eye(4, dtype=np.float32))


def noise(rng: np.random.Generator, px: float) -> Floats:
    return rng.normal(0, px, (LANDMARK_COUNT, 3)).astype(np.float32)


def astronaut() -> Pixels:
    """(512, 512, 3) BGR, public domain; the face is about 98 px wide, at (225, 125)."""
    return cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)


def picture(width: int, height: int, *, face_px: int, x: int | None = None, y: int | None = None) -> Pixels:
    """A grey frame with the astronaut's head, its face `face_px` wide, at (x, y) or in the middle."""
    pixels = np.full((height, width, 3), 110, np.uint8)
    paste(pixels, face_px, width // 2 if x is None else x, height // 2 if y is None else y)
    return pixels


def paste(pixels: Pixels, face_px: int, x: int, y: int) -> None:
    """Put the astronaut's head with its middle at (x, y); what reaches over the edge is cut off."""
    head = astronaut()[20:240, 120:330]
    head = cv2.resize(head, None, fx=face_px / 98, fy=face_px / 98, interpolation=cv2.INTER_AREA)
    height, width = pixels.shape[:2]
    left, top = x - head.shape[1] // 2, y - head.shape[0] // 2
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + head.shape[1], width), min(top + head.shape[0], height)
    if x1 > x0 and y1 > y0:
        pixels[y0:y1, x0:x1] = head[y0 - top : y1 - top, x0 - left : x1 - left]


def frame(pixels: Pixels, index: int) -> Frame:
    return Frame(pixels, index, index * FRAME_NS, index * FRAME_NS)
