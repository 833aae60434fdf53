"""Patches of the face by MediaPipe's landmark numbers, and the hair that covers one of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats, Pixels

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
#: Below the eyes, beside the nose, above the beard; the person's right and left.
CHEEKS = ((117, 118, 101, 205, 187, 123), (346, 347, 330, 425, 411, 352))
#: From the hairline to the upper edge of the eyebrows.
FOREHEAD = (54, 103, 67, 109, 10, 338, 297, 332, 284, 300, 293, 334, 296, 336, 9, 107, 66, 105, 63, 70)

#: Differences from the cheeks in CIE Lab that skin under even light does not reach; see `hair_over_brow`.
_DARKER_L = 20.0
_OTHER_CHROMA = 14.0
_OTHER_CHROMA_DARKER_L = 6.0
_SPREAD_FACTOR = 3.0
#: Blobs narrower than this share of the face are pores, lines and stray hairs.
_SPECK = 0.012


def polygon_mask(pixels: Pixels, points: Floats) -> NDArray[np.uint8]:
    """(H, W) uint8, 255 inside the polygon of (N, 2) px `points`."""
    mask = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255)
    return mask


def hair_over_brow(portrait: Pixels, landmarks: Floats) -> tuple[NDArray[np.uint8], float]:
    """Find what covers the forehead: its colour against the cheeks'.

    A pixel between hairline and eyebrows counts as covered when it is much darker than the cheeks' median, or of
    another chroma and somewhat darker, by more than the cheeks' own spread explains. It finds hair, caps and glasses
    pushed up whose colour differs from the skin; it misses hair of the skin's own colour and lightness, and takes a
    hard shadow or a tattoo for hair (which costs nothing: the driver's own forehead shows there).

    Args:
        portrait: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32, px.

    Returns:
        (H, W) uint8, 255 where covered, and the share of the forehead that is.

    """
    xy = landmarks[:, :2]
    forehead = polygon_mask(portrait, xy[list(FOREHEAD)]) > 0
    cheeks = np.zeros_like(forehead)
    for points in CHEEKS:
        cheeks |= polygon_mask(portrait, xy[list(points)]) > 0
    if not forehead.any() or not cheeks.any():
        return np.zeros(portrait.shape[:2], np.uint8), 0.0
    lab = cv2.cvtColor(portrait.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    centre = np.median(lab[cheeks], axis=0)
    spread = np.median(np.abs(lab[cheeks] - centre), axis=0) * 1.4826
    darker = centre[0] - lab[:, :, 0]
    chroma = np.hypot(lab[:, :, 1] - centre[1], lab[:, :, 2] - centre[2])
    chroma_limit = max(_OTHER_CHROMA, _SPREAD_FACTOR * float(np.hypot(spread[1], spread[2])))
    covered = darker > max(_DARKER_L, _SPREAD_FACTOR * float(spread[0]))
    covered |= (chroma > chroma_limit) & (darker > _OTHER_CHROMA_DARKER_L)
    mask = np.where(covered & forehead, 255, 0).astype(np.uint8)
    kernel = _disc(float(np.linalg.norm(xy[454] - xy[234])) * _SPECK)
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel).astype(np.uint8)
    return mask, float((mask[forehead] > 0).mean())


def soften(mask: NDArray[np.uint8], landmarks: Floats) -> NDArray[np.uint8]:
    """Grow a hair mask by a hair's soft edge, and blur it by as much."""
    width = float(np.linalg.norm(landmarks[454, :2] - landmarks[234, :2]))
    grown = cv2.dilate(mask, _disc(width * _SPECK * 2))
    return cv2.GaussianBlur(grown, (0, 0), max(width * _SPECK, 0.5)).astype(np.uint8)


def _disc(radius_px: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius_px)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
