"""Loop subdivision of a triangle mesh (C. Loop, "Smooth subdivision surfaces based on triangles", 1987)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Subdivision:
    """Divides each triangle of one topology into four; the rule is linear, so it is a sparse matrix, made once.

    Attributes:
        faces: (4F, 3) int32; face f became faces 4f to 4f+3.

    """

    def __init__(self, faces: Ints, vertex_count: int) -> None:
        edges, edge_of_face = _edges(faces)
        self.faces: Ints = _split(faces, edge_of_face + vertex_count)
        rows, columns, weights = _entries(faces, vertex_count, edges, edge_of_face)
        order = np.lexsort((columns, rows))
        rows = rows[order]
        self._columns, self._weights = columns[order], weights[order].astype(np.float32)
        self._starts = np.flatnonzero(np.r_[True, np.diff(rows) > 0])

    def __call__(self, data: Floats) -> Floats:
        """(V+E, C) float32 from (V, C): any linear quantities of the vertices."""
        return np.asarray(np.add.reduceat(data[self._columns] * self._weights[:, None], self._starts), np.float32)


def halved(uv: Floats, uv_faces: Ints) -> tuple[Floats, Ints]:
    """Texture coordinates of the subdivided mesh: halved linearly, never smoothed over a seam."""
    edges, edge_of_face = _edges(uv_faces)
    return np.concatenate([uv, uv[edges].mean(1)]).astype(np.float32), _split(uv_faces, edge_of_face + len(uv))


def _edges(faces: Ints) -> tuple[Ints, Ints]:
    """(E, 2) unique edges and (F, 3) which edge lies between corners 0-1, 1-2, 2-0 of each face."""
    pairs = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return edges.astype(np.int32), inverse.reshape(-1, 3).astype(np.int32)


def _entries(
    faces: Ints, vertex_count: int, edges: Ints, edge_of_face: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows, columns and values of the matrix: first the moved old vertices, then one new vertex an edge."""
    edge_rows = vertex_count + np.arange(len(edges))
    uses = np.bincount(edge_of_face.ravel(), minlength=len(edges))
    inner = uses == 2
    ends = np.where(inner, 0.375, 0.5)
    opposite_rows = vertex_count + edge_of_face.ravel()
    opposite = faces[:, [2, 0, 1]].ravel()
    beside = np.where(inner[edge_of_face.ravel()], 0.125, 0.0)
    border = edges[~inner]
    on_border = np.zeros(vertex_count, bool)
    on_border[border.ravel()] = True
    valence = np.maximum(np.bincount(edges.ravel(), minlength=vertex_count), 1).astype(float)
    beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / valence)) ** 2) / valence
    own = np.where(on_border, 0.75, 1 - valence * beta)
    around = np.where(on_border, 0.0, beta)
    along = np.full(2 * len(border), 0.125)
    rows = [edge_rows, edge_rows, opposite_rows, np.arange(vertex_count), edges[:, 0], edges[:, 1], *border.T]
    columns = [edges[:, 0], edges[:, 1], opposite, np.arange(vertex_count), edges[:, 1], edges[:, 0], *border.T[::-1]]
    weights = [ends, ends, beside, own, around[edges[:, 0]], around[edges[:, 1]], *np.split(along, 2)]
    return (
        np.concatenate(rows).astype(np.int64),
        np.concatenate(columns).astype(np.int64),
        np.concatenate(weights),
    )


def _split(faces: Ints, middles: Ints) -> Ints:
    a, b, c = faces.T
    ab, bc, ca = middles.T
    quads = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1)
    return np.ascontiguousarray(quads.reshape(-1, 3).astype(np.int32))
