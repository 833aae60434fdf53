from __future__ import annotations

import numpy as np

from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.body.subdivide import loop_subdivide
from mien.engines.cast.parts.strands import joined, ribbons, vertex_normals


def _octahedron() -> tuple[np.ndarray, np.ndarray]:
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return points, np.array(faces, np.int32)


def test_subdivision_quarters_each_face_and_keeps_symmetry() -> None:
    points, faces = _octahedron()
    fine, fine_faces, uv, uv_faces = loop_subdivide(points, faces, points[:, :2].copy(), faces)
    assert fine.shape == (18, 3)
    assert fine_faces.shape == (32, 3)
    assert uv.shape == (18, 2)
    assert uv_faces.shape == (32, 3)
    np.testing.assert_allclose(fine.mean(0), 0, atol=1e-6)
    assert np.linalg.norm(fine, axis=1).max() < 1.0


def test_subdivision_is_linear_so_deltas_can_pass_with_the_shape() -> None:
    points, faces = _octahedron()
    delta = np.random.default_rng(0).normal(size=points.shape).astype(np.float32)
    uv = points[:, :2].copy()
    together = loop_subdivide(points + 0.5 * delta, faces, uv, faces)[0]
    apart = loop_subdivide(points, faces, uv, faces)[0] + 0.5 * loop_subdivide(delta, faces, uv, faces)[0]
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_normals_point_outwards_and_have_length_one() -> None:
    points, faces = _octahedron()
    np.testing.assert_allclose(vertex_normals(points, faces), points, atol=1e-5)


def test_ribbons_have_two_edges_a_point_and_join_with_their_own_indices() -> None:
    curve = np.stack([np.zeros(4), np.zeros(4), np.linspace(0, 1, 4)], axis=1)[None].astype(np.float32)
    facing = np.broadcast_to(np.array([0, -1, 0], np.float32), curve.shape)
    one = ribbons(curve, facing, np.array([0.1], np.float32), np.ones((1, 3), np.float32))
    assert one.points.shape == (8, 3)
    assert one.faces.shape == (6, 3)
    two = joined([one, one])
    assert two.faces.max() == 15
    np.testing.assert_allclose(np.linalg.norm(one.points[0] - one.points[1]), 0.1, atol=1e-6)


def test_positive_yaw_turns_to_the_persons_left() -> None:
    forward = HeadPose(yaw=20.0).matrix() @ np.array([0.0, -1.0, 0.0])
    assert forward[0] > 0.3
    assert (HeadPose(pitch=20.0).matrix() @ np.array([0.0, -1.0, 0.0]))[2] > 0.3
