"""Eyelashes: fine curved hairs in small clumps, which the lids carry as they close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body, Eyeball
from mien.engines.cast.parts.piece import Label, Piece, joined, unit
from mien.engines.cast.parts.scalp import brow_tone
from mien.engines.cast.parts.strands import ribbons
from mien.engines.cast.recipe import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_STEPS = 6
_UP = np.array([0.0, 0.0, 1.0], np.float32)


class Posed(Protocol):
    """What lashes need of a frame (see `render.figure.Posture`)."""

    @property
    def points(self) -> Floats:
        """(V, 3) float32, the body's vertices in the world, m."""
        ...

    @property
    def turn(self) -> Floats:
        """(3, 3) float32, the head's rotation."""
        ...

    @property
    def shift(self) -> Floats:
        """(3,) float32, the head's shift, m."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LidLashes:
    """Lashes of one lid.

    Attributes:
        eye: whose.
        upper: which lid.
        ends: (S, 2) int32, the two vertices of the lid's edge that each root lies between.
        mix: (S,) float32, where between them.
        lengths: (S,) float32, m.
        fan: (S,) float32, sideways lean, positive to the person's left.
        curl: (S,) float32, how far they bend away from the opening.
        widths: (S,) float32, m.
        colour: (3,) float32, linear RGB.

    """

    eye: Eyeball
    upper: bool
    ends: Ints
    mix: Floats
    lengths: Floats
    fan: Floats
    curl: Floats
    widths: Floats
    colour: Floats

    def posed(self, points: Floats, centre: Floats, head_up: Floats, colour: Floats) -> Piece:
        """Lashes that lean out from the ball, so a closing lid carries them down.

        Args:
            points: (V, 3) float32, skin.
            centre: (3,) of the eyeball in the same space.
            head_up: (3,) unit vector, the head's up.
            colour: (3,) linear RGB.

        """
        a, b = points[self.ends[:, 0]], points[self.ends[:, 1]]
        root = a + (b - a) * self.mix[:, None]
        out = unit(root - centre)
        away = unit(head_up - out * (out @ head_up)[:, None]) * (1.0 if self.upper else -1.0)
        left = unit(np.cross(out, head_up)) * -1.0
        t = np.linspace(0.0, 1.0, _STEPS, dtype=np.float32)[None, :, None]
        # They leave the edge forwards, dip towards the opening, and curl away from it.
        ahead, bend = (
            (0.98 * t - 0.33 * t**2, -0.10 * t + 0.62 * t**2) if self.upper else (0.75 * t, 0.42 * t + 0.1 * t**2)
        )
        length = self.lengths[:, None, None]
        curves = root[:, None] + length * (
            out[:, None] * ahead
            + away[:, None] * bend * self.curl[:, None, None]
            + left[:, None] * self.fan[:, None, None] * (0.45 * t + 0.55 * t**2)
        )
        facing = np.repeat(unit(out - 0.6 * away)[:, None], _STEPS, axis=1)
        colours = np.broadcast_to(colour, (len(root), 3)).astype(np.float32)
        return ribbons(curves.astype(np.float32), facing, self.widths, colours, tip=0.12, label=Label.LASHES)


@dataclass(frozen=True, slots=True, eq=False)
class Lashes:
    """All four lids' lashes, as one piece that moves in its own way.

    Attributes:
        piece: at rest.
        lids: one each.

    """

    piece: Piece
    lids: tuple[LidLashes, ...]

    def posed(self, posture: Posed) -> tuple[Floats, Floats, Floats]:
        """Points, normals and tangents in the world, each (N, 3) float32."""
        up = posture.turn @ _UP
        parts = [
            lid.posed(posture.points, posture.turn @ lid.eye.centre + posture.shift, up, lid.colour)
            for lid in self.lids
        ]
        return (
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.normals for part in parts]),
            np.concatenate([part.tangents for part in parts]),
        )


def build_lashes(body: Body, recipe: Recipe) -> Lashes:
    """Upper and lower lashes of both eyes; made-up ones are longer and black."""
    rng = np.random.default_rng((recipe.seed, 0xC1))
    look = recipe.look
    made_up = max(look.eyeliner, look.eyeshadow)
    strength = (0.8 + 0.35 * look.lash_weight) * (1.0 - 0.24 * look.gender) * (1.0 + 0.12 * made_up)
    colour = (brow_tone(look) * (0.3 - 0.2 * made_up)).astype(np.float32)
    lids = tuple(
        _lid(eye, body, upper, strength, look.lash_weight, colour, rng) for eye in body.eyes for upper in (True, False)
    )
    at_rest = [lid.posed(body.rest, lid.eye.centre, _UP, colour) for lid in lids]
    piece = joined(at_rest)
    # Their bright side would look like white hairs; a lash is a dark line.
    piece.openness[:] = 0.25 + 0.15 * piece.openness
    return Lashes(piece=piece, lids=lids)


def _lid(
    eye: Eyeball, body: Body, upper: bool, strength: float, weight: float, colour: Floats, rng: np.random.Generator
) -> LidLashes:
    chain = eye.upper if upper else eye.lower
    # From the nose outwards, whichever way the chain runs.
    chain = chain if abs(body.rest[chain[0], 0]) < abs(body.rest[chain[-1], 0]) else chain[::-1]
    count = int((150 + 80 * weight) * (1.0 if upper else 0.42))
    place = np.sort(rng.uniform(0.06 if upper else 0.2, 0.985, count))
    position = place * (len(chain) - 1.001)
    first = position.astype(int)
    # Tips of neighbours meet in clumps of three to five.
    clumps = np.cumsum(rng.random(count) < 0.28)
    middle = np.bincount(clumps, place) / np.maximum(np.bincount(clumps), 1)
    shape = np.interp(place, [0.0, 0.12, 0.45, 0.78, 0.93, 1.0], [0.35, 0.55, 0.88, 1.0, 0.86, 0.6])
    own = rng.uniform(0.82, 1.08, count) * rng.uniform(0.88, 1.1, len(middle))[clumps]
    length = (0.0078 if upper else 0.0038) * strength * shape * own
    width_m = float(np.linalg.norm(body.rest[chain[0]] - body.rest[chain[-1]]))
    side = 1.0 if eye.centre[0] > body.brow_centre[0] else -1.0
    fan = side * (
        np.interp(place, [0.0, 0.35, 1.0], [-0.42, 0.0, 0.85]) + 0.75 * (middle[clumps] - place) * width_m / length
    )
    return LidLashes(
        eye=eye,
        upper=upper,
        ends=np.stack([chain[first], chain[first + 1]], axis=1).astype(np.int32),
        mix=(position - first).astype(np.float32),
        lengths=length.astype(np.float32),
        fan=(fan + rng.normal(0.0, 0.05, count)).astype(np.float32),
        curl=(rng.uniform(0.9, 1.1, len(middle))[clumps] * rng.uniform(0.92, 1.08, count)).astype(np.float32),
        widths=((0.00027 if upper else 0.00014) * rng.uniform(0.85, 1.15, count)).astype(np.float32),
        colour=colour,
    )
