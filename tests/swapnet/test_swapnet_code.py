from __future__ import annotations

import numpy as np
import pytest
from swapnet_parts import at_rest, face

from mien.engines.swapnet.code import (
    ACTIONS,
    ANGLE_DEG,
    NAMED,
    NAMED_INDEX,
    TOLD,
    TRACKED_SIZE,
    tell,
    tracked_code,
    upright_angles,
)
from mien.realtime.face import BLENDSHAPE_INDEX, Neutral
from mien.realtime.head import fit_head


def test_every_shared_action_and_four_angles_have_a_name() -> None:
    assert len(NAMED) == 55
    assert len(set(NAMED)) == 55
    assert "_neutral" not in NAMED


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (0, 15, 0), (-20, -12, 0), (18, 10, 30)])
def test_angles_are_those_of_the_upright_head(yaw: float, pitch: float, roll: float) -> None:
    angles = upright_angles(fit_head(face(yaw=yaw, pitch=pitch, roll=roll).landmarks))
    assert angles == pytest.approx((yaw, pitch), abs=0.1)


def test_a_face_at_rest_says_nothing_wherever_it_is() -> None:
    for given in (face(neutral=at_rest()), face(neutral=at_rest(), roll=20, scale=30, middle=(100, 50))):
        code = tracked_code(given)
        assert code.shape == (TRACKED_SIZE,)
        assert code.dtype == np.float32
        assert np.abs(code).max() < 0.01


def test_scores_are_told_as_they_are_and_from_rest() -> None:
    scores, resting = np.zeros(52, np.float32), np.zeros(52, np.float32)
    scores[BLENDSHAPE_INDEX["jawOpen"]], resting[BLENDSHAPE_INDEX["jawOpen"]] = 0.7, 0.2
    rest = Neutral(at_rest().shape, resting)
    code = tracked_code(face(scores=scores, neutral=rest))
    at = ACTIONS.index("jawOpen")
    assert code[at] == pytest.approx(0.7)
    assert code[len(ACTIONS) + at] == pytest.approx(0.5)


def test_landmarks_are_told_by_their_way_from_rest_in_head_space() -> None:
    given = face(yaw=20, roll=10, neutral=at_rest())
    moved = at_rest().shape.copy()
    moved[13, 1] -= 0.5
    code = tracked_code(face(yaw=20, roll=10, neutral=Neutral(moved, np.zeros(52, np.float32))))
    ways = code[2 * len(ACTIONS) + 2 :].reshape(478, 3)
    assert ways[13] == pytest.approx((0, 1, 0), abs=0.01)
    assert code[2 * len(ACTIONS)] == pytest.approx(20 / ANGLE_DEG, abs=0.01)
    assert np.abs(np.delete(ways, 13, axis=0)).max() < 0.01
    assert tracked_code(given).shape == code.shape


def test_a_face_without_a_neutral_is_measured_from_a_guess() -> None:
    scores = np.zeros(52, np.float32)
    scores[BLENDSHAPE_INDEX["jawOpen"]] = 0.8
    code = tracked_code(face(scores=scores))
    assert np.isfinite(code).all()
    assert code[len(ACTIONS) + ACTIONS.index("jawOpen")] > 0.5


@pytest.mark.parametrize(("score", "told"), [(0.2, 0.2), (0.4, 0.6), (0.05, 0.0), (0.9, 1.0)])
def test_a_scowl_is_what_the_tracker_says_twice_over_rest(score: float, told: float) -> None:
    scores, resting = np.zeros(52, np.float32), np.zeros(52, np.float32)
    scores[BLENDSHAPE_INDEX["browDownLeft"]], resting[BLENDSHAPE_INDEX["browDownLeft"]] = score, 0.1
    named = np.full(len(NAMED), 0.5, np.float32)
    tell(named, tracked_code(face(scores=scores, neutral=Neutral(at_rest().shape, resting))))
    assert named[NAMED_INDEX["browDownLeft"]] == pytest.approx(told, abs=1e-6)
    assert named[NAMED_INDEX["browDownRight"]] == 0
    others = [index for name, index in NAMED_INDEX.items() if name not in TOLD]
    assert np.all(named[others] == 0.5)
