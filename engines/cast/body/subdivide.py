"""Loop subdivision of a triangle mesh (C. Loop, "Smooth subdivision surfaces based on triangles", 1987)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def loop_subdivide(data: Floats, faces: Ints, uv: Floats, uv_faces: Ints) -> tuple[Floats, Ints, Floats, Ints]:
    """Divide each triangle into four; the rule is linear, so shapes and their deltas can pass together.

    Args:
        data: (V, C) float32, any linear quantities of the vertices.
        faces: (F, 3) int32.
        uv: (T, 2) float32.
        uv_faces: (F, 3) int32 into `uv`; texture coordinates are halved linearly, never smoothed over a seam.

    Returns:
        data (V+E, C), faces (4F, 3), uv (T+S, 2), uv_faces (4F, 3); face f became faces 4f to 4f+3.

    """
    edges, edge_of_face = _edges(faces)
    opposite_sum, opposite_count = _opposites(data, faces, edge_of_face, len(edges))
    ends = data[edges[:, 0]] + data[edges[:, 1]]
    interior = (opposite_count == 2)[:, None]
    odd = np.where(interior, 0.375 * ends + 0.125 * opposite_sum, 0.5 * ends)
    even = _even(data, edges, interior[:, 0])
    uv_edges, uv_edge_of_face = _edges(uv_faces)
    uv_middle = uv[uv_edges].mean(1)
    return (
        np.concatenate([even, odd]).astype(np.float32),
        _split(faces, edge_of_face + len(data)),
        np.concatenate([uv, uv_middle]).astype(np.float32),
        _split(uv_faces, uv_edge_of_face + len(uv)),
    )


def _edges(faces: Ints) -> tuple[Ints, Ints]:
    """(E, 2) unique edges and (F, 3) which edge lies between corners 0-1, 1-2, 2-0 of each face."""
    pairs = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return edges.astype(np.int32), inverse.reshape(-1, 3).astype(np.int32)


def _opposites(data: Floats, faces: Ints, edge_of_face: Ints, count: int) -> tuple[Floats, Ints]:
    total = np.zeros((count, data.shape[1]), np.float32)
    for corner, opposite in ((0, 2), (1, 0), (2, 1)):
        np.add.at(total, edge_of_face[:, corner], data[faces[:, opposite]])
    return total, np.bincount(edge_of_face.ravel(), minlength=count).astype(np.int32)


def _even(data: Floats, edges: Ints, interior: NDArray[np.bool_]) -> Floats:
    vertex_count = len(data)
    boundary_edges = edges[~interior]
    on_boundary = np.zeros(vertex_count, bool)
    on_boundary[boundary_edges.ravel()] = True
    valence = np.bincount(edges.ravel(), minlength=vertex_count).astype(np.float32)
    around = np.zeros_like(data)
    np.add.at(around, edges[:, 0], data[edges[:, 1]])
    np.add.at(around, edges[:, 1], data[edges[:, 0]])
    safe = np.maximum(valence, 1.0)
    beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / safe)) ** 2) / safe
    smooth = data * (1 - valence * beta)[:, None] + around * beta[:, None]
    along = np.zeros_like(data)
    np.add.at(along, boundary_edges[:, 0], data[boundary_edges[:, 1]])
    np.add.at(along, boundary_edges[:, 1], data[boundary_edges[:, 0]])
    return np.where(on_boundary[:, None], 0.75 * data + 0.125 * along, smooth).astype(np.float32)


def _split(faces: Ints, middles: Ints) -> Ints:
    a, b, c = faces.T
    ab, bc, ca = middles.T
    quads = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1)
    return np.ascontiguousarray(quads.reshape(-1, 3).astype(np.int32))
