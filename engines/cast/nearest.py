"""Nearest points on a triangle mesh, by Warp's bounding-volume tree."""

from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray


@wp.kernel
def _query(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), face: wp.array(dtype=int), bary: wp.array(dtype=wp.vec3)) -> None:
    i = wp.tid()
    found = wp.mesh_query_point_no_sign(mesh, points[i], 1.0)
    face[i] = found.face
    bary[i] = wp.vec3(found.u, found.v, 1.0 - found.u - found.v)


class NearestPoint:
    """Called with (N, 3) float32 points: (N,) int32 faces and (N, 3) float32 barycentric weights of the nearest."""

    def __init__(self, points: NDArray[np.float32], faces: NDArray[np.int32]) -> None:
        self._mesh = wp.Mesh(points=wp.array(points, dtype=wp.vec3), indices=wp.array(faces.ravel(), dtype=int))

    def __call__(self, points: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        face = wp.zeros(len(points), dtype=int)
        bary = wp.zeros(len(points), dtype=wp.vec3)
        wp.launch(_query, len(points), inputs=[self._mesh.id, wp.array(points, dtype=wp.vec3), face, bary])
        return face.numpy(), bary.numpy()
