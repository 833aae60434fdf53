"""Head hair: ribbons grown over the scalp of a body at rest, in one of four styles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.parts.strands import Ribbons, joined, ribbons, unit, vertex_normals
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.skin.skin import hair_tone, head_centre

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_COUNT = {"crop": 15000, "coils": 11000, "swept": 15000, "tied": 13000}
_STEPS = {"crop": 6, "coils": 9, "swept": 8, "tied": 9}


def grow_hair(body: Body, grown: Floats, recipe: Recipe) -> Ribbons:
    """Hair of one person.

    Args:
        body: at rest.
        grown: (V,) float32, where hair grows (see `skin.scalp`).
        recipe: gives the style, the colours and the seed.

    """
    rng = np.random.default_rng((recipe.seed, 0xA1))
    normals = vertex_normals(body.rest, body.faces)
    roots, facing = _roots(body, normals, grown, _COUNT[recipe.look.hair_style], rng)
    colours = _colours(recipe, roots, rng)
    if recipe.look.hair_style == "coils":
        return _coils(roots, facing, colours, rng)
    curves, sides = _combed(body, normals, roots, facing, recipe, rng)
    widths = rng.uniform(0.0006, 0.0011, len(roots)).astype(np.float32)
    hair = ribbons(curves, sides, widths, colours, tip=0.35)
    if recipe.look.hair_style == "tied":
        return joined([hair, _bun(body, recipe, rng)])
    return hair


def _roots(body: Body, normals: Floats, grown: Floats, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    faces = body.faces[body.parts == SKIN]
    corners = body.rest[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    weight = area * grown[faces].mean(1)
    chosen = faces[rng.choice(len(faces), count, p=weight / weight.sum())]
    bary = rng.dirichlet((1.0, 1.0, 1.0), count).astype(np.float32)[:, :, None]
    density = (grown[chosen] * bary[:, :, 0]).sum(1)
    keep = rng.random(count) < np.clip(density * 1.6, 0.0, 1.0)
    return (body.rest[chosen] * bary).sum(1)[keep], unit((normals[chosen] * bary).sum(1))[keep]


def _colours(recipe: Recipe, roots: Floats, rng: np.random.Generator) -> Floats:
    tone = hair_tone(recipe.look)
    clump = 1.0 + 0.16 * np.sin(
        roots @ np.array([310.0, 170.0, 90.0]) + 3.0 * np.sin(roots @ np.array([60.0, 120.0, 200.0]))
    )
    shade = clump * rng.lognormal(0.0, 0.22, len(roots))
    colours = tone[None] * shade[:, None]
    # Grey hair is a mix of white hairs and plain ones, never one grey.
    white = rng.random(len(roots)) < recipe.look.hair_grey * 0.5
    colours[white] = np.array([0.5, 0.5, 0.5]) * rng.uniform(0.7, 1.2, (int(white.sum()), 1))
    return np.asarray(np.clip(colours, 0.0, 0.9), dtype=np.float32)


def _combed(
    body: Body, normals: Floats, roots: Floats, facing: Floats, recipe: Recipe, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Curves that follow the scalp at a rising height, (S, K, 3), and their flat sides' normals."""
    style = recipe.look.hair_style
    steps, count = _STEPS[style], len(roots)
    length = _lengths(body, roots, style) * rng.uniform(0.75, 1.15, count)
    lift = _lifts(body, roots, style) * rng.uniform(0.35, 1.25, count)
    surface = _Surface(body, normals)
    jitter = unit(rng.normal(size=(count, 3)).astype(np.float32)) * (0.07 if style == "tied" else 0.2)
    curves = np.empty((count, steps, 3), np.float32)
    sides = np.empty_like(curves)
    on_scalp, normal = roots.copy(), facing.copy()
    for step in range(steps):
        rise = (0.0004 + lift * np.sin(0.5 * np.pi * min(1.0, 1.4 * step / (steps - 1)))).astype(np.float32)
        curves[:, step] = on_scalp + normal * rise[:, None]
        sides[:, step] = normal
        way = _direction(body, on_scalp, style) + jitter
        way = unit(way - normal * (way * normal).sum(1, keepdims=True))
        on_scalp, normal = surface.nearest(on_scalp + way * (length / (steps - 1))[:, None].astype(np.float32))
    roll = unit(sides + 0.5 * rng.normal(size=(count, 1, 3)).astype(np.float32))
    return curves, roll


def _direction(body: Body, at: Floats, style: str) -> Floats:
    centre = head_centre(body)
    if style == "tied":
        return unit(_bun_centre(body)[None] - at)
    if style == "swept":
        back = np.array([0.0, 1.0, 0.1], np.float32) + np.array([0.25, 0.0, 0.0], np.float32) * np.sign(
            at[:, :1] - 0.02
        )
        below = np.clip((centre[2] + 0.03 - at[:, 2]) / 0.05, 0.0, 1.0)[:, None]
        return unit(back + below * np.array([0.0, 0.3, -1.2], np.float32))
    crown = centre + np.array([0.012, 0.045, 0.11], np.float32)
    away = unit(at - crown)
    return unit(away + np.array([0.25, -0.15, -0.2], np.float32))


