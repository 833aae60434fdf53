"""The crop of DFM models, beside DeepFaceLive's way to it, written down again here from what it does."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from mien.engines.formats.whole_face import POINTS, whole_face
from mien.engines.personas.library import SHIPPED_DIR
from mien.realtime.frame import Floats
from mien.realtime.head import head_model

#: Greatest distance of the two crops' corners, px of the crop; float32 of coordinates up to 1,000 gives 0.001.
TOLERANCE_PX = 0.05


def landmarks_of(name: str) -> Floats:
    table = json.loads((SHIPPED_DIR / name / "landmarks.json").read_text())
    return np.array(table["landmarks"], np.float32)


def deepfacelive_cut(
    points: np.ndarray, mean_face: np.ndarray, coverage: float, y_offset: float, side: int
) -> np.ndarray:
    """Its matrix: Umeyama by SVD, then a square around the unit's middle, along its diagonals."""
    mean_a, mean_b = points.mean(0), mean_face.mean(0)
    a, b = points - mean_a, mean_face - mean_b
    left, values, right = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = left @ np.diag(sign) @ right
    scale = (values * sign).sum() / a.var(axis=0).sum()
    linear = scale * rotation
    shift = mean_b - linear @ mean_a
    back = np.linalg.inv(linear)
    corners = (np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]]) - shift) @ back.T
    down = (corners[2] - corners[0]) / np.linalg.norm(corners[2] - corners[0])
    up = (corners[1] - corners[3]) / np.linalg.norm(corners[1] - corners[3])
    half = np.linalg.norm(corners[0] - corners[2]) * coverage / 2
    centre = corners[4] + (corners[3] - corners[0]) * y_offset
    source = np.array([centre - down * half, centre + up * half, centre + down * half], np.float32)
    return cv2.getAffineTransform(source, np.array([[0, 0], [side, 0], [side, side]], np.float32))


@pytest.mark.parametrize("name", ["amara", "viggo", "linh", "mateo"])
@pytest.mark.parametrize("side", [128, 224, 320])
@pytest.mark.parametrize("roll", [0, 25, -70])
def test_the_crop_is_deepfacelive_s(name: str, side: int, roll: float) -> None:
    landmarks = landmarks_of(name)
    turn = cv2.getRotationMatrix2D((300.0, 200.0), roll, 0.7).astype(np.float32)
    landmarks[:, :2] = landmarks[:, :2] @ turn[:, :2].T + turn[:, 2]
    made = whole_face().square(landmarks, side)
    points = np.array([landmarks[list(used), :2].mean(0) for *_, used in POINTS], np.float64)
    mean_face = np.array([(x, y) for _, x, y, _ in POINTS])
    wanted = deepfacelive_cut(points, mean_face, 2.2, -0.08, side)
    back = cv2.invertAffineTransform(wanted)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64) @ back[:, :2].T + back[:, 2]
    assert np.abs(made.apply(corners.astype(np.float32)) - [[0, 0], [side, 0], [0, side], [side, side]]).max() < (
        TOLERANCE_PX
    )


def test_the_points_are_the_25_of_the_68_that_deepfacelab_aligns() -> None:
    assert [number for number, *_ in POINTS] == [*range(17, 36), 36, 39, 42, 45, 48, 54]
    mirrored = {70: 300, 63: 293, 105: 334, 52: 282, 66: 296, 65: 295, 107: 336, 55: 285, 240: 460, 97: 326, 33: 263}
    mirrored |= {133: 362, 61: 291}
    mirrored |= {there: here for here, there in mirrored.items()}
    of_number = {number: set(used) for number, *_, used in POINTS}
    pairs = dict(zip((17, 18, 19, 20, 21, 31, 32, 36, 39, 48), (26, 25, 24, 23, 22, 35, 34, 45, 42, 54), strict=True))
    for right, left in pairs.items():
        assert {mirrored[each] for each in of_number[right]} == of_number[left]


def test_mediapipe_s_points_lie_where_the_mean_face_has_them() -> None:
    """On average over faces a point is off by its faces' shape, and no more than 4 hundredths of the unit."""
    off = []
    for landmarks in (head_model().landmarks, *(landmarks_of(name) for name in ("amara", "viggo", "linh", "mateo"))):
        made = whole_face().square(landmarks, 224)
        off.append((made.apply(whole_face().points(landmarks)) / 224 - whole_face().places) * 2.2)
    assert np.linalg.norm(np.mean(off, axis=0), axis=1).max() < 0.04
    assert np.sqrt((np.array(off) ** 2).sum(2).mean()) < 0.025
