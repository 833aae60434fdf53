"""Nearest points on a triangle mesh, by Warp's bounding-volume tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.body.queries import find_nearest


class NearestPoint:
    """Called with (N, 3) float32 points: (N,) int32 faces and (N, 3) float32 barycentric weights of the nearest."""

    def __init__(self, points: NDArray[np.float32], faces: NDArray[np.int32]) -> None:
        self._mesh: Any = wp.Mesh(points=wp.array(points, dtype=wp.vec3), indices=wp.array(faces.ravel(), dtype=int))

    def __call__(self, points: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Nearest faces and barycentric weights."""
        face: Any = wp.zeros(len(points), dtype=int)
        bary: Any = wp.zeros(len(points), dtype=wp.vec3)
        wp.launch(find_nearest, len(points), inputs=[self._mesh.id, wp.array(points, dtype=wp.vec3), face, bary])
        return face.numpy(), bary.numpy()
