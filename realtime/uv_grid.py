"""The face's skin as a square grid of cells that stay on the same skin through expression and pose.

Cells lie in the canonical face's UV square; a cell's place in a picture is the barycentric mean of its triangle's
landmarks. Eyes and lips are left out, because what is seen there changes, and so is the outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats
from mien.realtime.head import head_model

#: Cells along each side of the UV square.
GRID_SIDE: Final = 48

Bools = NDArray[np.bool_]

# Outlines, as landmarks in order, of what is left out: the lips and both eyes.
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
EYES: Final = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)


@dataclass(frozen=True, slots=True, eq=False)
class UvGrid:
    """The n cells on skin (about 1,150). Arrays over cells are in the order of `index`.

    Attributes:
        index: (n,) place of each cell in the flattened grid, row by row from the forehead.
        triangle: (n,) the canonical triangle each lies in.
        corners: (n, 3) that triangle's landmarks.
        weights: (n, 3) float32 barycentric weights.
        plane: (n, 3) float32: 1 and the cell's x and y in -1..1.
        triangles: (t, 3) the canonical triangles.

    """

    index: NDArray[np.int64]
    triangle: NDArray[np.int64]
    corners: NDArray[np.int32]
    weights: Floats
    plane: Floats
    triangles: NDArray[np.int32]

    def points(self, landmarks: Floats) -> Floats:
        """(n, 2) float32 places of the cells for (468, 2) landmarks."""
        return np.asarray(np.einsum("nk,nkc->nc", self.weights, landmarks.take(self.corners, axis=0)), np.float32)

    def facing(self, landmarks: Floats) -> Floats:
        """(n,) float32: how far each cell faces the camera, -1..1, for (468, 3) landmarks."""
        # Each axis on its own, in one piece: a third of the time.
        corner, a, b = landmarks.T.take(self.triangles.T, axis=1).transpose(1, 0, 2)
        a, b = a - corner, b - corner
        x = a[1] * b[2] - a[2] * b[1]
        y = a[2] * b[0] - a[0] * b[2]
        z = a[0] * b[1] - a[1] * b[0]
        # z grows away from the camera, so a normal towards it is negative.
        return np.asarray((-z / (np.sqrt(x * x + y * y + z * z) + 1e-6)).take(self.triangle), np.float32)

    def image(self, cells: Bools) -> Floats:
        """(48, 48) float32 picture of (n,) cells; 0 elsewhere."""
        flat = np.zeros(GRID_SIDE * GRID_SIDE, np.float32)
        flat[self.index] = cells
        return flat.reshape(GRID_SIDE, GRID_SIDE)

    def values(self, image: Floats) -> Floats:
        """(n,) values of a (48, 48) picture at the cells."""
        return np.asarray(image.ravel()[self.index], np.float32)

    def cells(self, flat: Bools) -> Bools:
        """(n,) values of a flattened grid at the cells."""
        return np.asarray(flat[self.index], np.bool_)

    def grown(self, cells: Bools, side: int) -> Bools:
        """(n,) cells within a square of `side` cells around any of `cells`."""
        return self.values(np.asarray(cv2.dilate(self.image(cells), np.ones((side, side), np.uint8)))) > 0

    def closed(self, cells: Bools) -> NDArray[np.uint8]:
        """(48, 48) uint8 picture, 255 for `cells` and for the gaps between them."""
        image = np.asarray(self.image(cells) * 255, np.uint8)
        return np.asarray(cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)

    def patches(self, image: NDArray[np.uint8], least: int) -> NDArray[np.int32]:
        """Flattened grid of the connected patches of at least `least` cells: each one's number, 0 elsewhere."""
        _, labels, stats, _ = cv2.connectedComponentsWithStats(image, connectivity=8)
        wanted = stats[:, cv2.CC_STAT_AREA] >= least
        wanted[0] = False
        return np.asarray(np.where(wanted[labels], labels, 0).ravel(), np.int32)


@cache
def uv_grid() -> UvGrid:
    """The grid; made once, its arrays are read-only."""
    head = head_model()
    corners_px = (head.uv * np.array([GRID_SIDE, -GRID_SIDE]) + [0, GRID_SIDE]).astype(np.float32)
    covered = np.zeros((GRID_SIDE, GRID_SIDE), np.uint8)
    for triangle in head.triangles:
        cv2.fillConvexPoly(covered, np.rint(corners_px[triangle] * 256).astype(np.int32), 1, shift=8)
    square = np.ones((5, 5), np.uint8)
    usable = cv2.erode(covered, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    left_out = np.zeros((GRID_SIDE, GRID_SIDE), np.uint8)
    for outline in (_LIPS, *EYES):
        cv2.fillPoly(left_out, [np.rint(corners_px[list(outline)]).astype(np.int32)], 1)
    usable[cv2.dilate(left_out, np.ones((3, 3), np.uint8)) > 0] = 0
    rows, columns = np.nonzero(usable)
    places = np.stack([columns + 0.5, rows + 0.5], axis=1)
    triangle, weights = _located(places, corners_px[head.triangles])
    corners = head.triangles[triangle]
    half = GRID_SIDE / 2
    plane = np.stack([np.ones(len(rows)), columns / half - 1, rows / half - 1], axis=1).astype(np.float32)
    grid = UvGrid(rows * GRID_SIDE + columns, triangle, corners, weights, plane, head.triangles)
    for array in (grid.index, grid.triangle, grid.corners, grid.weights, grid.plane):
        array.flags.writeable = False
    return grid


def _located(places: NDArray[np.float64], corners: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The triangle of (t, 3, 2) that each of (n, 2) places lies in, and its (n, 3) float32 barycentric weights."""
    a, b, c = (corners[None, :, k].astype(np.float64) for k in range(3))
    at = places[:, None]
    area = _cross(b - a, c - a)
    weights = np.stack([_cross(b - at, c - at), _cross(c - at, a - at), _cross(a - at, b - at)], axis=2)
    weights /= area[..., None]
    triangle = weights.min(axis=2).argmax(axis=1)
    return triangle, np.asarray(weights[np.arange(len(places)), triangle], np.float32)


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0], np.float64)
