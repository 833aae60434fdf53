"""Eyebrows, hair by hair, rooted in the skin that moves them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.look import Look
from mien.engines.cast.parts.hair.roots import Spots, scattered
from mien.engines.cast.parts.piece import Label, Piece, unit
from mien.engines.cast.parts.scalp import brow_tone
from mien.engines.cast.parts.strands import ribbons
from mien.engines.cast.recipe import Recipe

Floats = NDArray[np.float32]

_STEPS = 4


@dataclass(frozen=True, slots=True)
class BrowShape:
    """One person's brows; lengths in m.

    Attributes:
        inner: x of the inner end, as a share of half the distance between the eyes.
        outer: of the outer end.
        height_m: of the middle line's inner end above the eyes' middle.
        arch_m: how far the line rises.
        peak: where it is highest, 0 inner to 1 outer end.
        drop_m: how far the outer end falls below the inner one.
        half_m: half of the greatest thickness.
        hairs: of both brows.
        wild: how far hairs stray from their way, rad.

    """

    inner: float
    outer: float
    height_m: float
    arch_m: float
    peak: float
    drop_m: float
    half_m: float
    hairs: int
    wild: float

    def line(self, along: Floats) -> Floats:
        """(N,) height of the middle line above its inner end at 0..1 along the brow, m."""
        rising = np.clip(along / self.peak, 0.0, 1.0)
        falling = np.clip((along - self.peak) / (1.0 - self.peak), 0.0, 1.0)
        rise = self.arch_m * np.sin(rising * np.pi / 2) ** 1.3
        return np.asarray(rise - (self.arch_m + self.drop_m) * falling**1.7, dtype=np.float32)

    def half(self, along: Floats) -> Floats:
        """(N,) half of the thickness, m: full over the inner third, then narrowing to a point."""
        narrow = np.interp(along, [0.0, 0.08, 0.3, 0.6, 0.85, 1.0], [0.72, 0.95, 1.0, 0.74, 0.4, 0.14])
        return np.asarray(self.half_m * narrow, dtype=np.float32)


def brow_shape(look: Look, seed: int) -> BrowShape:
    """The shape of a seed: women's arch more and end finer, old men's are wild, weight makes them thick."""
    rng = np.random.default_rng((seed, 0xB0))
    weight, man = look.brow_weight, look.gender
    arched = float(rng.uniform(0.0, 1.0))
    return BrowShape(
        inner=float(rng.uniform(0.34, 0.42)) - 0.05 * man * weight,
        outer=float(rng.uniform(1.64, 1.76)),
        height_m=0.0178 - 0.0022 * man + float(rng.uniform(-0.0008, 0.0008)),
        arch_m=(0.0018 + 0.0042 * arched) * (1.0 - 0.5 * man),
        peak=float(rng.uniform(0.56, 0.72)),
        drop_m=0.0005 + float(rng.uniform(0.0, 0.003)),
        half_m=0.0026 + 0.0026 * weight + 0.0006 * man,
        hairs=int(700 + 1400 * weight),
        wild=0.13 + 0.1 * man * look.age + float(rng.uniform(0.0, 0.08)),
    )


def build_brows(body: Body, recipe: Recipe) -> Piece:
    """Both brows as one anchored piece, labelled by side (left is the person's left, x > 0)."""
    rng = np.random.default_rng((recipe.seed, 0xB1))
    shape = brow_shape(recipe.look, recipe.seed)
    spots, along, across = _rooted(body, shape, rng)
    curves, facing = _combed(spots, along, across, shape, recipe.look, rng)
    count = len(curves)
    widths = (0.00018 + 0.0001 * recipe.look.brow_weight) * rng.uniform(0.8, 1.2, count)
    shade = rng.lognormal(0.0, 0.22, (count, 1))
    colours = np.clip(brow_tone(recipe.look) * 1.25 * shade, 0.004, 0.7)
    piece = ribbons(curves, facing, widths.astype(np.float32), colours.astype(np.float32), tip=0.25)
    left = np.repeat(spots.points[:, 0] > body.brow_centre[0], 2 * (_STEPS - 1))
    labels = np.where(left, int(Label.LEFT_BROW), int(Label.RIGHT_BROW)).astype(np.int32)
    # So few hairs hardly shade one another.
    return replace(piece, labels=labels, openness=0.55 + 0.45 * piece.openness, anchors=spots.anchors(2 * _STEPS))


def _rooted(body: Body, shape: BrowShape, rng: np.random.Generator) -> tuple[Spots, Floats, Floats]:
    faces = body.faces[body.parts == SKIN]
    at = body.rest[faces].mean(1) - body.brow_centre
    faces = faces[(np.abs(at[:, 0]) < 0.07) & (at[:, 2] > 0.004) & (at[:, 2] < 0.05) & (at[:, 1] < 0.035)]
    spots = scattered(body, faces, shape.hairs * 11, rng)
    root = spots.points - body.brow_centre
    half_gap = float(body.eyes[0].centre[0] - body.eyes[1].centre[0]) / 2
    along = (np.abs(root[:, 0]) / half_gap - shape.inner) / (shape.outer - shape.inner)
    inside = np.clip(along, 0.0, 1.0)
    across = root[:, 2] - shape.height_m - shape.line(inside)
    # Dense in the middle line, thinning out to ragged edges and to the inner end.
    share = np.abs(across) / shape.half(inside)
    dense = np.clip(1.25 - share**2.2, 0.0, 1.0) * np.clip((along + 0.03) / 0.16, 0.0, 1.0) ** 1.2
    dense = dense * np.clip((1.02 - along) / 0.12, 0.0, 1.0) * (along > -0.03)
    keep = np.flatnonzero(rng.random(len(dense)) < dense)
    chosen = np.sort(rng.permutation(keep)[: shape.hairs]).astype(np.int32)
    share = across[chosen] / shape.half(inside[chosen])
    return spots.only(chosen), inside[chosen].astype(np.float32), share.astype(np.float32)


def _combed(
    spots: Spots, along: Floats, across: Floats, shape: BrowShape, look: Look, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Inner hairs stand up, then they lean out; the upper rows bend down and the lower up, to meet on the ridge."""
    count = len(along)
    angle = np.radians(np.interp(along, [0.0, 0.12, 0.35, 0.65, 1.0], [82.0, 60.0, 30.0, 8.0, -24.0]))
    lean = np.interp(along, [0.0, 0.2, 1.0], [0.1, 0.42, 0.3])
    angle = angle - across * lean + rng.normal(0.0, shape.wild, count)
    side = np.where(spots.points[:, 0] > 0.0, 1.0, -1.0)
    way = np.stack([side * np.cos(angle), np.zeros(count), np.sin(angle)], axis=1).astype(np.float32)
    way = unit(way - spots.normals * (way * spots.normals).sum(1, keepdims=True))
    bow = np.cross(spots.normals, way) * (side * np.where(across > 0, 1.0, -0.6))[:, None].astype(np.float32)
    length = np.interp(along, [0.0, 0.25, 0.7, 1.0], [0.0058, 0.0082, 0.0074, 0.0052]) * rng.uniform(0.65, 1.1, count)
    length = length * (0.85 + 0.2 * look.brow_weight + 0.25 * look.gender * look.age)
    t = np.linspace(0.0, 1.0, _STEPS, dtype=np.float32)[None, :, None]
    span = length.astype(np.float32)[:, None, None]
    rise = 0.00025 + 0.0011 * np.sin(np.pi * 0.75 * t) * rng.uniform(0.6, 1.4, (count, 1, 1)).astype(np.float32)
    curves = spots.points[:, None] + way[:, None] * t * span + spots.normals[:, None] * (rise * np.minimum(t * 4, 1))
    curves = curves - bow[:, None] * (0.16 * t**2 * span)
    roll = 0.35 * rng.standard_normal((count, 1, 3)).astype(np.float32)
    facing = unit(np.repeat(spots.normals[:, None], _STEPS, axis=1) + roll)
    return curves.astype(np.float32), facing
