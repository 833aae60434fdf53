from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from mien.realtime.aligner import HEAD_HEIGHT_CM, align, crop
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Alignment
from mien.realtime.head import head_model

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


def head_at(
    centre: tuple[float, float], scale: float, roll: float = 0.0, yaw: float = 0.0, jaw_cm: float = 0.0
) -> Face:
    """The canonical face in a picture, with all below the mouth moved down by `jaw_cm`."""
    shape = head_model().landmarks.astype(np.float64)
    shape[shape[:, 1] > 6] += (0, jaw_cm, 0)
    cos, sin = math.cos(yaw), math.sin(yaw)
    turned = shape @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T
    cos, sin = math.cos(roll), math.sin(roll)
    rolled = turned @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]).T
    return Face(
        1, (rolled * scale + (*centre, 0)).astype(np.float32), np.zeros(52, np.float32), np.eye(4, dtype=np.float32)
    )


@pytest.mark.parametrize("roll", [-0.6, 0.0, 0.4])
def test_a_square_crop_is_upright_centred_and_of_the_size_asked(roll: float) -> None:
    face = head_at((300, 200), 9.0, roll)
    alignment = align(face, SQUARE_SPEC, 640, 480)
    assert (alignment.width, alignment.height) == (128, 128)
    points = alignment.apply(face.landmarks[:, :2])
    assert abs(float(points[33, 1] - points[263, 1])) < 0.05
    assert points[263, 0] > points[33, 0]
    # The canonical face is as high as the crop over the margin, and its middle line is the crop's.
    assert np.ptp(points[:468, 1]) == pytest.approx(128 / SQUARE_SPEC.margin, rel=0.002)
    assert points[[33, 263], 0].mean() == pytest.approx(63.5, abs=0.1)
    assert np.ptp(face.landmarks[:468, 1]) == pytest.approx(HEAD_HEIGHT_CM * 9, rel=0.2)


def test_an_opening_jaw_moves_in_the_square_and_does_not_move_it() -> None:
    shut, agape = (align(head_at((300, 200), 9.0, 0.1, jaw_cm=jaw), SQUARE_SPEC, 640, 480) for jaw in (0.0, 3.0))
    assert np.allclose(shut.matrix, agape.matrix, atol=0.02)


def test_a_turned_head_stays_in_the_square() -> None:
    for yaw in (-0.6, 0.6):
        face = head_at((300, 200), 9.0, yaw=yaw)
        points = align(face, SQUARE_SPEC, 640, 480).apply(face.landmarks[:, :2])
        assert points.min() > 5
        assert points.max() < 123


@pytest.mark.parametrize("scale", [9.0, 25.0, 60.0])
def test_a_square_that_shrinks_is_averaged_and_stays_in_place(scale: float) -> None:
    """Grain of one pixel is gone in a small square, and a soft pattern is where the exact map puts it."""
    rows, columns = np.mgrid[:1600, :1600].astype(np.float32)
    pattern = 128 + 60 * np.sin(columns / (4 * scale)) + 60 * np.cos(rows / (5 * scale))
    frame = np.repeat(np.clip(pattern, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    alignment = align(head_at((820.3, 790.7), scale, 0.2), SQUARE_SPEC, 1600, 1600)
    seen = crop(frame, alignment).pixels[..., 0].astype(float)
    y, x = np.mgrid[:128, :128].astype(np.float64)
    inverse = np.linalg.inv(np.vstack([alignment.matrix, [0, 0, 1]]))
    where = inverse @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    exact = 128 + 60 * np.sin(where[0] / (4 * scale)) + 60 * np.cos(where[1] / (5 * scale))
    inside = ((where[:2] > 30) & (where[:2] < 1570)).all(axis=0)
    assert np.abs(seen.ravel() - np.clip(exact, 0, 255))[inside].max() < 3
    grain = np.repeat(np.indices((1600, 1600)).sum(axis=0)[..., None] % 2 * 255, 3, axis=2).astype(np.uint8)
    if scale >= 25:
        assert crop(grain, alignment).pixels[8:-8, 8:-8].std() < 25


@pytest.mark.parametrize("scale", [0.55, 1.0, 2.7])
@pytest.mark.parametrize("corner", [(150.2, 90.6), (-40.5, -60.2), (560.0, 400.3), (-900.0, 100.0)])
def test_a_crop_is_what_a_warp_of_the_whole_frame_gives(corner: tuple[float, float], scale: float) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    turn = scale * np.array([[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]])
    matrix = np.column_stack([turn, -turn @ corner]).astype(np.float32)
    seen = crop(frame, Alignment(matrix, 128, 96)).pixels
    whole = cv2.warpAffine(frame, matrix, (128, 96), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Sums of single precision, from another origin.
    assert np.abs(seen.astype(int) - whole).max() <= 1


def test_a_frame_engine_gets_the_whole_frame() -> None:
    spec = EngineSpec("mesh", "opencv", "cpu", "test", coverage="frame")
    alignment = align(face_at((10, 10), 50), spec, 641, 479)
    assert alignment.offset == (0, 0)
    assert (alignment.width, alignment.height) == (641, 479)
