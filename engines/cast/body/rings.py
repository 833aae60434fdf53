"""Edge loops around an opening of the body: the mesh there is a grid of rings and columns, found by its topology."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def rings_around(rest: Floats, faces: Ints, inside: NDArray[np.bool_], start: Ints, depths: tuple[int, int]) -> Ints:
    """The rings on both sides of a closed loop of vertices.

    Args:
        rest: (V, 3) float32; breaks the tie between the two ways a quad can be cut into triangles.
        faces: (F, 3) int32.
        inside: (V,) bool, vertices on the inner side of the loop (the loop itself included or not).
        start: (C,) int32, the vertices of the loop in any order.
        depths: how many rings to walk inwards and outwards.

    Returns:
        (inwards + 1 + outwards, C) int32: row `inwards` is the loop, the last row the outermost ring, and neighbours
        along a column are joined by an edge.

    """
    pairs = _directed_edges(faces)
    first = _in_order(pairs, start)
    rows = [first]
    for inwards, depth in ((True, depths[0]), (False, depths[1])):
        seen = np.zeros(len(rest), bool)
        seen[first] = True
        ring, walked = first, []
        for _ in range(depth):
            ring = _next_ring(rest, pairs, ring, seen, allowed=inside if inwards else ~inside)
            walked.append(ring)
        rows = walked[::-1] + rows if inwards else rows + walked
    return np.stack(rows).astype(np.int32)


def _directed_edges(faces: Ints) -> Ints:
    pairs = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    return np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0).astype(np.int32)


def _in_order(pairs: Ints, members: Ints) -> Ints:
    """Vertices of one loop, each joined to the next."""
    inner = pairs[np.isin(pairs[:, 0], members) & np.isin(pairs[:, 1], members)]
    after: dict[int, list[int]] = {}
    for a, b in inner.tolist():
        after.setdefault(a, []).append(b)
    chain = [int(members.min())]
    taken = set(chain)
    while True:
        free = [v for v in after[chain[-1]] if v not in taken]
        if not free:
            break
        chain.append(free[0])
        taken.add(free[0])
    if len(chain) != len(members):
        raise ValueError("The vertices do not form one closed loop.")
    return np.array(chain, np.int32)


def _next_ring(rest: Floats, pairs: Ints, ring: Ints, seen: NDArray[np.bool_], *, allowed: NDArray[np.bool_]) -> Ints:
    leaving = pairs[np.isin(pairs[:, 0], ring)]
    leaving = leaving[allowed[leaving[:, 1]] & ~seen[leaving[:, 1]]]
    members = np.unique(leaving[:, 1])
    seen[members] = True
    ordered = _in_order(pairs, members.astype(np.int32))
    joined = {(int(a), int(b)) for a, b in leaving}
    best, best_score = ordered, (-1.0, 0.0)
    for way in (ordered, ordered[::-1]):
        for shift in range(len(ordered)):
            turned = np.roll(way, shift)
            touching = sum((int(a), int(b)) in joined for a, b in zip(ring, turned, strict=True))
            length = float(np.linalg.norm(rest[ring] - rest[turned], axis=1).sum())
            if (score := (float(touching), -length)) > best_score:
                best, best_score = turned, score
    return best


@dataclass(frozen=True, slots=True, eq=False)
class Facing:
    """Which columns around an opening lie above it and which below, and how far along each lies.

    Attributes:
        upper: (U,) int32, columns from the first corner to the second, both included.
        lower: (L,) int32, the same below.
        along: (C,) float64, 0 at the first corner to 1 at the second, by arc length of the edge.
        above: (C,) float64, 1 above, -1 below, 0 at a corner.

    """

    upper: Ints
    lower: Ints
    along: NDArray[np.float64]
    above: NDArray[np.float64]

    @classmethod
    def between(cls, edge: Floats, first: int, second: int, *, opened: Floats | None = None) -> Facing:
        """From the (C, 3) edge ring and the columns of its two corners.

        A closed opening does not tell which side is above: `opened` is the same ring where it stands open.
        """
        heights = (edge if opened is None else opened)[:, 2]
        count = len(edge)
        one = np.arange(first, first + (second - first) % count + 1) % count
        two = np.arange(first, first - (first - second) % count - 1, -1) % count
        upper, lower = (one, two) if heights[one].mean() > heights[two].mean() else (two, one)
        along, above = np.zeros(count), np.zeros(count)
        for chain, sign in ((upper, 1.0), (lower, -1.0)):
            steps = np.linalg.norm(np.diff(edge[chain].astype(np.float64), axis=0), axis=1)
            along[chain] = np.r_[0.0, np.cumsum(steps)] / steps.sum()
            above[chain[1:-1]] = sign
        return cls(upper.astype(np.int32), lower.astype(np.int32), along, above)

    def at(self, values: NDArray[np.float64], chain: Ints, along: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, k) values (C, k) of one side, interpolated at places along it."""
        return np.stack([np.interp(along, self.along[chain], column[chain]) for column in values.T], axis=1)

    def partners(self) -> tuple[Ints, Ints, Floats]:
        """Of each column the two columns of the other side that it lies between, and the weight of the second, (C,)."""
        first, second, share = (np.zeros(len(self.along)) for _ in range(3))
        for mine, other in ((self.upper, self.lower), (self.lower, self.upper)):
            place = np.interp(self.along[mine], self.along[other], np.arange(len(other)))
            low = np.minimum(place.astype(int), len(other) - 2)
            first[mine], second[mine], share[mine] = other[low], other[low + 1], place - low
        return first.astype(np.int32), second.astype(np.int32), share.astype(np.float32)
