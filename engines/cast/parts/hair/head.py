"""What every hair style starts from: a head, the seed's habits, and the ways that hair can be combed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.look import Look
from mien.engines.cast.parts.hair.envelope import Envelope, envelope
from mien.engines.cast.parts.hair.flow import Comb
from mien.engines.cast.parts.piece import unit
from mien.engines.cast.parts.scalp import Hairline, hairline
from mien.engines.cast.recipe import Recipe

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head to be given hair.

    Attributes:
        body: at rest.
        look: gives style and colours.
        line: where hair begins.
        skull: the body's envelope without ears.
        full: the same with them.
        rng: of this hair.
        part_m: where the hair is parted, x from the middle.
        volume: 0.8 to 1.25, of the layers' heights.
        length: 0.85 to 1.2, of the lengths.
        crown: (3,) float32, where the whorl is.

    """

    body: Body
    look: Look
    line: Hairline
    skull: Envelope
    full: Envelope
    rng: np.random.Generator
    part_m: float
    volume: float
    length: float
    crown: Floats

    def rise(self, points: Floats) -> Floats:
        """(N,) float32: 0 at the height of the ears to 1 at the top of the head."""
        up = (points[:, 2] - self.skull.centre[2] - 0.005) / 0.075
        return np.asarray(np.clip(up, 0.0, 1.0), dtype=np.float32)

    def front(self, points: Floats) -> Floats:
        """(N,) float32: 0 from the crown on back to 1 at the forehead."""
        ahead = (self.skull.centre[1] + 0.02 - points[:, 1]) / 0.09
        return np.asarray(np.clip(ahead, 0.0, 1.0), dtype=np.float32)

    def edge(self, points: Floats, over_deg: float = 14.0) -> Floats:
        """(N,) float32: 0 on the hairline to 1 at so many degrees behind it."""
        return np.asarray(np.clip(self.line.above(points) / over_deg, 0.0, 1.0), dtype=np.float32)

    def side(self, points: Floats) -> Floats:
        """(N,) float32: -1 or 1, the side of the parting; behind the crown the parting ends in the middle."""
        wander = 0.0012 * np.sin(points[:, 1] * 260.0) + 0.0008 * np.sin(points[:, 1] * 610.0)
        edge = self.part_m * self.front(points) + wander
        return np.where(points[:, 0] > self.skull.centre[0] + edge, 1.0, -1.0).astype(np.float32)


def head_of(body: Body, recipe: Recipe) -> Head:
    """The head of one recipe, with the habits of its seed."""
    rng = np.random.default_rng((recipe.seed, 0xA1))
    skull = envelope(body, ears=False)
    side = float(rng.choice((-1.0, 1.0)))
    return Head(
        body=body,
        look=recipe.look,
        line=hairline(body, recipe.look, recipe.seed),
        skull=skull,
        full=envelope(body, ears=True),
        rng=rng,
        part_m=side * float(rng.choice((rng.uniform(0.0, 0.008), rng.uniform(0.018, 0.034)), p=(0.35, 0.65))),
        volume=float(rng.uniform(0.8, 1.25)),
        length=float(rng.uniform(0.88, 1.15)),
        crown=np.asarray(skull.centre + np.array([-0.012 * side, 0.05, 0.085]), dtype=np.float32),
    )


def from_crown(head: Head, *, forward: float = 0.0, sideways: float = 0.0) -> Comb:
    """Hair that falls away from the whorl on all sides; on top it may be pushed to the front or to a side."""

    def comb(points: Floats, _share: float) -> Floats:
        away = unit(points - head.crown)
        top = head.rise(points)[:, None]
        push = np.array([sideways * -np.sign(head.part_m), -forward, 0.0], np.float32)
        return unit(away + top * push)

    return comb


def swept_back(head: Head) -> Comb:
    """Back over the top, back and down at the sides, down at the nape."""

    def comb(points: Floats, _share: float) -> Floats:
        top = head.rise(points)[:, None]
        behind = np.clip((points[:, 1:2] - head.skull.centre[1]) / 0.06, 0.0, 1.0)
        side = head.side(points)[:, None]
        back = np.concatenate([0.28 * side, np.ones_like(side), np.zeros_like(side)], axis=1)
        down = np.array([0.0, 0.7, -0.75], np.float32)
        low = np.array([0.0, 0.15, -1.0], np.float32)
        return unit(top * back + (1 - top) * ((1 - behind) * down + behind * low))

    return comb


def parted(head: Head) -> Comb:
    """From the parting to both sides, behind the crown straight down."""

    def comb(points: Floats, share: float) -> Floats:
        side, front, top = head.side(points)[:, None], head.front(points)[:, None], head.rise(points)[:, None]
        across = np.concatenate([side, 0.35 - 0.25 * front, np.zeros_like(side)], axis=1)
        away = unit(points - head.crown)
        return unit(top * (front * across + (1 - front) * away) + (1 - top) * np.array([0, 0.1, -1], np.float32))

    return comb


def towards(target: Floats) -> Comb:
    """To one point, as hair that is drawn into a knot."""

    def comb(points: Floats, _share: float) -> Floats:
        return unit(target - points)

    return comb
