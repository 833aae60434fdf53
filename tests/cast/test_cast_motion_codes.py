from __future__ import annotations

import json

import numpy as np
import pytest

from mien.engines.cast.motion.codes import MOST_DEG, Code, draw_code
from mien.engines.cast.motion.emotion import FACES, varied
from mien.engines.cast.motion.fit_statistics import Tracked, summarise
from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG
from mien.engines.cast.motion.observed import normal_score, normal_share, observed
from mien.engines.cast.motion.tracks import ACTIONS, SHARED

COUNT = 3000


@pytest.fixture(scope="module")
def codes() -> list[Code]:
    rng = np.random.default_rng(0)
    return [draw_code(rng) for _ in range(COUNT)]


def _column(codes: list[Code], name: str) -> np.ndarray:
    return np.array([code.actions.get(name, 0.0) for code in codes])


def test_codes_are_known_actions_within_their_range(codes: list[Code]) -> None:
    for code in codes:
        assert set(code.actions) <= set(ACTIONS)
        assert all(0.0 <= value <= 1.0 for value in code.actions.values())
        assert code.actions.get("mouthClose", 0.0) <= code.actions.get("jawOpen", 0.0) + 1e-9
        assert code.actions.get("jawLeft", 0.0) * code.actions.get("jawRight", 0.0) == 0.0


def test_codes_cover_every_shared_action_and_leave_most_faces_mild(codes: list[Code]) -> None:
    for name in SHARED:
        values = _column(codes, name)
        # Lips do not close over a jaw that hangs: their whole range is a part of the others'.
        most = 0.5 if name == "mouthClose" else 1.0
        assert values.max() > 0.85 * most, name
        assert np.mean(values > 0.3 * most) > 0.006, name
        assert np.median(values) < 0.2, name
    assert _column(codes, "tongueOut").max() > 0.5


def test_codes_have_blinks_of_every_kind(codes: list[Code]) -> None:
    left, right = _column(codes, "eyeBlinkLeft"), _column(codes, "eyeBlinkRight")
    assert 0.06 < np.mean(np.minimum(left, right) > 0.85) < 0.2
    assert 0.08 < np.mean((left > 0.15) & (left < 0.85)) < 0.35
    assert 0.02 < np.mean(np.abs(left - right) > 0.5) < 0.1
    assert np.mean(np.maximum(left, right) < 0.15) > 0.45


def test_codes_go_together_as_on_people(codes: list[Code]) -> None:
    def r(one: str, other: str) -> float:
        return float(np.corrcoef(_column(codes, one), _column(codes, other))[0, 1])

    assert r("mouthSmileLeft", "mouthSmileRight") > 0.8
    assert r("browInnerUp", "browOuterUpLeft") > 0.4
    assert r("mouthSmileLeft", "cheekSquintLeft") > 0.1
    assert r("mouthSmileLeft", "mouthFrownLeft") < 0.0
    uneven = np.abs(_column(codes, "mouthSmileLeft") - _column(codes, "mouthSmileRight"))
    assert 0.01 < np.mean(uneven > 0.15) < 0.15


def test_poses_and_gazes_are_mostly_near_the_front_and_within_limits(codes: list[Code]) -> None:
    pose, gaze = np.array([code.pose_deg for code in codes]), np.array([code.gaze_deg for code in codes])
    assert np.all(np.abs(pose) <= MOST_DEG)
    assert np.all(np.abs(pose).max(axis=0) > 0.9 * np.array(MOST_DEG))
    assert np.mean(np.abs(pose[:, 0]) < 10) > 0.55
    assert np.abs(gaze[:, 0]).max() <= SIDE_DEG
    assert gaze[:, 1].min() >= -DOWN_DEG
    assert gaze[:, 1].max() <= UP_DEG
    # Most look near the camera: gaze undoes the head's turn.
    assert np.corrcoef(pose[:, 0], gaze[:, 0])[0, 1] < -0.3


def test_a_code_is_its_generators() -> None:
    first, again = (draw_code(np.random.default_rng((7, 1))) for _ in range(2))
    assert first == again
    assert first != draw_code(np.random.default_rng((8, 1)))


def test_faces_are_known_actions_and_vary() -> None:
    for name, weights in FACES.items():
        assert set(weights) <= set(ACTIONS), name
        assert all(0.0 < value <= 1.0 for value in weights.values()), name
    rng = np.random.default_rng(0)
    sides = [varied(rng, "contempt") for _ in range(50)]
    assert 10 < sum("mouthSmileLeft" in each for each in sides) < 40
    smiles = np.array([varied(rng, "joy")["mouthSmileLeft"] for _ in range(200)])
    assert 0.03 < smiles.std() < 0.25


def test_draws_from_the_table_have_its_quantiles_and_its_correlations() -> None:
    table = observed()
    drawn = table.draw(np.random.default_rng(0), 20_000)
    jaw = table.names.index("jawOpen")
    assert np.quantile(drawn[:, jaw], table.levels[1:-1]) == pytest.approx(table.quantiles[jaw, 1:-1], abs=0.02)
    left, right = (table.names.index(f"mouthSmile{side}") for side in ("Left", "Right"))
    frown = table.names.index("browDownLeft")
    assert np.corrcoef(drawn[:, left], drawn[:, right])[0, 1] > 0.7
    assert abs(np.corrcoef(drawn[:, left], drawn[:, frown])[0, 1]) < 0.5
    assert normal_score(normal_share(np.array([-1.3, 0.0, 2.1]))) == pytest.approx([-1.3, 0.0, 2.1], abs=1e-6)


def test_the_table_is_made_from_numbers_alone() -> None:
    rng = np.random.default_rng(0)
    clips = []
    for fps in (30.0, 25.0):
        scores = np.clip(rng.normal(0.0, 0.01, (300, 52)), 0, 1)
        mood = rng.random(300)
        scores[:, 44], scores[:, 45] = 0.2 + 0.6 * mood, 0.1 + 0.5 * mood  # both sides of the smile
        scores[60:64, 9:11] = 0.9  # one blink of four frames
        angles = np.stack([np.arange(300) * 0.2, np.zeros(300), np.zeros(300)], axis=1)
        clips.append(Tracked(scores, angles, fps))
    table = json.loads(json.dumps(summarise(clips)))
    assert table["names"] == ["mouthSmileLeft", "mouthSmileRight"]
    assert table["frames"] == 600
    assert table["quantiles"][0][-1] == pytest.approx(0.57, abs=0.03)  # above each person's rest
    assert np.array(table["loadings"])[0] @ np.array(table["loadings"])[1] > 0.95
    assert table["blink_ms"][1] == pytest.approx((4 / 30 + 4 / 25) / 2 * 1000, abs=1)
    assert table["head_speed_deg_s"]["yaw"] == pytest.approx([5.5, 6.0], abs=0.6)
