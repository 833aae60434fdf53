"""The grid of skin: cells lie on their skin, face where it faces, and leave eyes, lips and the outline out."""

from __future__ import annotations

import numpy as np
import pytest

from mien.realtime.frame import Floats
from mien.realtime.head import head_model
from mien.realtime.uv_grid import GRID_SIDE, uv_grid


def turned(yaw_degrees: float) -> Floats:
    angle = np.radians(yaw_degrees)
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return np.asarray(head_model().landmarks[:468] @ rotation.T, np.float32)


def test_weights_are_inside_their_triangles() -> None:
    grid = uv_grid()
    assert 900 < len(grid.index) < 1400
    assert grid.weights.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert grid.weights.min() > -0.1
    uv = head_model().uv
    there = np.einsum("nk,nkc->nc", grid.weights, uv[grid.corners])
    columns, rows = grid.index % GRID_SIDE, grid.index // GRID_SIDE
    assert there[:, 0] * GRID_SIDE == pytest.approx(columns + 0.5, abs=0.01)
    assert (1 - there[:, 1]) * GRID_SIDE == pytest.approx(rows + 0.5, abs=0.01)


def test_points_move_with_the_landmarks() -> None:
    landmarks = np.random.default_rng(0).normal(size=(468, 2)).astype(np.float32)
    grid = uv_grid()
    assert grid.points(landmarks * 2 + 5) == pytest.approx(grid.points(landmarks) * 2 + 5, abs=1e-4)


def test_no_cell_lies_in_an_eye_on_the_lips_or_at_the_outline() -> None:
    landmarks = head_model().landmarks[:468, :2]
    points = uv_grid().points(landmarks)
    for lone in (13, 14, 159, 145, 386, 374, 10, 152, 234, 454):
        assert np.hypot(*(points - landmarks[lone]).T).min() > 0.2, lone


def test_facing_falls_on_the_side_that_turns_away() -> None:
    grid = uv_grid()
    left = grid.plane[:, 1] < -0.4
    right = grid.plane[:, 1] > 0.4
    frontal = grid.facing(turned(0))
    assert np.median(frontal) > 0.5
    assert np.median(frontal[left]) == pytest.approx(np.median(frontal[right]), abs=0.2)
    sides = [np.median(grid.facing(turned(40))[part]) for part in (left, right)]
    assert abs(sides[0] - sides[1]) > 0.5
    assert np.median(grid.facing(turned(180))) < -0.4


def test_pictures_and_values_are_each_others_inverse() -> None:
    grid = uv_grid()
    cells = np.random.default_rng(0).random(len(grid.index)) > 0.5
    image = grid.image(cells)
    assert (grid.values(image) > 0).tolist() == cells.tolist()
    assert image.sum() == cells.sum()


def test_small_patches_are_dropped_and_neighbours_found() -> None:
    grid = uv_grid()
    image = np.zeros((GRID_SIDE, GRID_SIDE), np.uint8)
    image[10:12, 10:12] = 255
    image[30:35, 30:35] = 255
    image[40:44, 40:44] = 255
    patches = grid.patches(image, 12).reshape(GRID_SIDE, GRID_SIDE)
    assert not patches[:20].any()
    assert len(np.unique(patches[30:35, 30:35])) == len(np.unique(patches[40:44, 40:44])) == 1
    assert patches[30, 30] != patches[40, 40]
    assert (patches > 0).sum() == 25 + 16
    one = np.zeros(len(grid.index), np.bool_)
    one[len(one) // 2] = True
    grown = grid.grown(one, 3)
    assert grown[len(one) // 2]
    assert 1 < grown.sum() <= 9
