"""Eyebrows and eyelashes: hairs rooted in the deforming skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body, Eyeball
from mien.engines.cast.parts.strands import Ribbons, joined, ribbons, unit, vertex_normals
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.skin.skin import brow_tone, skin_tone

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_BROW_STEPS = 4
_LASH_STEPS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Brows:
    """Brow hairs, each tied to a triangle.

    Attributes:
        corners: (S, 3) int32, the vertices of each root's triangle.
        bary: (S, 3) float32.
        along: (S, 2) float32, the hair's way in the basis of the triangle's two edges.
        lengths: (S,) float32, m.
        widths: (S,) float32, m.
        colours: (S, 3) float32, linear RGB.

    """

    corners: Ints
    bary: Floats
    along: Floats
    lengths: Floats
    widths: Floats
    colours: Floats

    def posed(self, points: Floats, normals: Floats) -> Ribbons:
        """The hairs on the skin's (V, 3) points with (V, 3) normals."""
        triangle = points[self.corners]
        root = (triangle * self.bary[:, :, None]).sum(1)
        normal = unit((normals[self.corners] * self.bary[:, :, None]).sum(1))
        edges = triangle[:, 1:] - triangle[:, :1]
        way = unit((edges * self.along[:, :, None]).sum(1))
        t = np.linspace(0.0, 1.0, _BROW_STEPS, dtype=np.float32)[None, :, None]
        length = self.lengths[:, None, None]
        rise = 0.0003 + 0.0011 * np.sin(np.pi * t * 0.7)
        curves = root[:, None] + way[:, None] * t * length + normal[:, None] * rise
        facing = np.repeat(normal[:, None], _BROW_STEPS, axis=1)
        return ribbons(curves.astype(np.float32), facing, self.widths, self.colours, tip=0.3)


