from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.realtime.frame import FrameError
from mien.realtime.head import HeadFit, fit_head, from_head, head_model, to_head


def _turned(seed: int) -> HeadFit:
    rng = np.random.default_rng(seed)
    rotation = cv2.Rodrigues(rng.normal(0, 0.4, 3))[0].astype(np.float32)
    return HeadFit(rotation, float(rng.uniform(5, 60)), rng.uniform(-500, 1500, 3).astype(np.float32))


@pytest.mark.parametrize("seed", range(8))
def test_a_fit_gives_back_where_the_canonical_head_was_put(seed: int) -> None:
    truth = _turned(seed)
    fit = fit_head(from_head(head_model().landmarks, truth))
    assert np.abs(fit.rotation - truth.rotation).max() < 1e-4
    assert fit.scale == pytest.approx(truth.scale, rel=1e-4)
    assert np.abs(fit.translation - truth.translation).max() < 0.02


def test_what_goes_to_head_space_comes_back() -> None:
    rng = np.random.default_rng(1)
    landmarks = from_head(head_model().landmarks, _turned(3)) + rng.normal(0, 2, (478, 3)).astype(np.float32)
    fit = fit_head(landmarks)
    assert np.abs(from_head(to_head(landmarks, fit), fit) - landmarks).max() < 0.01


def test_an_opening_mouth_does_not_nod_the_head() -> None:
    shape = head_model().landmarks.copy()
    shape[shape[:, 1] > 4.0, 1] += 3.0  # jaw and lips, 3 cm down
    fit = fit_head(shape * 20)
    angle = np.degrees(np.arccos((np.trace(fit.rotation) - 1) / 2))
    assert angle < 0.5


def test_a_face_without_irises_is_enough() -> None:
    assert fit_head(head_model().landmarks[:468] * 3).scale == pytest.approx(3, rel=1e-4)


def test_the_fit_never_mirrors() -> None:
    mirrored = head_model().landmarks * np.array([-9, 9, 9], np.float32)
    assert np.linalg.det(fit_head(mirrored).rotation) == pytest.approx(1, abs=1e-3)


def test_the_model_is_a_face_in_picture_axes() -> None:
    model = head_model()
    assert model.landmarks.shape == (478, 3)
    assert model.triangles.shape == (898, 3)
    chin, forehead, right_eye, left_eye = (model.landmarks[k] for k in (152, 10, 33, 263))
    assert chin[1] > forehead[1]  # y down
    assert right_eye[0] < left_eye[0]  # the subject's right is at the left
    assert model.landmarks[4, 2] < model.landmarks[234, 2]  # the nose is nearer than the ear
    for iris, upper, lower in ((468, 159, 145), (473, 386, 374)):
        assert model.landmarks[upper, 1] < model.landmarks[iris, 1] < model.landmarks[lower, 1]
    with pytest.raises(ValueError, match="read-only"):
        model.landmarks[0] = 0


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.zeros((100, 3), np.float32), r"\(478, 3\) or \(468, 3\), got \(100, 3\)"),
        (np.ones((478, 3), np.float32), "finite and span a face"),
        (np.full((478, 3), np.nan, np.float32), "finite and span a face"),
    ],
)
def test_what_is_no_face_is_refused(landmarks: np.ndarray, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        fit_head(landmarks)
