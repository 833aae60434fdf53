from __future__ import annotations

import math

import numpy as np
import pytest

from mien.realtime.aligner import align
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import FrameError
from mien.realtime.template import LandmarkTemplate

#: Four points, one of them the mean of two landmarks.
TEMPLATE = LandmarkTemplate(
    ((33,), (263,), (1, 4), (152,)), np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.5, 0.9]], np.float32)
)


def placed(turn_deg: float, scale: float, x: float, y: float) -> np.ndarray:
    """478 landmarks of which the template's lie exactly as in the template, under a similarity."""
    landmarks = np.full((478, 3), 1e4, np.float32)
    angle = math.radians(turn_deg)
    rotation = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    where = TEMPLATE.places @ rotation.T + [x, y]
    landmarks[[33, 263, 152], :2] = where[[0, 1, 3]]
    landmarks[1, :2], landmarks[4, :2] = where[2] + [8, -3], where[2] - [8, -3]
    return landmarks


@pytest.mark.parametrize("turn_deg", [0, 30, -90, 179])
@pytest.mark.parametrize("size_px", [112, 224])
def test_points_that_lie_as_in_the_template_come_to_their_places(turn_deg: float, size_px: int) -> None:
    landmarks = placed(turn_deg, 143.0, 500.0, 300.0)
    made = TEMPLATE.square(landmarks, size_px)
    assert (made.width, made.height) == (size_px, size_px)
    assert np.abs(made.apply(TEMPLATE.points(landmarks)) - TEMPLATE.places * size_px).max() < 0.01


def test_a_point_is_the_mean_of_its_landmarks() -> None:
    landmarks = np.random.default_rng(5).uniform(0, 700, (478, 3)).astype(np.float32)
    points = ((9,), (7, 5, 3), (1, 4), (2,), (8, 6, 4, 2, 0))
    found = LandmarkTemplate(points, np.zeros((5, 2), np.float32)).points(landmarks)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([landmarks[list(each), :2].mean(axis=0) for each in points]), rel=1e-6)


def test_it_is_the_least_squares_similarity_and_never_mirrors() -> None:
    random = np.random.default_rng(3)
    landmarks = placed(20, 200.0, 400.0, 400.0)
    landmarks[:, :2] += random.normal(0, 6, (478, 2)).astype(np.float32)
    made = TEMPLATE.square(landmarks, 224)
    points, places = TEMPLATE.points(landmarks), TEMPLATE.places * 224

    def error(matrix: np.ndarray) -> float:
        return float(((points @ matrix[:, :2].T + matrix[:, 2] - places) ** 2).sum())

    best = error(made.matrix)
    for _ in range(200):
        turn = complex(*random.normal(0, 0.002, 2)) + 1
        rotation = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        near = np.hstack([rotation @ made.matrix[:, :2], made.matrix[:, 2:] + random.normal(0, 0.2, (2, 1))])
        assert error(near) > best
    mirrored = landmarks * [-1, 1, 1]
    assert np.linalg.det(TEMPLATE.square(mirrored.astype(np.float32), 224).matrix[:, :2]) > 0


def test_an_engine_s_spec_asks_for_it() -> None:
    landmarks = placed(10, 150.0, 320.0, 240.0)
    face = Face(1, landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))
    spec = EngineSpec(name="x", runtime="x", device="cpu", reason="test", size_px=224, template=TEMPLATE)
    assert np.array_equal(align(face, spec, 640, 480).matrix, TEMPLATE.square(landmarks, 224).matrix)


@pytest.mark.parametrize("value", [5.0, np.nan, np.inf])
def test_points_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(FrameError, match="must be finite and span a face"):
        TEMPLATE.square(np.full((478, 3), value, np.float32), 224)


@pytest.mark.parametrize(
    ("landmarks", "count"), [(((33,),), 1), (((33,), (263,)), 3), (((33,), ()), 2), (((33,), (478,)), 2)]
)
def test_a_template_that_is_none_is_refused(landmarks: tuple[tuple[int, ...], ...], count: int) -> None:
    with pytest.raises(FrameError, match="template"):
        LandmarkTemplate(landmarks, np.zeros((count, 2), np.float32))
