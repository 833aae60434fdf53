from __future__ import annotations

import numpy as np

from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.body.subdivide import Subdivision, halved
from mien.engines.cast.parts.piece import joined, vertex_normals
from mien.engines.cast.parts.strands import ribbons


def _octahedron() -> tuple[np.ndarray, np.ndarray]:
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return points, np.array(faces, np.int32)


def test_subdivision_quarters_each_face_and_keeps_symmetry() -> None:
    points, faces = _octahedron()
    divide = Subdivision(faces, len(points))
    fine = divide(points)
    assert fine.shape == (18, 3)
    assert divide.faces.shape == (32, 3)
    np.testing.assert_allclose(fine.mean(0), 0, atol=1e-6)
    # Loop's rule pulls in: each old corner of valence 4 keeps 1 - 4 * (5/8 - (3/8)^2) / 4 = 0.515625 of itself.
    np.testing.assert_allclose(np.linalg.norm(fine[:6], axis=1), 0.515625, atol=1e-6)
    normals = vertex_normals(fine, divide.faces)
    assert ((normals * fine).sum(1) > 0).all(), "the finer faces keep their winding"


def test_an_open_edge_stays_a_curve_of_its_own_points() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    fine = Subdivision(faces, 4)(points)
    np.testing.assert_allclose(fine[0], [0.125, 0.125, 0.0])
    middle_of_border = [row for row in fine[4:] if row[1] == 0.0]
    np.testing.assert_allclose(middle_of_border, [[0.5, 0.0, 0.0]])


def test_texture_coordinates_are_halved_without_smoothing() -> None:
    uv = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    fine, fine_faces = halved(uv, np.array([[0, 1, 2]], np.int32))
    assert fine_faces.shape == (4, 3)
    assert {tuple(row) for row in fine.tolist()} == {(0, 0), (1, 0), (0, 1), (0.5, 0), (0.5, 0.5), (0, 0.5)}


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
    assert two.labels.shape == (12,)
    np.testing.assert_allclose(np.linalg.norm(one.points[0] - one.points[1]), 0.1, atol=1e-6)


def test_positive_yaw_turns_to_the_persons_left() -> None:
    forward = HeadPose(yaw=20.0).matrix() @ np.array([0.0, -1.0, 0.0])
    assert forward[0] > 0.3
    assert (HeadPose(pitch=20.0).matrix() @ np.array([0.0, -1.0, 0.0]))[2] > 0.3
