"""Draw a triangle mesh as a map of texture coordinates, without a loop over triangles.

The map is drawn on a coarse grid and enlarged: inside the face it is smooth, and where it is not (eyes, mouth) other
layers lie on top with outlines of their own. All candidate pixels of all triangles are listed at once, tested against
the three edges, and written in order of depth, far to near, so that the nearest wins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats

#: How far over an edge a pixel's centre may lie, as a share of the triangle: closes hairline gaps.
_EDGE_SLACK = 1e-3


def draw_map(
    points: Floats, texture: Floats, triangles: NDArray[np.int32], size: tuple[int, int], step: int
) -> tuple[Floats, Floats]:
    """Texture coordinates for every pixel of a picture.

    Args:
        points: (N, 3) float32, vertices in the picture, px; z grows away from the camera.
        texture: (N, 2) float32, the same vertices in the texture, px.
        triangles: (T, 3) int32; those that turn the wrong way in the picture are not drawn.
        size: (width, height) of the picture, px.
        step: px for each cell of the coarse grid.

    Returns:
        Two float32 maps (height, width), x and y in the texture, for `cv2.remap`. Pixels that no triangle covers
        get the affine map that fits all vertices best.

    """
    width, height = size
    cells = (-(-width // step), -(-height // step))
    # Imported here: OpenCV is not on every GPU host, where `draw_cells` serves training alone.
    import cv2

    # Centre of a cell in px is (i + 0.5) * step - 0.5, which is also how cv2.resize places its samples.
    coarse = np.asarray((points[:, :2] + 0.5) / step - 0.5, np.float32)
    mapped, _ = draw_cells(np.column_stack([coarse, points[:, 2]]), texture, triangles, cells)
    wide = (cells[0] * step, cells[1] * step)
    map_x = cv2.resize(mapped[0], wide, interpolation=cv2.INTER_LINEAR)[:height, :width]
    map_y = cv2.resize(mapped[1], wide, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return map_x, map_y


def draw_cells(
    points: Floats, texture: Floats, triangles: NDArray[np.int32], cells: tuple[int, int]
) -> tuple[Floats, NDArray[np.int32]]:
    """Texture coordinates for every cell of a grid.

    Args:
        points: (N, 3) float32, vertices, cells; the middle of the first cell is (0, 0), z grows away from the camera.
        texture: (N, 2) float32, the same vertices in the texture.
        triangles: (T, 3) int32; those that turn the wrong way in the picture are not drawn.
        cells: (columns, rows) of the grid.

    Returns:
        (2, rows, columns) float32 places in the texture, and (rows, columns) int32, which triangle is seen there; -1
        where none is, and the place is by the affine map that fits all vertices best.

    """
    owner = _draw_owners(points[:, :2], points[:, 2], triangles, cells)
    return _apply(owner, points[:, :2], texture, triangles, cells), owner.reshape(cells[1], cells[0])


def _draw_owners(
    points: Floats, depth: Floats, triangles: NDArray[np.int32], cells: tuple[int, int]
) -> NDArray[np.int32]:
    """(cells_y * cells_x,) int32: which triangle is nearest at each cell's centre, -1 for none."""
    columns, rows = cells
    owner = np.full(columns * rows, -1, np.int32)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)), 0).astype(np.int32)
    high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)), np.array([columns - 1, rows - 1])).astype(np.int32)
    span = np.maximum(high - low + 1, 0)
    # The canonical face's triangles have negative area in picture axes when they face the camera.
    seen = np.flatnonzero((area < -1e-6) & (span[:, 0] > 0) & (span[:, 1] > 0))
    if not len(seen):
        return owner
    seen = seen[np.argsort(-depth[triangles[seen]].sum(axis=1), kind="stable")]
    count = span[seen, 0] * span[seen, 1]
    slot = np.repeat(np.arange(len(seen), dtype=np.int32), count)
    within = np.arange(len(slot), dtype=np.int32) - np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    row = within // span[seen, 0][slot]
    edges, x0, y0 = _edges(a[seen], b[seen], c[seen], area[seen]), low[seen, 0], low[seen, 1]
    x, y = within - row * span[seen, 0][slot] + x0[slot], row + y0[slot]
    first = edges[0][slot] * x + edges[1][slot] * y + edges[2][slot]
    second = edges[3][slot] * x + edges[4][slot] * y + edges[5][slot]
    inside = (first >= -_EDGE_SLACK) & (second >= -_EDGE_SLACK) & (first + second <= 1 + _EDGE_SLACK)
    owner[(y * columns + x)[inside]] = seen[slot[inside]]
    return owner


def _edges(a: Floats, b: Floats, c: Floats, area: Floats) -> Floats:
    """(6, T) float32: coefficients of x, y and 1 for the weights of `b` and `c` (barycentric coordinates)."""
    inverse = 1 / area
    to_b = ((c[:, 1] - a[:, 1]) * inverse, -(c[:, 0] - a[:, 0]) * inverse)
    to_c = (-(b[:, 1] - a[:, 1]) * inverse, (b[:, 0] - a[:, 0]) * inverse)
    rows = [*to_b, -(to_b[0] * a[:, 0] + to_b[1] * a[:, 1]), *to_c, -(to_c[0] * a[:, 0] + to_c[1] * a[:, 1])]
    return np.stack(rows).astype(np.float32)


def _apply(
    owner: NDArray[np.int32], points: Floats, texture: Floats, triangles: NDArray[np.int32], cells: tuple[int, int]
) -> Floats:
    """(2, cells_y, cells_x) float32: each cell's texture place by its owner's affine map."""
    columns, rows = cells
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    edges = _edges(a, b, c, np.where(np.abs(area) < 1e-9, np.float32(1e-9), area))
    ta, tb, tc = (texture[triangles[:, k]].T for k in range(3))
    # One affine for each triangle, and at the end (index -1) the one for uncovered cells.
    affine = np.empty((2, 3, len(triangles) + 1), np.float32)
    for axis in range(2):
        along_b, along_c = tb[axis] - ta[axis], tc[axis] - ta[axis]
        affine[axis, :, :-1] = edges[:3] * along_b + edges[3:] * along_c
        affine[axis, 2, :-1] += ta[axis]
    # Least squares by the normal equations: lstsq took a tenth of the whole map's time.
    design = np.column_stack([points, np.ones(len(points))])
    affine[:, :, -1] = np.linalg.solve(design.T @ design + np.eye(3) * 1e-6, design.T @ texture).T
    x = np.tile(np.arange(columns, dtype=np.float32), rows)
    y = np.repeat(np.arange(rows, dtype=np.float32), columns)
    picked = affine[:, :, owner]
    mapped: Floats = picked[:, 0] * x + picked[:, 1] * y + picked[:, 2]
    return mapped.reshape(2, rows, columns)