def build_brows(body: Body, recipe: Recipe) -> Brows:
    """Two brows on the bone above the eyes, drawn hair by hair."""
    rng = np.random.default_rng((recipe.seed, 0xB0))
    look = recipe.look
    count = int(800 + 900 * look.brow_weight)
    normals = vertex_normals(body.rest, body.faces)
    faces = body.faces[body.parts == SKIN]
    at = body.rest[faces].mean(1) - body.brow_centre
    faces = faces[(np.abs(at[:, 0]) < 0.065) & (at[:, 2] > 0.005) & (at[:, 2] < 0.05) & (at[:, 1] < 0.03)]
    corners = body.rest[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = faces[rng.choice(len(faces), count * 14, p=area / area.sum())]
    bary = rng.dirichlet((1.0, 1.0, 1.0), len(chosen)).astype(np.float32)
    root = (body.rest[chosen] * bary[:, :, None]).sum(1) - body.brow_centre
    along_brow, across = _brow_place(body, root, look.gender)
    half = (0.0030 + 0.0026 * look.brow_weight) * (1.0 - 0.72 * np.clip(along_brow, 0, 1) ** 1.6)
    inside = (
        (along_brow > 0.0)
        & (along_brow < 1.0)
        & (np.abs(across) < half * rng.uniform(0.45, 1.2, len(half)) * np.clip(along_brow * 6 + 0.45, 0, 1))
    )
    keep = np.flatnonzero(inside)[:count]
    chosen, bary, root, along_brow, across = chosen[keep], bary[keep], root[keep], along_brow[keep], across[keep]
    angle = np.radians(np.interp(along_brow, [0, 0.15, 0.5, 1.0], [70, 44, 16, -12]))
    angle = angle - across / 0.004 * 0.35 + rng.normal(0.0, 0.17, len(keep))
    side = np.sign(root[:, 0])
    way = np.stack([side * np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=1)
    tone = brow_tone(look) + 0.12 * skin_tone(look)  # a hair is finer than a ribbon: skin shows between
    return Brows(
        corners=chosen.astype(np.int32),
        bary=bary,
        along=_in_edges(body, normals, chosen, way),
        lengths=(np.interp(along_brow, [0, 0.3, 1], [0.0065, 0.0085, 0.006]) * rng.uniform(0.7, 1.1, len(keep))).astype(
            np.float32
        ),
        widths=np.full(len(keep), 0.00019 + 0.00007 * look.brow_weight, np.float32),
        colours=(tone[None] * rng.lognormal(0.0, 0.2, (len(keep), 1))).astype(np.float32),
    )


def _brow_place(body: Body, root: Floats, gender: float) -> tuple[Floats, Floats]:
    """Where roots lie: 0..1 from the inner to the outer end, and m above the brow's middle line."""
    half_gap = float(body.eyes[0].centre[0] - body.eyes[1].centre[0]) / 2
    inner, outer = half_gap * 0.36, half_gap * 1.72
    along = (np.abs(root[:, 0]) - inner) / (outer - inner)
    # A woman's brow arches higher, its peak two thirds out.
    arch = 0.0060 - 0.0024 * gender
    line = (
        0.0172
        - 0.0012 * gender
        + arch * np.sin(np.pi * np.clip(along, 0, 1) ** 1.15 * 0.82)
        - 0.004 * np.clip(along - 0.66, 0, 1) * 3
    )
    return along.astype(np.float32), (root[:, 2] - line).astype(np.float32)


def _in_edges(body: Body, normals: Floats, corners: Ints, way: Floats) -> Floats:
    triangle = body.rest[corners]
    basis = np.stack([triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0]], axis=2)
    return np.asarray(np.einsum("sij,sj->si", np.linalg.pinv(basis), way), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Lashes:
    """Lashes of one lid.

    Attributes:
        ends: (S, 2) int32, the two margin vertices that each root lies between.
        mix: (S,) float32, where between them.
        lengths: (S,) float32, m.
        fan: (S,) float32, sideways lean.
        upper: which lid.

    """

    ends: Ints
    mix: Floats
    lengths: Floats
    fan: Floats
    upper: bool

    def posed(self, points: Floats, centre: Floats, head_up: Floats, colour: Floats) -> Ribbons:
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
        up = unit(head_up - out * (out @ head_up)[:, None]) * (1.0 if self.upper else -1.0)
        side = np.cross(up, out)
        t = np.linspace(0.0, 1.0, _LASH_STEPS, dtype=np.float32)[None, :, None]
        curl = 0.05 * t + 0.62 * t**2
        length = self.lengths[:, None, None]
        curves = root[:, None] + length * (
            out[:, None] * (0.95 * t - 0.2 * t**2) + up[:, None] * curl + side[:, None] * self.fan[:, None, None] * t
        )
        facing = np.repeat(unit(out - up)[:, None], _LASH_STEPS, axis=1)
        widths = np.full(len(root), 0.00022 if self.upper else 0.00012, np.float32)
        colours = np.broadcast_to(colour, (len(root), 3)).astype(np.float32)
        return ribbons(curves.astype(np.float32), facing, widths, colours, tip=0.15)


def build_lashes(body: Body, recipe: Recipe) -> list[tuple[Eyeball, Lashes]]:
    """Upper and lower lashes of both eyes."""
    rng = np.random.default_rng((recipe.seed, 0xC1))
    strength = 1.0 - 0.3 * recipe.look.gender
    out = []
    for eye in body.eyes:
        for upper in (True, False):
            out.append((eye, _lid_lashes(body, eye, upper, strength, rng)))
    return out


def _lid_lashes(body: Body, eye: Eyeball, upper: bool, strength: float, rng: np.random.Generator) -> Lashes:
    lid = eye.upper if upper else eye.lower
    count = 110 if upper else 50
    position = np.sort(rng.uniform(0.0, len(lid) - 1.001, count))
    first = position.astype(int)
    where = position / len(lid)
    length = (
        (0.0062 if upper else 0.0028) * strength * (0.55 + 0.45 * np.sin(np.pi * np.clip(where * 0.75 + 0.12, 0, 1)))
    )
    side = np.sign(eye.centre[0])
    return Lashes(
        ends=np.stack([lid[first], lid[first + 1]], axis=1),
        mix=(position - first).astype(np.float32),
        lengths=(length * rng.uniform(0.75, 1.1, count)).astype(np.float32),
        fan=(-side * (where - 0.45) * 1.0 * (1.0 if upper else -1.0) + rng.normal(0, 0.1, count)).astype(np.float32),
        upper=upper,
    )


def merged(brows: Ribbons, lashes: list[Ribbons]) -> Ribbons:
    """All of them as one mesh."""
    return joined([brows, *lashes])
