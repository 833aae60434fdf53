"""Take the expression out of a portrait, so that a smiling one does not smile twice."""

from __future__ import annotations

import cv2
import numpy as np

from mien.engines.mesh.raster import draw_map
from mien.engines.mesh.topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OVAL, topology, with_skirt
from mien.realtime.expression import displacement, scores_at_rest
from mien.realtime.face import BLENDSHAPE_NAMES
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import fit_head, from_head, to_head

#: Channels that are taken out: mouth, jaw, cheeks and nose. Eyes and brows stay: what a lid hides cannot be drawn,
#: and a brow's height is as much the person as the moment.
_TAKEN = ("mouth", "jaw", "cheek", "nose")
#: A landmark may move by this share of the face's width at most; more would smear the cheeks.
_FARTHEST = 0.09
#: Gap left between closed lips, as MediaPipe sees them, cm.
_CLOSED_CM = 0.03


def neutralise(portrait: Pixels, landmarks: Floats, blendshapes: Floats) -> tuple[Pixels, Floats]:
    """Warp a portrait towards rest.

    The tracker's scores say which expression there is, the expression basis where it moved the landmarks; they are
    moved back in head space, the lips are closed, and the picture is warped along. Shading stays: a dimple or a fold
    beside the nose is still painted on the cheek, teeth vanish only because the lips close over them, and a mouth
    that was wide open stays too thin. So track the result again and refuse it if it still smiles.

    Args:
        portrait: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32, px.
        blendshapes: (52,) float32.

    Returns:
        The portrait and its landmarks after the warp; new arrays.

    """
    fit = fit_head(landmarks)
    shape = to_head(landmarks, fit)
    taken = np.array([name.startswith(_TAKEN) for name in BLENDSHAPE_NAMES], np.float32)
    excess = np.maximum(blendshapes - scores_at_rest(), 0) * taken
    moved = -displacement(excess)
    moved[468:] = 0
    far = np.linalg.norm(moved, axis=1, keepdims=True)
    limit = _FARTHEST * float(np.ptp(shape[:468, 0]))
    moved *= np.minimum(1, limit / np.maximum(far, 1e-6))
    rest = shape + moved
    _close_lips(rest)
    target = from_head(rest, fit)
    return _warp(portrait, landmarks, target), target


def _close_lips(shape: Floats) -> None:
    """Bring the lips' inner edges together where they are apart, the lower one going most of the way."""
    upper, lower = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)
    gap = np.maximum(shape[lower, 1] - shape[upper, 1] - _CLOSED_CM, 0)
    shape[upper, 1] += 0.4 * gap
    shape[lower, 1] -= 0.6 * gap


def _warp(portrait: Pixels, source: Floats, target: Floats) -> Pixels:
    """Draw the face of `source` landmarks at `target`; the surroundings stay, a ring around the face gives way."""
    size = (portrait.shape[1], portrait.shape[0])
    texture, points = with_skirt(source[:, :2]), with_skirt(target)
    points[468:, :2] = texture[468:]  # the ring's outer edge does not move
    points[468:, 2] = points[:468, 2].max() + 1
    step = max(1, round(float(np.ptp(source[:468, 0])) / 250))
    map_x, map_y = draw_map(points, texture, topology().triangles, size, step)
    warped = cv2.remap(portrait, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    ring = np.zeros(portrait.shape[:2], np.uint8)
    middle = points[list(OVAL), :2].mean(axis=0)
    inset = middle + (points[468:, :2] - middle) * 0.94
    cv2.fillPoly(ring, [np.rint(inset * 16).astype(np.int32)], 255, shift=4)
    soft = cv2.GaussianBlur(ring, (0, 0), max(0.01 * float(np.ptp(source[:468, 0])), 0.5)).astype(np.float32) / 255
    mixed = portrait + (warped.astype(np.float32) - portrait) * soft[..., None]
    result: Pixels = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return result
