"""The body as a radius around an axis: a cheap signed distance that keeps thousands of hairs out of the skin.

Every slice of head, neck and shoulders is star-shaped around an axis that runs up the neck and ends in the middle of
the skull, so one picture of radii over (azimuth, height along the axis) holds the surface. First-order distance: the
radial gap divided by the length of the implicit function's gradient (Taubin 1994, "Distance approximations for
rasterizing implicit curves", section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.parts.piece import unit
from mien.engines.cast.parts.scalp import ear_mask, head_centre

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_AZIMUTHS = 120
_CELL_M = 0.004
#: An angle above the skull's middle counts as this length, so that both halves of the picture have one unit.
_SKULL_M = 0.1
_LOWEST_M = -0.33
_ROWS = int((_SKULL_M * np.pi / 2 - _LOWEST_M) / _CELL_M) + 1
#: The neck leans back by so much below the skull's middle.
_LEAN = 0.12
_STEP_M = 0.003


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """A body's radii around its axis.

    Attributes:
        centre: (3,) float32, the middle of the skull, the axis's upper end, m.
        radii: (_ROWS, _AZIMUTHS + 1) float32, m; rows go up, the first column is the back.

    """

    centre: Floats
    radii: Floats

    def place(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Azimuth (rad, 0 in front, positive to the person's left), height and radius (m) of (N, 3) points."""
        offset = points - self.centre
        below = np.minimum(offset[:, 2], 0.0)
        x, y = offset[:, 0], offset[:, 1] + _LEAN * below
        flat = np.hypot(x, y)
        up = np.maximum(offset[:, 2], 0.0)
        height = np.where(below < 0.0, below, _SKULL_M * np.arctan2(up, np.maximum(flat, 1e-6)))
        return (
            np.arctan2(x, -y).astype(np.float32),
            height.astype(np.float32),
            np.hypot(flat, up).astype(np.float32),
        )

    def turned(self, points: Floats, azimuth: Floats) -> Floats:
        """(N, 3) points moved around the axis to other azimuths (rad), at the same height and radius."""
        offset = points - self.centre
        lean = _LEAN * np.minimum(offset[:, 2], 0.0)
        flat = np.hypot(offset[:, 0], offset[:, 1] + lean)
        place = np.stack([flat * np.sin(azimuth), -flat * np.cos(azimuth) - lean, offset[:, 2]], axis=1)
        return np.asarray(self.centre + place, dtype=np.float32)

    def gap(self, points: Floats) -> tuple[Floats, Floats]:
        """Signed distance (N,) in m, positive outside, and (N, 3) unit way out, at (N, 3) points."""
        value = self._over(points)
        steps = _STEP_M * np.eye(3, dtype=np.float32)
        slope = np.stack([self._over(points + step) - value for step in steps], axis=1) / _STEP_M
        length = np.maximum(np.linalg.norm(slope, axis=1), 0.5)
        return np.asarray(value / length, dtype=np.float32), unit(slope.astype(np.float32))

    def lifted(self, points: Floats, least: Floats | float) -> Floats:
        """(N, 3) points, those nearer than `least` m (or inside) moved out to that distance."""
        out = np.array(points, np.float32)
        near = np.flatnonzero(self._over(out) < np.asarray(least) * 3.0)
        floor = np.broadcast_to(np.asarray(least, np.float32), (len(out),))[near]
        for _ in range(2):
            distance, way = self.gap(out[near])
            out[near] += way * np.maximum(floor - distance, 0.0)[:, None]
        return out

    def _over(self, points: Floats) -> Floats:
        azimuth, height, radius = self.place(points)
        return np.asarray(radius - sampled(self.radii, azimuth, height), dtype=np.float32)


def envelope(body: Body, *, ears: bool) -> Envelope:
    """The envelope of a body; without ears, hair lies on the skull behind them as if they were not there."""
    faces = body.faces[body.parts == SKIN]
    if not ears:
        faces = faces[ear_mask(body)[faces].max(1) < 0.35]
    corners = body.rest[faces]
    # Corners, middles of edges and the middle: closer than the picture's cells.
    samples = np.concatenate([*corners.swapaxes(0, 1), *((corners + np.roll(corners, 1, 1)) / 2).swapaxes(0, 1)])
    frame = Envelope(head_centre(body), np.zeros((1, 1), np.float32))
    azimuth, height, radius = frame.place(samples)
    row, column = _cells(azimuth, height)
    inside = (row >= 0) & (row < _ROWS)
    radii = np.zeros((_ROWS, _AZIMUTHS), np.float32)
    np.maximum.at(radii, (row[inside].astype(int), column[inside].astype(int) % _AZIMUTHS), radius[inside])
    radii = _filled(radii)
    return Envelope(frame.centre, closed(_eased_over_ears(radii) if ears else radii))


