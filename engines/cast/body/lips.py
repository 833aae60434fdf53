"""Lips that meet: closed at rest, sealed where an action should not part them, and a guard against crossing.

Around the mouth the mesh is a grid of 76 columns and rings that run from the cavity (negative numbers) over the band in
which the lips touch (1 to 4) to the face. MakeHuman leaves a slit at rest, and its actions are the same offsets for
everybody, so presses open corners and shrugs push one lip through the other; both are fitted here to each person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import MOUTH, SKIN, TONGUE, Body, mean_body
from mien.engines.cast.body.rings import Facing, rings_around

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_IN, _OUT = 8, 20
#: Numbers of the grid's rows.
RINGS = np.arange(-_IN, _OUT + 1)
#: The rows of the grid in which upper and lower lip touch.
BAND_RINGS = slice(_IN + 1, _IN + 5)
_EDGE = _IN + 3
#: Actions that part the lips; all others leave closed lips closed.
_PARTING = frozenset(
    {
        "jawOpen", "mouthFunnel", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft",
        "mouthLowerDownRight", "noseSneerLeft", "noseSneerRight", "tongueOut", "mouthClose",
    }
)  # fmt: skip
#: tongueOut alone would push the tongue through teeth and lips, so it lowers the jaw by this share of jawOpen.
TONGUE_JAW = 0.5
_ROUNDING = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class LipGuard:
    """Keeps the lips from passing through each other in any mix of actions.

    Attributes:
        index: (D, C) int32, vertices by ring and column.
        facing: (C,) int32, the column of the other lip that each column meets, and
        facing_next: (C,) int32, the next one, with
        facing_share: (C,) float32, its weight.
        side: (C,) float32, 1 upper lip, -1 lower, 0 the corners.
        fade_in: (D,) float32, how much of the band's inmost correction the rings behind it follow.
        fade_out: (D,) float32, how much of its outmost correction the rings before it follow.

    """

    index: Ints
    facing: Ints
    facing_next: Ints
    facing_share: Floats
    side: Floats
    fade_in: Floats
    fade_out: Floats

    def settle(self, points: Floats) -> None:
        """Moves lips in place: where they cross, each gives way by half. (V, 3) float32, before the head turns."""
        over = np.maximum(-self._clearance(points), 0.0) * (0.5 * self.side)
        if not over.any():
            return
        shift = self.fade_in[:, None] * over[0] + self.fade_out[:, None] * over[-1]
        shift[BAND_RINGS] = over
        points[self.index, 2] += shift

    def gap(self, points: Floats) -> float:
        """How far the lips are apart where they are furthest apart, m; 0 when they are closed."""
        middle = self.side > 0
        return float(np.maximum(self._clearance(points).min(0)[middle], 0.0).max())

    def _clearance(self, points: Floats) -> Floats:
        """(B, C) how far each place of the band lies from the other lip, m; negative where they cross."""
        height = points[self.index[BAND_RINGS], 2]
        other = height[:, self.facing] * (1 - self.facing_share) + height[:, self.facing_next] * self.facing_share
        return np.asarray((height - other) * self.side, dtype=np.float32)


def fit_lips(body: Body) -> tuple[Body, LipGuard]:
    """Closes the lips of one person at rest and under every action that does not part them; and their guard."""
    grid = _grid()
    edge = grid[_EDGE]
    facing = _lips_of(body.rest[edge], body.deltas[body.actions.index("jawOpen"), edge])
    rest, deltas = body.rest.copy(), body.deltas.copy()
    band = grid[BAND_RINGS]
    rest[grid] += _spread(_to_middle(rest[band], facing))
    jaw = deltas[body.actions.index("jawOpen")]
    jaw[grid] += _rounding(jaw[band], facing)
    for action, moved in zip(body.actions, deltas, strict=True):
        if action == "tongueOut":
            moved += TONGUE_JAW * jaw
        elif action == "mouthClose":
            moved[grid] += _spread(_to_middle(jaw[band] + moved[band], facing))
        else:
            change = _to_middle(moved[band], facing)
            moved[grid] += _spread(change * _opens(moved[band], facing, parting=action in _PARTING)[..., None])
    return replace(body, rest=rest, deltas=deltas), _guard(grid, facing)


def seal_weights(actions: tuple[str, ...], weights: Floats) -> Floats:
    """(A,) float32 weights in which mouthClose closes no more than the jaw has opened, as ARKit defines it."""
    close, jaw = actions.index("mouthClose"), actions.index("jawOpen")
    if weights[close] <= weights[jaw]:
        return weights
    out = weights.copy()
    out[close] = weights[jaw]
    return out


@lru_cache(maxsize=1)
def _grid() -> Ints:
    """(D, C) int32: the vertices around the mouth."""
    body = mean_body()
    cavity = np.unique(body.faces[(body.parts == MOUTH) | (body.parts == TONGUE)])
    seam = np.intersect1d(cavity, np.unique(body.faces[body.parts == SKIN]))
    inside = np.zeros(len(body.rest), bool)
    inside[cavity] = True
    return rings_around(body.rest, body.faces, inside, seam, (_IN, _OUT))


def _lips_of(edge: Floats, jaw: Floats) -> Facing:
    """Which columns are which lip: closed lips lie at one height, but the lower one falls with the jaw."""
    return Facing.between(edge, int(edge[:, 0].argmin()), int(edge[:, 0].argmax()), opened=edge + jaw)


def _to_middle(band: Floats, facing: Facing) -> NDArray[np.float64]:
    """(B, C, 3) what brings both lips' values to their mean."""
    out = []
    for row in band.astype(np.float64):
        high, low = (facing.at(row, chain, facing.along) for chain in (facing.upper, facing.lower))
        out.append((high + low) / 2 - row)
    return np.stack(out)


