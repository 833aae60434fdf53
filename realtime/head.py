"""Head space: faces without their pose, so that shapes can be compared and expressions moved between people.

Axes are the picture's (x right, y down, z away from the camera) and the unit is the canonical face's centimetre, so a
frontal face has a rotation near identity. A similarity (weak perspective) takes head space to the picture: a webcam's
perspective is mild, and what it leaves over is carried through unchanged, because shapes go back by the same fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import LANDMARK_COUNT, SKIN_LANDMARK_COUNT, Face
from mien.realtime.frame import Floats, FrameError

#: Corner, upper and lower lid landmarks of each eye, outer to inner; "right" is the subject's, left in the picture.
RIGHT_EYE_CORNERS = (33, 133)
LEFT_EYE_CORNERS = (263, 362)

#: Landmarks that no expression moves much: brow ridge, temples, eye corners, bridge of the nose. MediaPipe's own
#: set also has the jaw and the cheeks, and so an opening mouth would nod the head.
_STABLE: dict[int, float] = {
    10: 0.02, 54: 0.03, 284: 0.03, 67: 0.02, 297: 0.02, 127: 0.05, 356: 0.05, 234: 0.05, 454: 0.05, 162: 0.03,
    389: 0.03, 143: 0.03, 372: 0.03, 33: 0.08, 263: 0.08, 133: 0.08, 362: 0.08, 168: 0.08, 6: 0.08, 197: 0.06,
    195: 0.05, 5: 0.04, 4: 0.06, 129: 0.03, 358: 0.03, 132: 0.015, 361: 0.015, 109: 0.015, 338: 0.015,
}  # fmt: skip
#: Radius of the human iris over the width between the eye's corners (11.7 mm and 30 mm across).
_IRIS_OVER_EYE = 0.195
#: Faces whose fit is kept: more than are swapped in one frame.
_FITS_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class HeadModel:
    """The canonical face.

    Attributes:
        landmarks: (478, 3) float32, cm, picture axes.
        uv: (468, 2) float32, 0..1, the unwrapped face, v up.
        triangles: (898, 3) int32, indices into the first 468 landmarks; eyes and mouth are filled.

    """

    landmarks: Floats
    uv: Floats
    triangles: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class HeadFit:
    """Where a head is in a picture: `landmarks = scale * shape @ rotation.T + translation`.

    Attributes:
        rotation: (3, 3) float32, proper, from head space to the picture's axes.
        scale: px for each cm of head space; positive.
        translation: (3,) float32, px, place of head space's origin.

    """

    rotation: Floats
    scale: float
    translation: Floats


@cache
def head_model() -> HeadModel:
    """The canonical face from MediaPipe's model (Apache-2.0); read once, its arrays are read-only."""
    with resources.files("mien.realtime").joinpath("assets/canonical_face.npz").open("rb") as file:
        data = np.load(file, allow_pickle=False)
        skin = data["vertices"].astype(np.float32) * np.array([1, -1, -1], np.float32)
        uv, triangles = data["uv"].astype(np.float32), data["triangles"].astype(np.int32)
    irises = [_iris(skin, *corners) for corners in (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS)]
    landmarks = np.concatenate([skin, *irises]).astype(np.float32)
    for array in (landmarks, uv, triangles):
        array.flags.writeable = False
    return HeadModel(landmarks, uv, triangles)


def _iris(skin: Floats, outer: int, inner: int) -> Floats:
    """Centre, then the edge in MediaPipe's order: towards the picture's right, up, left, down."""
    centre = (skin[outer] + skin[inner]) / 2
    radius = _IRIS_OVER_EYE * float(np.linalg.norm(skin[outer] - skin[inner]))
    ring = np.array([[1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]], np.float32) * radius
    return np.concatenate([centre[None], centre + ring]).astype(np.float32)


@cache
def _stable() -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Indices, weights that sum to one, and canonical points centred on their weighted mean (plus that mean)."""
    index = np.array(list(_STABLE), np.int64)
    weights = np.array(list(_STABLE.values()))
    return index, weights / weights.sum(), head_model().landmarks[index].astype(np.float64)


def fit_head(landmarks: Floats) -> HeadFit:
    """Fit the canonical face to (468 or 478, 3) landmarks, px, by weighted orthogonal Procrustes.

    Method: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991,
    with weights, over landmarks that expressions leave in place. Raises `FrameError` for another shape, for
    numbers that are not finite, and for points that coincide.
    """
    if landmarks.shape not in ((LANDMARK_COUNT, 3), (SKIN_LANDMARK_COUNT, 3)):
        raise FrameError(f"landmarks must be (478, 3) or (468, 3), got {landmarks.shape}.")
    index, weights, source = _stable()
    target = landmarks[index].astype(np.float64)
    mean_source, mean_target = weights @ source, weights @ target
    centred = source - mean_source
    moved = target - mean_target
    covariance = (moved * weights[:, None]).T @ centred
    if not np.isfinite(covariance).all() or np.abs(moved).max() <= 1e-6 * (1 + np.abs(mean_target).max()):
        raise FrameError("landmarks must be finite and span a face; got equal points or numbers that are not finite.")
    left, values, right = np.linalg.svd(covariance)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * sign) @ right
    scale = float((values * sign).sum() / (weights @ (centred**2).sum(axis=1)))
    translation = mean_target - scale * rotation @ mean_source
    return HeadFit(rotation.astype(np.float32), scale, translation.astype(np.float32))


@lru_cache(_FITS_KEPT)
def fit_of(face: Face) -> HeadFit:
    """`fit_head` of a face's landmarks, worked out once: the crop, the code and the bend of one frame ask for it."""
    return fit_head(face.landmarks)


def to_head(landmarks: Floats, fit: HeadFit) -> Floats:
    """Take (N, 3) float32 picture points, px, to head space, cm."""
    shape: Floats = (landmarks - fit.translation) @ (fit.rotation * np.float32(1 / fit.scale))
    return shape


def from_head(shape: Floats, fit: HeadFit) -> Floats:
    """Take (N, 3) float32 head space points, cm, to the picture, px."""
    landmarks: Floats = shape @ (fit.rotation.T * np.float32(fit.scale)) + fit.translation
    return landmarks
