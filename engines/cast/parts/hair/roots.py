"""Where hairs stand: roots drawn over the scalp by density, and the locks that gather them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.parts.piece import Anchors, unit, vertex_normals
from mien.engines.cast.parts.scalp import Hairline, ear_mask

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """Roots on the scalp.

    Attributes:
        points: (S, 3) float32, m.
        normals: (S, 3) float32, unit, out of the skin.
        density: (S,) float32 0..1, how densely hair grows there: low along the hairline.

    """

    points: Floats
    normals: Floats
    density: Floats

    def __len__(self) -> int:
        """How many there are."""
        return len(self.points)

    def only(self, chosen: NDArray[np.bool_] | Ints) -> Roots:
        """Some of them."""
        return Roots(self.points[chosen], self.normals[chosen], self.density[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Points scattered over the skin.

    Attributes:
        points: (N, 3) float32, m.
        normals: (N, 3) float32, unit.
        corners: (N, 3) int32, the triangle of each, vertices of the body.
        bary: (N, 3) float32, its place there.

    """

    points: Floats
    normals: Floats
    corners: Ints
    bary: Floats

    def only(self, chosen: NDArray[np.bool_] | Ints) -> Spots:
        """Some of them."""
        return Spots(self.points[chosen], self.normals[chosen], self.corners[chosen], self.bary[chosen])

    def anchors(self, each: int) -> Anchors:
        """Anchors of pieces that have so many points at each spot, one after the other."""
        return Anchors(np.repeat(self.corners, each, axis=0), np.repeat(self.bary, each, axis=0))


def scattered(body: Body, faces: Ints, count: int, rng: np.random.Generator) -> Spots:
    """`count` points, evenly by area over (F, 3) faces of the body."""
    normals = vertex_normals(body.rest, body.faces)
    corners = body.rest[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = faces[np.minimum(np.searchsorted(np.cumsum(area) / area.sum(), _even(count, rng)), len(faces) - 1)]
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    bary = np.stack([1 - u, u * (1 - v), u * v], axis=1).astype(np.float32)
    points = (body.rest[chosen] * bary[:, :, None]).sum(1)
    out = unit((normals[chosen] * bary[:, :, None]).sum(1))
    return Spots(points.astype(np.float32), out, chosen.astype(np.int32), bary)


def sow(body: Body, line: Hairline, count: int, rng: np.random.Generator) -> Roots:
    """About `count` roots over the scalp, evenly by area and thinning out at the hairline."""
    faces = body.faces[body.parts == SKIN]
    faces = faces[(line.above(body.rest)[faces].max(1) > -6.0) & (ear_mask(body)[faces].max(1) < 0.4)]
    # On the line many points are thrown away again, so a few more are drawn.
    spots = scattered(body, faces, int(count * 1.12), rng)
    density = line.grown(spots.points)
    keep = rng.random(len(spots.points)) < density
    return Roots(spots.points[keep], spots.normals[keep], density[keep])


def sow_edge(body: Body, line: Hairline, count: int, rng: np.random.Generator) -> Roots:
    """Roots of the fine short hairs that stand along the hairline and a little before it."""
    many = sow(body, line, count * 14, rng)
    above = line.above(many.points) + rng.normal(0.0, 0.8, len(many))
    edge = np.flatnonzero((above > -2.5) & (above < 2.2))
    return many.only(np.sort(rng.permutation(edge)[:count]).astype(np.int32))


def gathered(roots: Roots, count: int, rng: np.random.Generator) -> tuple[Roots, Ints]:
    """`count` locks among the roots, spread out, and for each root the index of the nearest one."""
    seeds = rng.permutation(len(roots))[:count]
    members = nearest_of(roots.points, roots.points[seeds])
    # One step of Lloyd's relaxation: the locks become alike in size.
    total = np.maximum(np.bincount(members, minlength=len(seeds)), 1)[:, None]
    middle = np.stack([np.bincount(members, roots.points[:, axis], len(seeds)) for axis in range(3)], axis=1) / total
    heads = nearest_of(middle.astype(np.float32), roots.points)
    return roots.only(heads), nearest_of(roots.points, roots.points[heads])


def nearest_of(points: Floats, targets: Floats) -> Ints:
    """(N,) int32: for each point the nearest of a set, found in blocks of one matrix product each."""
    middle = targets.mean(0)
    points, targets = points - middle, targets - middle
    half = 0.5 * (targets**2).sum(1)
    out = np.empty(len(points), np.int32)
    for start in range(0, len(points), 2048):
        block = slice(start, start + 2048)
        out[block] = np.argmax(points[block] @ targets.T - half, axis=1)
    return out


def _even(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sorted numbers 0..1, one in each of `count` equal steps: fewer bald spots than free draws leave."""
    return (np.arange(count) + rng.random(count)) / count