def grid_of(azimuth: Floats, height: Floats, radius: Floats, share: float) -> Floats:
    """(_ROWS, _AZIMUTHS + 1): a high quantile of the points' radii in each cell, spread into the empty ones."""
    row, column = _cells(azimuth, height)
    cell = np.clip(row, 0, _ROWS - 1).astype(int) * _AZIMUTHS + column.astype(int) % _AZIMUTHS
    order = np.lexsort((radius, cell))
    first, counts = np.unique(cell[order], return_index=True)[1], np.bincount(cell, minlength=_ROWS * _AZIMUTHS)
    used = np.flatnonzero(counts)
    radii = np.zeros(_ROWS * _AZIMUTHS, np.float32)
    radii[used] = radius[order][first + ((counts[used] - 1) * share).astype(int)]
    return closed(_filled(radii.reshape(_ROWS, _AZIMUTHS)))


def sampled(grid: Floats, azimuth: Floats, height: Floats) -> Floats:
    """(N,) float32: a picture over azimuth (rad) and height (m), read between its cells."""
    row, column = _cells(azimuth, height)
    row = np.clip(row - 0.5, 0.0, _ROWS - 1.001)
    column = np.mod(column - 0.5, _AZIMUTHS)
    low, left = row.astype(np.int32), np.minimum(column.astype(np.int32), _AZIMUTHS - 1)
    up, right = row - low, column - left
    flat = grid.ravel()
    at = low * (_AZIMUTHS + 1) + left
    bottom = flat[at] * (1 - right) + flat[at + 1] * right
    top = flat[at + _AZIMUTHS + 1] * (1 - right) + flat[at + _AZIMUTHS + 2] * right
    return np.asarray(bottom * (1 - up) + top * up, dtype=np.float32)


def closed(radii: Floats) -> Floats:
    """The picture with its first column again at the end, so that reading needs no wrap."""
    return np.ascontiguousarray(np.concatenate([radii, radii[:, :1]], axis=1))


def _cells(azimuth: Floats, height: Floats) -> tuple[Floats, Floats]:
    column = (azimuth / np.float32(2 * np.pi) + 0.5) * _AZIMUTHS
    return (height - np.float32(_LOWEST_M)) / np.float32(_CELL_M), column


def _eased_over_ears(radii: Floats) -> Floats:
    """Ears as low hills: over their steep edges hair would part to both sides."""
    wide = np.concatenate([radii, radii, radii], axis=1)
    hill = cv2.GaussianBlur(cv2.dilate(wide, np.ones((5, 5), np.uint8)), (0, 0), 2.2)[:, _AZIMUTHS : 2 * _AZIMUTHS]
    side = np.abs(np.degrees((np.arange(_AZIMUTHS) + 0.5) / _AZIMUTHS * 2 * np.pi - np.pi))
    height = (np.arange(_ROWS) + 0.5) * _CELL_M + _LOWEST_M
    beside = np.clip((side - 50.0) / 10.0, 0.0, 1.0) * np.clip((125.0 - side) / 15.0, 0.0, 1.0)
    level = np.clip((height + 0.1) / 0.03, 0.0, 1.0) * np.clip((0.05 - height) / 0.03, 0.0, 1.0)
    share = level[:, None] * beside[None]
    return np.asarray(radii + share * np.maximum(hill - radii, 0.0), dtype=np.float32)


def _filled(radii: Floats) -> Floats:
    """Empty cells take a blurred mean of their neighbours, over wider and wider windows."""
    wide = np.concatenate([radii, radii, radii], axis=1)
    for size in (3, 7, 15, 31, 63):
        empty = wide <= 0.0
        if not empty.any():
            break
        total = cv2.blur(wide, (size, size), borderType=cv2.BORDER_REPLICATE)
        share = cv2.blur((~empty).astype(np.float32), (size, size), borderType=cv2.BORDER_REPLICATE)
        wide = np.where(empty & (share > 0.0), total / np.maximum(share, 1e-6), wide).astype(np.float32)
    count = radii.shape[1]
    return np.ascontiguousarray(cv2.GaussianBlur(wide, (0, 0), 0.7)[:, count : 2 * count])
