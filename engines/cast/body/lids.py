"""Lids that fit the ball: opening at rest, exact closing, and a guard that keeps every pose off the ball.

MakeHuman's facial actions move vertices by nearly the same offsets in every identity, while eyes differ in width,
opening and tilt. So the lids' part of them is fitted again to each person. The mesh helps: around each eye it is a grid
of 56 columns and rings that run from the socket (negative numbers), over the lid's margin (3 to 5), to brow and cheek.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, SOCKET, Body, Eyeball, mean_body
from mien.engines.cast.body.gaze import IRIS_RADIUS_M
from mien.engines.cast.body.rings import Facing, rings_around

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

#: How far the cornea stands out of the ball at its middle, m, and where the bulge ends, in radii of the iris.
CORNEA_HEIGHT_M = 0.00035
CORNEA_REACH = 1.15

_IN, _OUT = 8, 24
_RINGS = np.arange(-_IN, _OUT + 1)
#: The margin's inner edge (touches the ball), its front edge (what is seen as the lid's line), its outer roll.
_INNER, _EDGE, _ROLL = 3, 4, 5
#: Heights over the ball, m, that the margin's rings keep: the lid is thin at the edge and thicker behind it.
_FLOOR = np.select([_RINGS == 3, _RINGS == 4, _RINGS == 5, _RINGS > 5], [0.00015, 0.0005, 0.0009, 0.0011], 0.0)
#: Rings below the margin stay this far inside the ball, so that no gap shows between lid and ball.
_SUNK_M = 0.00025
_SOFT_M = 0.00012
#: Where a blink's two edges meet: 0 at the lower lid, 1 at the upper (the lower lid rises about a fifth).
_MEET = 0.16
#: Resting opening as a share of the eye's width, and the range it is kept in, m (Price et al. 2009: 8 to 11 mm).
_OPENING_SHARE = 0.37
_OPENING_RANGE_M = (0.0083, 0.0108)
#: How far eyeWide may lift the upper lid, m: above the iris a startled eye shows 1 to 2 mm of white.
_WIDEST_M = 0.0028


@dataclass(frozen=True, slots=True, eq=False)
class LidGuard:
    """Keeps lids off the balls and off each other in any mix of actions.

    Attributes:
        index: (2, D, C) int32, vertices of the left and the right eye by ring and column.
        centre: (2, 3) float32, of the balls, m.
        radius: (2,) float32, m.
        floor: (D,) float32, least height over the ball by ring, m; rings below the margin have a ceiling instead.
        sunk: (D,) bool, the rings that stay inside the ball.
        give: (D,) float32, how much of a correction of the edge each ring follows.
        facing: (2, C) int32, the column of the other lid that each column meets, and
        facing_next: (2, C) int32, the next one, with
        facing_share: (2, C) float32, its weight.
        side: (2, C) float32, 1 upper lid, -1 lower, 0 the corners.

    """

    index: Ints
    centre: Floats
    radius: Floats
    floor: Floats
    sunk: NDArray[np.bool_]
    give: Floats
    facing: Ints
    facing_next: Ints
    facing_share: Floats
    side: Floats

    def settle(self, points: Floats, gaze: Floats | None = None) -> None:
        """Moves lids in place; call it before the head turns.

        Args:
            points: (V, 3) float32, the posed body in its own space, m.
            gaze: (2, 3) float32, unit directions of the left and the right eye: the lids then ride on the cornea.

        """
        lids = points[self.index]
        lids[..., 2] += self._crossing(lids)[:, None, :] * self.give[:, None]
        points[self.index] = self._off_ball(lids, gaze)

    def _crossing(self, lids: Floats) -> Floats:
        """(2, C) how far each column must rise so that the edges no longer overlap, m."""
        edge = lids[:, _EDGE - self._first, :, 2]
        rows = np.arange(2)[:, None]
        other = edge[rows, self.facing] * (1 - self.facing_share) + edge[rows, self.facing_next] * self.facing_share
        over = np.maximum((other - edge) * self.side, 0.0) * self.side
        return np.asarray(over * np.where(self.side > 0, 1 - _MEET, _MEET), dtype=np.float32)

    def _off_ball(self, lids: Floats, gaze: Floats | None) -> Floats:
        offset = lids - self.centre[:, None, None]
        distance = np.sqrt(np.einsum("edck,edck->edc", offset, offset))
        ball = np.broadcast_to(self.radius[:, None, None], distance.shape)
        if gaze is not None:
            cosine = np.einsum("edck,ek->edc", offset, gaze) / distance
            ball = ball + cornea_height(cosine, self.radius[:, None, None])
        over = distance - ball - self.floor[:, None]
        out = 0.5 * (over + np.sqrt(over * over + _SOFT_M**2)) - over
        sink = np.minimum(self.radius[:, None, None] - _SUNK_M - distance, 0.0)
        change = np.where(self.sunk[:, None], sink, out)
        return np.asarray(lids + offset * (change / distance)[..., None], dtype=np.float32)

    @property
    def _first(self) -> int:
        return -_IN


def cornea_height(cosine: Floats, radius_m: Floats | float) -> Floats:
    """How far the eye stands out of its sphere in directions whose cosine to the gaze is given, m."""
    reach = np.square(CORNEA_REACH * IRIS_RADIUS_M / np.asarray(radius_m))
    # The squared sine stands for the squared distance from the axis; the bulge is smooth where it ends.
    beyond = np.maximum(1.0 - (1.0 - cosine * cosine) / reach, 0.0)
    return np.asarray(np.where(cosine > 0, CORNEA_HEIGHT_M * beyond * beyond, 0.0), dtype=np.float32)


def fit_lids(body: Body) -> tuple[Body, LidGuard]:
    """Opens, seats and closes the lids of one person.

    Returns:
        The body with balls moved a little, rest and blinks corrected, and the edges' vertex chains set; and its guard.

    """
    grids = _grids()
    rest, deltas = body.rest.copy(), body.deltas.copy()
    eyes, pairs = [], []
    for grid, eye, side in zip(grids, body.eyes, ("Left", "Right"), strict=True):
        pair = _lids_of(rest[grid[_IN + _EDGE]])
        moved, wide = (deltas[body.actions.index(name + side)] for name in ("eyeBlink", "eyeWide"))
        wide *= min(1.0, _WIDEST_M / max(float(wide[grid[_IN + _EDGE], 2].max()), 1e-4))
        _open(rest, moved, grid, pair)
        seated = _seat_ball(rest, grid, pair, eye)
        _seat_lids(rest, grid, pair, seated)
        moved[grid] = _closing(rest[grid], moved[grid], pair, seated)
        upper, lower = grid[_IN + _EDGE][pair.upper], grid[_IN + _EDGE][pair.lower]
        eyes.append(replace(seated, upper=np.ascontiguousarray(upper), lower=np.ascontiguousarray(lower)))
        pairs.append(pair)
    fitted = replace(body, rest=rest, deltas=deltas, eyes=(eyes[0], eyes[1]))
    return fitted, _guard(fitted, grids, pairs)


def margin_rings(body: Body) -> list[tuple[Ints, Ints]]:
    """Of the left and the right lower lid: vertices of the margin's edge on the ball and of its front edge, (K,) each.

    Both run from the inner corner to the outer.
    """
    out = []
    for grid in _grids():
        lower = _lids_of(body.rest[grid[_IN + _EDGE]]).lower
        out.append((grid[_IN + _INNER][lower], grid[_IN + _EDGE][lower]))
    return out


@lru_cache(maxsize=1)
def _grids() -> Ints:
    """(2, D, C) int32: the vertices around the left and the right eye."""
    body = mean_body()
    socket = np.unique(body.faces[body.parts == SOCKET])
    seam = np.intersect1d(socket, np.unique(body.faces[body.parts == SKIN]))
    inside = np.zeros(len(body.rest), bool)
    inside[socket] = True
    left, right = seam[body.rest[seam, 0] > 0], seam[body.rest[seam, 0] < 0]
    return np.stack([rings_around(body.rest, body.faces, inside, loop, (_IN, _OUT)) for loop in (left, right)])


def _lids_of(edge: Floats) -> Facing:
    return Facing.between(edge, int(np.abs(edge[:, 0]).argmin()), int(np.abs(edge[:, 0]).argmax()))


def _fade(start: int, end: int) -> NDArray[np.float64]:
    """(D,) 1 up to ring `start`, smoothly 0 from ring `end`."""
    t = np.clip((_RINGS - start) / (end - start), 0.0, 1.0)
    return 1.0 - t * t * (3 - 2 * t)


def _bell(along: NDArray[np.float64], inner: float, outer: float) -> NDArray[np.float64]:
    """0 at the corners, 1 between: the widths of the two slopes are shares of the eye."""
    t = np.clip(np.minimum(along / inner, (1 - along) / outer), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))


def _opening(edge: Floats, pair: Facing) -> tuple[float, float]:
    """Height of the opening at its middle and z of the lower edge there, m."""
    middle = np.linspace(0.35, 0.65, 7)
    z = edge[:, 2:].astype(np.float64)
    low, high = pair.at(z, pair.lower, middle), pair.at(z, pair.upper, middle)
    return float((high - low).max()), float(low.min())


def _open(rest: Floats, blink: Floats, grid: Ints, pair: Facing) -> None:
    """Lifts the upper lid back along its own blink until the opening is a wakeful one."""
    edge = rest[grid[_IN + _EDGE]]
    width = float(np.linalg.norm(edge[pair.upper[0]] - edge[pair.upper[-1]]))
    now, _ = _opening(edge, pair)
    wanted = now + 0.7 * (_OPENING_SHARE * width - now)
    wanted = float(np.clip(wanted, *_OPENING_RANGE_M))
    travel = -float(blink[grid[_IN + _EDGE][pair.upper], 2].min())
    share = (now - wanted) / max(travel, 1e-4)
    weight = _fade(7, 20)[:, None] * (pair.above > 0) * _bell(pair.along, 0.3, 0.3)
    rest[grid] += (share * weight[..., None] * blink[grid]).astype(np.float32)


def _seat_ball(rest: Floats, grid: Ints, pair: Facing, eye: Eyeball) -> Eyeball:
    """Moves the ball so that the lower lid touches the iris and the middle of the margin lies on the ball."""
    edge = rest[grid[_IN + _EDGE]]
    opening, low = _opening(edge, pair)
    covered = 2 * IRIS_RADIUS_M - 0.0003 - opening
    z = low + IRIS_RADIUS_M - 0.0003 - 0.5 * max(covered - 0.002, 0.0)
    centre = eye.centre.astype(np.float64)
    centre[2] += np.clip(z - centre[2], -0.004, 0.004)
    margin = rest[grid[_IN + _INNER]][(pair.along > 0.2) & (pair.along < 0.85)] - centre
    over = np.linalg.norm(margin, axis=1) - eye.radius - _FLOOR[_IN + _INNER]
    centre[1] += np.clip(over.mean() / (margin[:, 1] / eye.radius).mean(), -0.002, 0.002)
    return replace(eye, centre=centre.astype(np.float32))


def _seat_lids(rest: Floats, grid: Ints, pair: Facing, eye: Eyeball) -> None:
    """Lays the margin on the ball, the skin behind it following, and sinks what lies below."""
    offset = rest[grid].astype(np.float64) - eye.centre
    distance = np.linalg.norm(offset, axis=2)
    gap = eye.radius + _FLOOR[_IN + _INNER] - distance[_IN + _INNER]
    gap = np.where(gap > 0, gap, gap * _bell(pair.along, 0.22, 0.12))
    change = gap * _fade(_INNER, 11)[:, None]
    rest[grid] += (offset * (change / distance)[..., None]).astype(np.float32)
    rest[grid] = _clear(rest[grid].astype(np.float64), eye).astype(np.float32)


def _clear(lids: NDArray[np.float64], eye: Eyeball) -> NDArray[np.float64]:
    """(D, C, 3) lids pushed off the ball, and the rings below the margin into it."""
    offset = lids - eye.centre
    distance = np.linalg.norm(offset, axis=2)
    over = distance - eye.radius - _FLOOR[:, None]
    out = 0.5 * (over + np.hypot(over, _SOFT_M)) - over
    sink = np.minimum(eye.radius - _SUNK_M - distance, 0.0)
    change = np.where((_RINGS < _INNER)[:, None], sink, out)
    return np.asarray(lids + offset * (change / distance)[..., None])


def _closing(rest: Floats, blink: Floats, pair: Facing, eye: Eyeball) -> Floats:
    """(D, C, 3) float32: what a full blink adds, so that the two margins meet on one curve on the ball."""
    start, moved = rest.astype(np.float64), blink.astype(np.float64)
    meet = _meeting_line(start[_IN + _EDGE] - eye.centre, pair)
    # The blink's own motion, scaled column by column, carries the skin most of the way ...
    target = eye.centre + meet * (eye.radius + _FLOOR[_IN + _EDGE])
    wanted, given = target[:, 2] - start[_IN + _EDGE, :, 2], moved[_IN + _EDGE, :, 2]
    scale = (wanted * given + 0.7e-6) / (given * given + 0.7e-6)
    scale = np.where(pair.above > 0, _smooth(np.clip(scale, 0.2, 1.6)), 1.0)
    moved = moved * (1 + (scale[None, :] - 1) * _fade(8, 20)[:, None])[..., None]
    # (the skin around the corners stays: there is nothing to close)
    moved = moved * _bell(pair.along, 0.2, 0.17)[:, None]
    # ... and the rest is added where the margin is, fading over the lid.
    end = start + moved
    for ring in range(-_IN, _ROLL + 1):
        row = _IN + ring
        height = np.linalg.norm(end[row] - eye.centre, axis=1)
        if ring >= _INNER:
            height = np.full_like(height, eye.radius + _FLOOR[row])
        aim = eye.centre + meet * height[:, None]
        pull = float(np.clip((ring + 2) / 5.0, 0.0, 1.0))
        end[row] += pull * (aim - end[row])
    left = (end - start - moved)[_IN + _ROLL]
    beyond = _RINGS > _ROLL
    end[beyond] += left[None] * _fade(_ROLL, 14)[beyond, None, None]
    draped = _draped(start, end, pair, eye)
    share = _fade(19, _OUT)[:, None] * (pair.above > 0) * _bell(pair.along, 0.2, 0.1)
    end += share[..., None] * (draped - end)
    return (_clear(end, eye) - start).astype(np.float32)


def _draped(start: NDArray[np.float64], end: NDArray[np.float64], pair: Facing, eye: Eyeball) -> NDArray[np.float64]:
    """(D, C, 3) a closed lid that lies on the ball: its skin is stretched evenly from the edge to below the brow."""
    steps = np.linalg.norm(np.diff(start, axis=0), axis=2)
    steps[: _IN + _ROLL] = 0.0
    length = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    part = (length / length[-1])[..., None]
    first, last = end[_IN + _ROLL] - eye.centre, end[-1] - eye.centre
    near, far = np.linalg.norm(first, axis=1), np.linalg.norm(last, axis=1)
    way = first / near[:, None] * (1 - part) + last / far[:, None] * part
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    height = near[:, None] + (far - near)[:, None] * (0.15 * part + 0.85 * part**2.5)
    lid = eye.centre + way * height
    lid[: _IN + _ROLL] = end[: _IN + _ROLL]
    return np.asarray(lid)


def _meeting_line(edge: NDArray[np.float64], pair: Facing) -> NDArray[np.float64]:
    """(C, 3) unit directions from the ball's centre in which the closed margin lies, the same for facing columns."""
    high, low = pair.at(edge, pair.upper, pair.along), pair.at(edge, pair.lower, pair.along)
    # At the corners the lids are one already; a straight mix keeps them there.
    line = low + _MEET * (high - low)
    return np.asarray(line / np.linalg.norm(line, axis=1, keepdims=True))


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A light blur around the loop, so that a column's own noise does not crease the lid."""
    for _ in range(2):
        values = 0.5 * values + 0.25 * (np.roll(values, 1) + np.roll(values, -1))
    return values


def _guard(body: Body, grids: Ints, pairs: list[Facing]) -> LidGuard:
    partners = [pair.partners() for pair in pairs]
    return LidGuard(
        index=grids,
        centre=np.stack([eye.centre for eye in body.eyes]).astype(np.float32),
        radius=np.array([eye.radius for eye in body.eyes], np.float32),
        floor=_FLOOR.astype(np.float32),
        sunk=_RINGS < _INNER,
        give=_fade(6, 15).astype(np.float32),
        facing=np.stack([first for first, _, _ in partners]),
        facing_next=np.stack([second for _, second, _ in partners]),
        facing_share=np.stack([share for _, _, share in partners]),
        side=np.stack([pair.above for pair in pairs]).astype(np.float32),
    )