def _lengths(body: Body, roots: Floats, style: str) -> Floats:
    height = np.clip((roots[:, 2] - head_centre(body)[2]) / 0.1, -0.6, 1.0)
    if style == "tied":
        distance = np.linalg.norm(_bun_centre(body) - roots, axis=1)
        return np.asarray(np.clip(distance - 0.03, 0.02, 0.14), dtype=np.float32)
    if style == "swept":
        return np.asarray(0.022 + 0.028 * np.clip(height, 0.0, 1.0), dtype=np.float32)
    return np.asarray(0.013 + 0.013 * np.clip(height, 0.0, 1.0), dtype=np.float32)


def _lifts(body: Body, roots: Floats, style: str) -> Floats:
    height = np.clip((roots[:, 2] - head_centre(body)[2]) / 0.1, 0.0, 1.0)
    base, top = {"tied": (0.0016, 0.0045), "swept": (0.004, 0.017), "crop": (0.004, 0.013)}[style]
    return np.asarray(base + (top - base) * height, dtype=np.float32)


def _coils(roots: Floats, facing: Floats, colours: Floats, rng: np.random.Generator) -> Ribbons:
    count, steps = len(roots), _STEPS["coils"]
    helper = unit(np.cross(facing, rng.normal(size=(count, 3)).astype(np.float32)))
    other = np.cross(facing, helper)
    height = rng.uniform(0.008, 0.024, count)
    radius = rng.uniform(0.0014, 0.0030, count)
    turn = (
        rng.uniform(0, 2 * np.pi, count)[:, None]
        + np.linspace(0, 1, steps)[None] * rng.uniform(1.6, 2.6, count)[:, None] * 2 * np.pi
    )
    along = np.linspace(0.0, 1.0, steps)[None] * height[:, None]
    ring = np.minimum(np.linspace(0, 3, steps), 1.0)[None] * radius[:, None]
    curves = roots[:, None] + facing[:, None] * along[:, :, None]
    curves = (
        curves
        + helper[:, None] * (np.cos(turn) * ring)[:, :, None]
        + other[:, None] * (np.sin(turn) * ring)[:, :, None]
    )
    outward = unit(
        facing[:, None] * 0.7 + helper[:, None] * np.cos(turn)[:, :, None] + other[:, None] * np.sin(turn)[:, :, None]
    )
    widths = rng.uniform(0.0006, 0.0010, count).astype(np.float32)
    return ribbons(curves.astype(np.float32), outward, widths, colours, tip=0.6)


def _bun_centre(body: Body) -> Floats:
    return np.asarray(head_centre(body) + np.array([0.0, 0.118, 0.055]), dtype=np.float32)


def _bun(body: Body, recipe: Recipe, rng: np.random.Generator) -> Ribbons:
    """A coiled knot at the back of the head."""
    count, steps, radius = 900, 10, 0.036
    axis = unit(np.array([0.0, 0.85, 0.5], np.float32))
    side = unit(np.cross(axis, np.array([1.0, 0.0, 0.0], np.float32)))
    other = np.cross(axis, side)
    tilt = rng.uniform(-1.2, 1.4, count)[:, None]
    turn = rng.uniform(0, 2 * np.pi, count)[:, None] + np.linspace(0, 1.4, steps)[None]
    ball = axis * np.sin(tilt)[:, :, None] + np.cos(tilt)[:, :, None] * (
        side * np.cos(turn)[:, :, None] + other * np.sin(turn)[:, :, None]
    )
    curves = _bun_centre(body) + ball * radius * rng.uniform(0.9, 1.03, (count, 1, 1))
    colours = hair_tone(recipe.look)[None] * rng.lognormal(0.0, 0.25, (count, 1))
    return ribbons(
        curves.astype(np.float32),
        unit(ball.astype(np.float32)),
        np.full(count, 0.0013, np.float32),
        colours.astype(np.float32),
        tip=0.8,
    )


class _Surface:
    """Nearest points on the skin, found on the renderer's own mesh."""

    def __init__(self, body: Body, normals: Floats) -> None:
        from mien.engines.cast.body.nearest import NearestPoint

        skin = body.faces[body.parts == SKIN]
        self._nearest = NearestPoint(body.rest, skin)
        self._normals, self._faces, self._points = normals, skin, body.rest

    def nearest(self, points: Floats) -> tuple[Floats, Floats]:
        face, bary = self._nearest(points)
        corners = self._faces[face]
        return (
            (self._points[corners] * bary[:, :, None]).sum(1).astype(np.float32),
            unit((self._normals[corners] * bary[:, :, None]).sum(1)),
        )
