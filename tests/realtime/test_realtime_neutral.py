from __future__ import annotations

import math

import numpy as np

from mien.realtime.expression import displacement
from mien.realtime.face import BLENDSHAPE_INDEX, Face, Neutral
from mien.realtime.frame import Floats
from mien.realtime.head import HeadFit, fit_head, from_head, head_model, to_head
from mien.realtime.neutral import NeutralEstimator

STEP_NS = 33_000_000
POSE = np.eye(4, dtype=np.float32)


def _person() -> Floats:
    shape = head_model().landmarks.copy()
    shape[:, 0] *= 0.93  # narrower than the canonical face
    shape[200:300, 1] += 0.1
    return to_head(shape, fit_head(shape))


def _face(shape: Floats, track_id: int = 1, yaw_deg: float = 0, **scores: float) -> Face:
    code = np.zeros(52, np.float32)
    for name, value in scores.items():
        code[BLENDSHAPE_INDEX[name]] = value
    a = math.radians(yaw_deg)
    turn = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]], np.float32)
    fit = HeadFit(turn, 20.0, np.array([400, 300, 0], np.float32))
    return Face(track_id, from_head(shape, fit), code, POSE)


def _error(face: Face, truth: Floats) -> float:
    assert face.neutral is not None
    return float(np.abs(face.neutral.shape - truth).mean())


def _grin(shape: Floats) -> Face:
    # Only half of what is seen is what the basis would explain, as with a real face.
    code = np.zeros(52, np.float32)
    code[[BLENDSHAPE_INDEX["mouthSmileLeft"], BLENDSHAPE_INDEX["mouthSmileRight"]]] = 0.9
    return _face((shape + 1.5 * displacement(code)).astype(np.float32), mouthSmileLeft=0.9, mouthSmileRight=0.9)


def test_the_first_frame_has_a_neutral() -> None:
    face = NeutralEstimator().update(_face(_person()), 0)
    assert _error(face, _person()) < 0.01


def test_a_second_of_rest_settles_it_whatever_came_before() -> None:
    person, estimator = _person(), NeutralEstimator()
    for k in range(30):
        grinning = estimator.update(_grin(person), k * STEP_NS)
    before = _error(grinning, person)
    for k in range(30, 60):
        resting = estimator.update(_face(person), k * STEP_NS)
    assert before > 0.015
    assert _error(resting, person) < 0.2 * before


def test_it_stays_put_through_a_long_grin() -> None:
    person, estimator = _person(), NeutralEstimator()
    for k in range(45):
        settled = estimator.update(_face(person), k * STEP_NS)
    for k in range(45, 345):
        later = estimator.update(_grin(person), k * STEP_NS)
    assert settled.neutral is not None
    assert later.neutral is not None
    assert np.abs(later.neutral.shape - settled.neutral.shape).max() < 0.08
    assert np.abs(later.neutral.blendshapes).max() < 0.05


def test_a_turned_face_counts_less() -> None:
    person, other = _person(), head_model().landmarks
    moved = []
    for yaw in (0.0, 35.0):
        estimator = NeutralEstimator()
        for k in range(30):
            estimator.update(_face(person), k * STEP_NS)
        for k in range(30, 60):
            face = estimator.update(_face(other, yaw_deg=yaw), k * STEP_NS)
        moved.append(_error(face, person))
    assert moved[1] < 0.4 * moved[0]


def test_what_was_calibrated_comes_first() -> None:
    stored = Neutral(head_model().landmarks.copy(), np.full(52, 0.1, np.float32))
    face = NeutralEstimator(stored).update(_face(_person()), 0)
    assert face.neutral is stored


def test_people_are_kept_apart_and_forgotten() -> None:
    estimator, wide = NeutralEstimator(), head_model().landmarks
    for k in range(30):
        estimator.update(_face(_person(), 1), k * STEP_NS)
        face = estimator.update(_face(wide, 2), k * STEP_NS)
    assert _error(face, wide) < 0.01
    estimator.forget(1)
    estimator.forget(99)
    assert _error(estimator.update(_face(wide, 1), 31 * STEP_NS), wide) < 0.01