def _rounding(jaw: Floats, facing: Facing) -> Floats:
    """(D, C, 3) float32: what makes the lower lip of an open mouth a bow and not MakeHuman's wedge."""
    drop = jaw[_EDGE - BAND_RINGS.start, :, 2].astype(np.float64)
    corner, middle = drop[facing.lower[0]], drop[facing.lower].min()
    bow = np.clip(1 - np.abs(2 * facing.along - 1) ** 2.3, 0, 1) ** 0.75
    change = np.zeros(jaw.shape)
    change[..., 2] = np.where(facing.above < 0, _ROUNDING * (corner + (middle - corner) * bow - drop), 0.0)
    return _spread(change)


def _opens(band: Floats, facing: Facing, *, parting: bool) -> NDArray[np.float64]:
    """(B, C) 1 where an action must be brought to the middle, smoothly 0 where it may stay.

    An action that keeps the mouth closed must not part the lips; where lips would cross, the guard sees to it.
    """
    if parting:
        return np.zeros(band.shape[:2])
    rows = []
    for row in band[..., 2:].astype(np.float64):
        high, low = (facing.at(row, chain, facing.along)[:, 0] for chain in (facing.upper, facing.lower))
        rows.append(np.clip((high - low) / 0.0002, 0.0, 1.0))
    return np.stack(rows)


def _spread(change: NDArray[np.float64]) -> Floats:
    """(D, C, 3) float32: a change of the band, fading into the mouth and over the face."""
    fade_in, fade_out = _fades()
    out = fade_in[:, None, None] * change[0] + fade_out[:, None, None] * change[-1]
    out[BAND_RINGS] = change
    return np.asarray(out, dtype=np.float32)


def _fades() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inwards, outwards = 1 - smooth_step((1 - RINGS) / 6.0), 1 - smooth_step((RINGS - 4) / 8.0)
    return np.where(RINGS < 1, inwards, 0.0), np.where(RINGS > 4, outwards, 0.0)


def smooth_step(t: NDArray[np.floating]) -> NDArray[np.float64]:
    """Hermite step from 0 at 0 to 1 at 1."""
    held = np.clip(t.astype(np.float64), 0.0, 1.0)
    return np.asarray(held * held * (3 - 2 * held))


def _guard(grid: Ints, facing: Facing) -> LipGuard:
    first, second, share = facing.partners()
    fade_in, fade_out = _fades()
    return LipGuard(
        index=grid,
        facing=first,
        facing_next=second,
        facing_share=share,
        side=facing.above.astype(np.float32),
        fade_in=fade_in.astype(np.float32),
        fade_out=fade_out.astype(np.float32),
    )
