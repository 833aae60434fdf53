from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest

from mien.engines.cast.camera.backdrop import LOOP_S, Backdrop, backdrop, draw_backdrop
from mien.engines.cast.camera.colour import LUMA
from mien.engines.cast.look import BackdropStyle

STYLES = get_args(BackdropStyle)
WALL = (0.3, 0.28, 0.25)


def _sharpness(picture: np.ndarray) -> float:
    return float(np.abs(cv2.Laplacian(picture @ LUMA, cv2.CV_32F)).mean())


@pytest.mark.parametrize("style", STYLES)
def test_a_backdrop_is_its_seeds(style: BackdropStyle) -> None:
    first, again, other = (backdrop(72, 128, style, WALL, seed) for seed in (5, 5, 6))
    assert first.shape == (72, 128, 3)
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.003


@pytest.mark.parametrize("style", STYLES)
def test_a_backdrop_is_linear_light_from_0_to_1_and_neither_black_nor_white(style: BackdropStyle) -> None:
    for seed in range(4):
        picture = backdrop(64, 96, style, WALL, seed)
        assert picture.min() >= 0.0
        assert picture.max() <= 1.0
        assert 0.005 < picture.mean() < 0.75


@pytest.mark.parametrize("style", STYLES)
def test_a_backdrop_moves_and_returns(style: BackdropStyle) -> None:
    moved = []
    for seed in range(6):
        scene = Backdrop(64, 96, style, WALL, seed)
        start = scene.at(0.0)
        np.testing.assert_allclose(scene.at(LOOP_S), start, atol=2e-6)
        np.testing.assert_allclose(scene.at(5 * LOOP_S + 1.0), scene.at(1.0), atol=1e-4)
        moved.append(max(float(np.abs(scene.at(t) - start).max()) for t in (1.0, 2.5, 4.0, 7.0)))
        # No jump anywhere: a frame's change is small, the loop's end included.
        assert np.abs(scene.at(LOOP_S - 1 / 60) - scene.at(LOOP_S + 1 / 60)).mean() < 0.01
    assert min(moved) > 0.001
    assert max(moved) > 0.01


def test_blur_takes_detail_away_and_leaves_the_light() -> None:
    sharp, soft, softer = (backdrop(144, 192, "shelves", WALL, 3, blur=blur) for blur in (0.003, 0.015, 0.04))
    assert _sharpness(sharp) > 2 * _sharpness(soft) > 4 * _sharpness(softer)
    assert abs(sharp.mean() - softer.mean()) < 0.03


def test_a_small_light_out_of_focus_is_a_disc_not_a_hump() -> None:
    from mien.engines.cast.camera.backdrop import _defocused, _disc

    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 100.0
    spot = _defocused(point, _disc(5.0))[:, :, 0]
    np.testing.assert_allclose(spot.sum(), 100.0, rtol=1e-4)
    inside = np.hypot(*(np.mgrid[0:41, 0:41] - 20)) < 4.4
    assert np.ptp(spot[inside]) < 1e-3 * spot.max()
    assert spot[20, 27] == 0.0


def test_the_same_room_is_seen_at_any_resolution() -> None:
    small, large = (backdrop(rows, rows * 16 // 9, "room", WALL, 11, blur=0.02) for rows in (108, 324))
    shrunk = cv2.resize(large, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk - small).mean() < 0.02


def test_a_room_follows_the_tint() -> None:
    plain, warm = (backdrop(64, 64, "plain", WALL, 2, tint=tint) for tint in ((1.0, 1.0, 1.0), (0.8, 0.6, 0.4)))
    ratio = warm.mean(axis=(0, 1)) / plain.mean(axis=(0, 1))
    assert ratio[0] > ratio[1] > ratio[2]
    assert warm.mean() < plain.mean()


def test_the_sampler_covers_every_style_dark_and_pale_walls_and_any_focus() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_backdrop(rng) for _ in range(300)]
    assert {each.style for each in drawn} == set(STYLES)
    grey = np.array([np.mean(each.colour) for each in drawn])
    assert grey.min() < 0.1
    assert grey.max() > 0.5
    assert min(each.blur for each in drawn) < 0.004
    assert max(each.blur for each in drawn) > 0.03
    assert draw_backdrop(np.random.default_rng(4)) == draw_backdrop(np.random.default_rng(4))
