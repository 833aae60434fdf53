"""A tracked face: its box is of its own landmarks, also where it was made out of another face."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np

from mien.realtime.face import SKIN_LANDMARK_COUNT, Face


def face() -> Face:
    landmarks = np.random.default_rng(0).uniform(100, 200, (478, 3)).astype(np.float32)
    # The irises do not count.
    landmarks[SKIN_LANDMARK_COUNT:] = 1000
    landmarks[3, :2], landmarks[7, :2] = (40, 300), (290, 20)
    return Face(1, landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


def test_the_box_holds_the_skin() -> None:
    one = face()
    assert one.box == (40.0, 20.0, 290.0, 300.0)
    assert one.box == (40.0, 20.0, 290.0, 300.0)
    assert repr(one) == "Face(id 1, 250x280 px at (40, 20))"


def test_another_face_has_its_own() -> None:
    one = face()
    assert one.box[0] == 40.0
    moved = replace(one, landmarks=one.landmarks + np.float32(10))
    assert moved.box == (50.0, 30.0, 300.0, 310.0)
    assert pickle.loads(pickle.dumps(moved)).box == moved.box
