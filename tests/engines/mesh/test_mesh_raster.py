from __future__ import annotations

import numpy as np
import pytest
from mesh_faces import place, rest

from mien.engines.mesh.raster import draw_map
from mien.engines.mesh.topology import topology, with_skirt

SQUARE = np.array([[0, 0], [60, 0], [60, 60], [0, 60]], np.float32)
# Negative area with y down, as the canonical face's triangles seen from the front.
FRONT = np.array([[0, 2, 1], [0, 3, 2]], np.int32)


def _points(xy: np.ndarray, z: float = 0) -> np.ndarray:
    return np.column_stack([xy, np.full(len(xy), z)]).astype(np.float32)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_an_affine_mesh_is_mapped_exactly_inside(step: int) -> None:
    turn = np.array([[0.8, -0.3], [0.2, 1.1]], np.float32)
    map_x, map_y = draw_map(_points(SQUARE), SQUARE @ turn.T + 7, FRONT, (61, 61), step)
    y, x = np.mgrid[8:52, 8:52].astype(np.float32)
    assert np.abs(map_x[8:52, 8:52] - (0.8 * x - 0.3 * y + 7)).max() < 1e-2
    assert np.abs(map_y[8:52, 8:52] - (0.2 * x + 1.1 * y + 7)).max() < 1e-2


def test_the_nearer_triangle_wins_whatever_its_place_in_the_list() -> None:
    near, far = _points(SQUARE, -5), _points(SQUARE, 5)
    texture = np.concatenate([SQUARE + 1000, SQUARE])
    for order in ((0, 4), (4, 0)):
        triangles = np.concatenate([FRONT + k for k in order]).astype(np.int32)
        map_x, _ = draw_map(np.concatenate([near, far]), texture, triangles, (60, 60), 1)
        assert map_x[30, 30] == pytest.approx(1030, abs=0.1)


def test_a_triangle_seen_from_behind_is_not_drawn() -> None:
    points = np.concatenate([_points(SQUARE, -5), _points(SQUARE, 5)])
    texture = np.concatenate([SQUARE + 1000, SQUARE])
    triangles = np.concatenate([FRONT[:, ::-1], FRONT + 4]).astype(np.int32)
    assert draw_map(points, texture, triangles, (60, 60), 1)[0][30, 30] == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("yaw_deg", [0, 25, 40, -40])
def test_a_turned_face_has_no_tear(yaw_deg: float) -> None:
    """Neighbours in the picture stay near in the texture, but for the few cells where the nose hides the cheek."""
    points = place(rest(), yaw_deg=yaw_deg)
    texture = place(rest())[:, :2]
    map_x, map_y = draw_map(with_skirt(points), with_skirt(texture), topology().triangles, (400, 400), 2)
    steps = np.hypot(np.diff(map_x, axis=1)[:-1], np.diff(map_y, axis=1)[:-1])
    face = np.zeros((400, 400), bool)
    middle = points[:468, :2].mean(axis=0).astype(int)
    face[middle[1] - 90 : middle[1] + 90, middle[0] - 50 : middle[0] + 50] = True
    inside = steps[face[:-1, :-1]]
    assert np.median(inside) < 2.5
    assert (inside > 12).mean() < 0.01


def test_nothing_in_view_is_no_error() -> None:
    map_x, map_y = draw_map(_points(SQUARE - 500), SQUARE, FRONT, (20, 20), 2)
    assert np.isfinite(map_x).all()
    assert map_y.shape == (20, 20)
