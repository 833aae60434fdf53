from __future__ import annotations

import math

import numpy as np
import pytest

from mien.engines.measure import compare_motion
from mien.engines.measure.motion import rotation_deg
from mien.realtime.face import BLENDSHAPE_INDEX, Face

LANDMARKS = np.zeros((478, 3), np.float32)


def _pose(yaw_deg: float) -> np.ndarray:
    a = math.radians(yaw_deg)
    pose = np.eye(4, dtype=np.float32)
    pose[:3, :3] = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    pose[:3, 3] = (3, 1, -40)
    return pose


def _face(jaw: float, blink: float = 0.1, yaw_deg: float = 0) -> Face:
    scores = np.zeros(52, np.float32)
    scores[BLENDSHAPE_INDEX["jawOpen"]] = jaw
    scores[BLENDSHAPE_INDEX["eyeBlinkLeft"]] = blink
    return Face(1, LANDMARKS, scores, _pose(yaw_deg))


def test_a_channel_has_its_correlation_slope_and_error() -> None:
    jaws = [0.0, 0.2, 0.4, 0.8]
    report = compare_motion([_face(j) for j in jaws], [_face(0.1 + 0.5 * j, yaw_deg=2) for j in jaws])
    (jaw,) = report.channels  # the blink does not vary
    assert jaw.name == "jawOpen"
    assert (jaw.r, jaw.slope) == pytest.approx((1, 0.5), abs=1e-5)
    assert jaw.mae == pytest.approx(np.mean([abs(0.1 - 0.5 * j) for j in jaws]), abs=1e-6)
    assert report.pose_deg == pytest.approx(2, abs=0.01)
    assert (report.frames, report.lost) == (4, 0)


def test_an_output_that_never_moves_has_no_correlation() -> None:
    (jaw,) = compare_motion([_face(j) for j in (0.0, 0.5, 1.0)], [_face(0.3)] * 3).channels
    assert (jaw.r, jaw.slope) == (0, 0)


def test_lost_faces_are_counted_and_left_out() -> None:
    report = compare_motion([_face(0), None, _face(1), _face(0.5)], [_face(0), _face(0), None, _face(0.5)])
    assert (report.frames, report.lost) == (2, 1)
    none = compare_motion([_face(0)], [None])
    assert none.channels == ()
    assert math.isnan(none.pose_deg)


def test_other_frames_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="driver has 1 frames and output 2"):
        compare_motion([None], [None, None])


def test_an_angle_ignores_scale_and_place() -> None:
    scaled = _pose(30)
    scaled[:3, :3] *= 1.7
    assert rotation_deg(_pose(10), scaled) == pytest.approx(20, abs=0.01)
