from __future__ import annotations

import numpy as np
import pytest

from mien.engines.mesh.fit_basis import mirrored_landmarks, mirrored_scores, pictures, regress, sample_actions
from mien.realtime.face import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES


def test_mirroring_twice_is_nothing() -> None:
    for mirror in (mirrored_landmarks(), mirrored_scores()):
        assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    assert mirrored_landmarks()[33] == 263
    assert mirrored_landmarks()[469] == 476  # the iris's right edge becomes the other's left one
    assert mirrored_scores()[BLENDSHAPE_INDEX["browDownLeft"]] == BLENDSHAPE_INDEX["browDownRight"]
    assert mirrored_scores()[BLENDSHAPE_INDEX["jawLeft"]] == BLENDSHAPE_INDEX["jawRight"]


def test_a_symmetric_basis_is_found_again() -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(0, 0.3, (52, 478, 3))
    truth = half + half[mirrored_scores()][:, mirrored_landmarks()] * np.array([-1, 1, 1])
    people = []
    for _ in range(4):
        scores = rng.random((200, 52)).astype(np.float32)
        moved = rng.normal(0, 1, (478, 3)) + np.tensordot(scores, truth, 1)
        people.append((moved.astype(np.float32), scores))
    found = regress(people)
    assert np.abs(found - truth).max() < 0.25
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.999


def test_actions_have_known_names_and_bounds() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        actions = sample_actions(rng)
        assert actions
        assert set(actions) <= set(BLENDSHAPE_NAMES[1:])
        assert all(0 <= value <= 1 for value in actions.values())


@pytest.mark.cast
@pytest.mark.slow
def test_pictures_are_drawn() -> None:
    drawn = list(pictures(9000, 2))
    assert [picture.shape for picture in drawn] == [(288, 288, 3)] * 2
    assert np.abs(drawn[0].astype(int) - drawn[1].astype(int)).mean() > 0.5
