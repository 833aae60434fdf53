from __future__ import annotations

import numpy as np
import pytest
from mesh_faces import ZEROS, portrait, rest, with_mouth
from skimage.data import astronaut

from mien.engines.mesh.neutralise import neutralise
from mien.engines.personas.still import StillTracker
from mien.realtime.face import BLENDSHAPE_INDEX


def test_a_resting_portrait_stays() -> None:
    picture, landmarks = portrait(500)
    calm, moved = neutralise(picture, landmarks, ZEROS)
    assert np.abs(moved - landmarks).max() < 1
    assert np.abs(calm.astype(int) - picture.astype(int)).mean() < 1


def test_open_lips_are_closed_and_the_surroundings_stay() -> None:
    picture, landmarks = portrait(500, with_mouth(rest(), 0.6))
    before = picture.copy()
    calm, moved = neutralise(picture, landmarks, ZEROS)
    assert np.array_equal(picture, before)
    assert landmarks[14, 1] - landmarks[13, 1] > 10
    assert moved[14, 1] - moved[13, 1] < 2
    assert np.array_equal(calm[:20], picture[:20])
    assert np.array_equal(calm[:, :20], picture[:, :20])


@pytest.mark.slow
def test_a_smile_is_taken_out_of_a_photograph() -> None:
    photo = np.ascontiguousarray(astronaut()[0:300, 60:390, ::-1])
    tracker = StillTracker()
    face = tracker(photo)[0]
    calm, _ = neutralise(photo, face.landmarks, face.blendshapes)
    after = tracker(calm)[0]
    smiles = [BLENDSHAPE_INDEX["mouthSmileLeft"], BLENDSHAPE_INDEX["mouthSmileRight"]]
    assert face.blendshapes[smiles].min() > 0.8
    assert after.blendshapes[smiles].max() < 0.25
