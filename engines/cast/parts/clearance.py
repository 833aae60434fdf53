"""How much room there is about a head: its front and its sides as reliefs, and where its ears are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.parts.scalp import ear_mask

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_CELL_M = 0.0015
_COARSE_M = 0.004
#: Expressions that lift skin towards a frame; a worn thing keeps clear of each of them, at this strength.
_STRENGTH = 0.5
_LIFTING: tuple[tuple[str, ...], ...] = (
    (),
    ("cheekSquint", "mouthSmile", "noseSneer"),
    ("browDown",),
    ("browOuterUp", "eyeWide"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """How far a surface stands out, over a plane.

    Attributes:
        low: (2,) float32, the plane's coordinates of the first cell, m.
        values: (R, C) float32, the greatest height in each cell, m; rows run along the second coordinate.
        cell_m: side of a cell.

    """

    low: Floats
    values: Floats
    cell_m: float = _CELL_M

    def __call__(self, first: Floats, second: Floats) -> Floats:
        """Heights (m) at coordinates of the plane; beyond its border, the border's."""
        grid = np.stack([first - self.low[0], second - self.low[1]], -1) / self.cell_m - 0.5
        shape = np.array(self.values.shape)[::-1]
        grid = np.clip(grid, 0.0, shape - 1.001)
        whole = grid.astype(np.int64)
        share = grid - whole
        (c, r), (s, t) = (whole[..., 0], whole[..., 1]), (share[..., 0], share[..., 1])
        v = self.values
        low = v[r, c] * (1 - s) + v[r, c + 1] * s
        high = v[r + 1, c] * (1 - s) + v[r + 1, c + 1] * s
        return np.asarray(low * (1 - t) + high * t, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Ear:
    """One ear at rest, m.

    Attributes:
        top: (3,) float32, where its upper root meets the skull: a temple rests there.
        centre: (3,) float32, its middle, on the skull's surface.
        canal: (3,) float32, the hollow where an earbud sits.
        size: (2,) float32, half its depth (y) and half its height (z).

    """

    top: Floats
    centre: Floats
    canal: Floats
    size: Floats


def front_relief(body: Body, *, lifted: bool = True) -> Relief:
    """Over (x, z): how far the face stands out (-y), at rest or over all expressions that lift skin to a frame."""
    eyes = body.brow_centre
    faces = body.faces[body.parts == SKIN]
    at = body.rest[faces].mean(1) - eyes
    faces = faces[(at[:, 1] < 0.06) & (np.abs(at[:, 2]) < 0.08)]
    values = None
    for names in _LIFTING if lifted else _LIFTING[:1]:
        points = body.posed(_both_sides(body, names))
        low = np.array([eyes[0] - 0.09, eyes[2] - 0.075], np.float32)
        relief = _splat(points[faces], (0, 2), -1.0, low, (120, 100))
        values = relief if values is None else np.maximum(values, relief)
    return Relief(low=low, values=np.asarray(values))


def whole_relief(body: Body) -> Relief:
    """Over (x, z): how far head, neck and shoulders stand out (-y), in coarse cells; empty space is far behind."""
    eyes = body.brow_centre
    low = np.array([eyes[0] - 0.24, eyes[2] - 0.36], np.float32)
    corners = body.rest[body.faces[body.parts == SKIN]]
    return Relief(low=low, values=_splat(corners, (0, 2), -1.0, low, (120, 130), _COARSE_M), cell_m=_COARSE_M)


def side_relief(body: Body, side: float) -> Relief:
    """Over (y, z): how far the skull without its ear stands out to a side (+1 left, -1 right), from the middle."""
    eyes = body.brow_centre
    ears = ear_points(body)
    faces = body.faces[(body.parts == SKIN) & ~ears[body.faces].any(1)]
    at = body.rest[faces].mean(1) - eyes
    faces = faces[(side * at[:, 0] > 0.01) & (np.abs(at[:, 2]) < 0.17) & (at[:, 1] > -0.04)]
    points = body.rest - np.array([eyes[0], 0, 0], np.float32)
    low = np.array([eyes[1] - 0.03, eyes[2] - 0.15], np.float32)
    return Relief(low=low, values=_splat(points[faces], (1, 2), side, low, (160, 200)))


def ear_points(body: Body) -> Flags:
    """(V,) bool: vertices of the ears, by MakeHuman's painted mask."""
    return np.asarray(ear_mask(body) > 0.5, dtype=np.bool_)


def ear(body: Body, side: float, *, relief: Relief | None = None) -> Ear:
    """The left (+1) or right (-1) ear."""
    outline = side_relief(body, side) if relief is None else relief
    eyes = body.brow_centre
    flags = ear_points(body) & (side * (body.rest[:, 0] - eyes[0]) > 0.0)
    points = body.rest[flags]
    low, high = points.min(0), points.max(0)
    faces = body.faces[flags[body.faces].any(1) & ~flags[body.faces].all(1)]
    rim = body.rest[np.unique(faces)]  # the seam between ear and skull
    top = rim[np.argmax(rim[:, 2] - 0.35 * np.abs(rim[:, 1] - low[1] - 0.3 * (high[1] - low[1])))]
    middle = (low + high) / 2
    # The canal opens a little before and below the middle, and its hollow is the deepest skin there.
    hollow = np.array([middle[0], low[1] + 0.33 * (high[1] - low[1]), low[2] + 0.42 * (high[2] - low[2])], np.float32)
    near = points[np.linalg.norm((points - hollow)[:, 1:], axis=1) < 0.006]
    hollow[0] = near[np.argmin(side * near[:, 0]), 0] if len(near) else top[0]
    at = np.array([eyes[0] + side * float(outline(middle[1], middle[2])), middle[1], middle[2]], np.float32)
    return Ear(top=top.astype(np.float32), centre=at, canal=hollow, size=((high - low)[1:] / 2).astype(np.float32))


def _both_sides(body: Body, names: tuple[str, ...]) -> Floats:
    full = [f"{name}{side}" for name in names for side in ("Left", "Right")]
    return body.weights(dict.fromkeys(full, _STRENGTH))


def _splat(
    corners: Floats, axes: tuple[int, int], sign: float, low: Floats, shape: tuple[int, int],
    cell_m: float = _CELL_M,
) -> Floats:  # fmt: skip
    """(rows, columns) greatest `sign` times the third axis, over a grid of cells; empty cells take a neighbour's."""
    columns, rows = shape
    steps = np.array([(i, j) for i in range(4) for j in range(4 - i)], np.float32) / 3
    bary = np.concatenate([steps, 1 - steps.sum(1, keepdims=True)], 1)
    points = np.matmul(bary, corners).reshape(-1, 3)
    cell = ((points[:, axes] - low) / cell_m).astype(np.int64)
    inside = (cell >= 0).all(1) & (cell[:, 0] < columns) & (cell[:, 1] < rows)
    third = 3 - axes[0] - axes[1]
    values = np.full(rows * columns, -1.0, np.float32)
    np.maximum.at(values, cell[inside, 1] * columns + cell[inside, 0], sign * points[inside, third])
    grid = values.reshape(rows, columns)
    for _ in range(24 if cell_m == _CELL_M else 2):  # cells that no sample met, and the hole that an ear left
        if grid.min() > -1.0:
            break
        grid = np.where(grid > -1.0, grid, cv2.dilate(grid, np.ones((3, 3), np.uint8)))
    return np.asarray(grid, dtype=np.float32)
