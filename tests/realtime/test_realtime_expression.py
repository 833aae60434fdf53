from __future__ import annotations

import numpy as np

from mien.realtime.expression import displacement, expression_basis, guess_rest, scores_at_rest
from mien.realtime.face import BLENDSHAPE_INDEX
from mien.realtime.head import head_model


def _scores(**values: float) -> np.ndarray:
    scores = np.zeros(52, np.float32)
    for name, value in values.items():
        scores[BLENDSHAPE_INDEX[name]] = value
    return scores


def test_the_basis_moves_what_its_names_say() -> None:
    assert expression_basis().shape == (52, 478, 3)
    jaw = displacement(_scores(jawOpen=1))
    assert jaw[152, 1] > 1.0  # the chin goes down by more than a centimetre
    assert abs(jaw[10, 1]) < 0.3  # the forehead stays
    smile = displacement(_scores(mouthSmileLeft=1, mouthSmileRight=1))
    assert smile[61, 0] < -0.1 < 0.1 < smile[291, 0]  # the corners part
    assert smile[61, 1] < 0
    assert smile[291, 1] < 0
    blink = displacement(_scores(eyeBlinkRight=1))
    assert blink[159, 1] - blink[145, 1] > 0.3  # the right lids meet
    assert abs(blink[386, 1] - blink[374, 1]) < 0.15  # the left do not


def test_a_guess_takes_an_expression_back() -> None:
    shape = head_model().landmarks
    scores = _scores(jawOpen=0.7, mouthSmileLeft=0.4)
    guess, left = guess_rest(shape + displacement(scores), scores)
    assert np.abs(guess - shape).max() < 1e-4
    assert not left.any()


def test_a_resting_face_is_its_own_guess() -> None:
    shape, scores = head_model().landmarks, scores_at_rest()
    guess, left = guess_rest(shape, scores)
    assert np.array_equal(guess, shape)
    assert np.array_equal(left, scores)
