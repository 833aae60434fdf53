from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from mien.engines.measure import identity
from mien.engines.measure.identity import SFACE, FaceIdentity, align_112, similarity
from mien.engines.personas.still import StillTracker
from mien.realtime.download import cached
from mien.realtime.errors import MissingExtraError
from mien.realtime.frame import FrameError


def _landmarks() -> np.ndarray:
    points = np.zeros((478, 2), np.float32)
    points[[33, 133]] = [[30, 40], [50, 40]]
    points[[362, 263]] = [[70, 40], [90, 40]]
    points[1], points[61], points[291] = (60, 62), (44, 84), (76, 84)
    return points


def test_the_five_points_land_on_the_template() -> None:
    picture = np.zeros((120, 120, 3), np.uint8)
    for x, y in ((40, 40), (80, 40)):
        picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    turned, landmarks = cv2.rotate(picture, cv2.ROTATE_180), 119 - _landmarks()
    for image, points in ((picture, _landmarks()), (turned, landmarks)):
        crop = align_112(image, points)
        assert crop.shape == (112, 112, 3)
        eyes = cv2.moments(crop[..., 0][:, :56]), cv2.moments(crop[..., 0][:, 56:])
        places = [(m["m10"] / m["m00"], m["m01"] / m["m00"]) for m in eyes]
        assert places[0] == pytest.approx((38.3, 51.7), abs=3)
        assert places[1] == pytest.approx((73.5 - 56, 51.5), abs=3)


def test_landmarks_that_are_no_face_are_refused() -> None:
    with pytest.raises(FrameError, match="landmarks must be"):
        FaceIdentity().embed(np.zeros((50, 50, 3), np.uint8), np.zeros((5, 2), np.float32))
    with pytest.raises(FrameError, match="coincide"):
        align_112(np.zeros((50, 50, 3), np.uint8), np.zeros((478, 2), np.float32))


@pytest.mark.slow
def test_both_runtimes_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("openvino")
    if cached(SFACE) is None:
        pytest.skip("SFace is not in the cache; benchmarks/motion.py fetches it")
    photo = np.ascontiguousarray(astronaut()[0:300, 60:390, ::-1])
    landmarks = StillTracker()(photo)[0].landmarks
    seen = []
    for package in ("onnxruntime", "openvino"):
        monkeypatch.setattr(identity, "is_installed", lambda name, package=package: name == package)
        seen.append(FaceIdentity().embed(photo, landmarks))
    # Block-quantised weights were written out for OpenVINO; 2e-7 was measured.
    assert np.abs(seen[0] - seen[1]).max() < 1e-5
    monkeypatch.setattr(identity, "is_installed", lambda _name: False)
    with pytest.raises(MissingExtraError, match="Comparing faces needs ONNX Runtime or OpenVINO"):
        FaceIdentity().embed(photo, landmarks)


@pytest.mark.slow
def test_a_face_is_nearer_to_itself_than_to_another() -> None:
    if cached(SFACE) is None:
        pytest.skip("SFace is not in the cache; benchmarks/motion.py fetches it")
    from mien.engines.personas.library import find

    eye, persona = FaceIdentity(), find("viggo")
    photo = np.ascontiguousarray(astronaut()[0:300, 60:390, ::-1])
    landmarks = StillTracker()(photo)[0].landmarks
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    seen = eye.embed(photo, landmarks)
    again = eye.embed(mirrored, StillTracker()(mirrored)[0].landmarks)
    other = eye.embed(persona.portrait, persona.landmarks)
    assert seen.shape == (128,)
    assert np.linalg.norm(seen) == pytest.approx(1, abs=1e-4)
    assert similarity(seen, again) > 0.7 > 0.4 > similarity(seen, other)
