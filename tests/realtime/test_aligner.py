from __future__ import annotations

import math

import numpy as np
import pytest

from mien.realtime.aligner import align, crop
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face

WINDOW_SPEC = EngineSpec("mesh", "opencv", "cpu", "test", size_px=None, margin=1.4)
SQUARE_SPEC = EngineSpec("net", "torch", "cpu", "test", size_px=128, margin=1.5)


def face_at(centre: tuple[float, float], side: float, roll: float = 0.0) -> Face:
    grid = np.linspace(-0.5, 0.5, 478, dtype=np.float32)
    points = np.stack([grid, -grid], axis=1)
    points[33], points[263] = (-0.3, 0.0), (0.3, 0.0)
    turn = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    xy = points @ turn * side + centre
    landmarks = np.concatenate([xy, np.zeros((478, 1))], axis=1).astype(np.float32)
    return Face(1, landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


def test_a_window_needs_no_resampling_and_is_a_view() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    alignment = align(face_at((320, 240), 200), WINDOW_SPEC, 640, 480)
    assert alignment.offset == (180, 105)
    seen = crop(frame, alignment)
    assert np.shares_memory(seen.pixels, frame)
    assert (seen.pixels == frame[105:, 180:][: alignment.height, : alignment.width]).all()


@pytest.mark.parametrize("centre", [(0, 0), (640, 0), (0, 480), (640, 480), (-500, -500), (5000, 240)])
def test_a_window_stays_inside_the_frame(centre: tuple[float, float]) -> None:
    alignment = align(face_at(centre, 200), WINDOW_SPEC, 640, 480)
    assert alignment.offset is not None
    x, y = alignment.offset
    assert 0 <= x < x + alignment.width <= 640
    assert 0 <= y < y + alignment.height <= 480


@pytest.mark.parametrize("roll", [-0.6, 0.0, 0.4])
def test_a_square_crop_is_upright_centred_and_of_the_size_asked(roll: float) -> None:
    face = face_at((300, 200), 150, roll)
    alignment = align(face, SQUARE_SPEC, 640, 480)
    assert (alignment.width, alignment.height) == (128, 128)
    eyes = alignment.apply(face.landmarks[[33, 263], :2])
    assert abs(float(eyes[0, 1] - eyes[1, 1])) < 0.01
    assert eyes[1, 0] > eyes[0, 0]
    x0, y0, x1, y1 = face.box
    centre = alignment.apply(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]], np.float32))[0]
    assert np.allclose(centre, 63.5, atol=0.01)


def test_a_frame_engine_gets_the_whole_frame() -> None:
    spec = EngineSpec("mesh", "opencv", "cpu", "test", coverage="frame")
    alignment = align(face_at((10, 10), 50), spec, 641, 479)
    assert alignment.offset == (0, 0)
    assert (alignment.width, alignment.height) == (641, 479)
