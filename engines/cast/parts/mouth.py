"""Teeth and gums, which MakeHuman's mesh lacks: two arches of modelled teeth, the lower one on the jaw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import MOUTH, TONGUE, Body
from mien.engines.cast.parts.strands import Ribbons, joined, vertex_normals

Floats = NDArray[np.float32]

#: Crown widths and heights from the midline outwards, m (means of adult teeth, Wheeler's Dental Anatomy).
_UPPER = ((8.6, 10.2), (6.6, 9.0), (7.6, 9.8), (7.0, 8.6), (6.8, 8.0), (10.0, 7.4))
_LOWER = ((5.4, 8.8), (6.0, 9.2), (6.9, 10.0), (7.0, 8.5), (7.1, 8.0), (10.6, 7.4))
#: Depth of a parabolic dental arch at half-width x: y = _ARCH * x^2.
_ARCH = 30.0
_GRID = 8
_ENAMEL = np.array([0.72, 0.67, 0.58], np.float32)
_GUM = np.array([0.42, 0.15, 0.14], np.float32)
_JAW_ACTIONS = ("jawOpen", "jawForward", "jawLeft", "jawRight")
#: How far behind the lips' front the upper incisors stand, and how far their edge hangs below the lips' meeting line.
_BEHIND_LIPS_M = 0.0145
_EDGE_BELOW_M = 0.0015


@dataclass(frozen=True, slots=True, eq=False)
class Teeth:
    """Both rows at rest.

    Attributes:
        mesh: upper then lower.
        lower: (N,) float32, 1 for vertices of the jaw.
        jaw: (A, N, 3) float32, how each action moves each vertex, m.

    """

    mesh: Ribbons
    lower: Floats
    jaw: Floats

    def posed(self, weights: Floats) -> Floats:
        """(N, 3) float32 vertices with (A,) action weights."""
        return np.asarray(self.mesh.points + np.tensordot(weights, self.jaw, 1), dtype=np.float32)


def build_teeth(body: Body, rng: np.random.Generator) -> Teeth:
    """Teeth placed behind the lips of a body at rest."""
    origin = lips_meeting(body) + np.array([0.0, _BEHIND_LIPS_M, 0.0], np.float32)
    upper = _row(origin + np.array([0, 0, -_EDGE_BELOW_M], np.float32), _UPPER, 1.0, rng)
    lower = _row(origin + np.array([0, 0.0025, -_EDGE_BELOW_M + 0.0005], np.float32), _LOWER, -1.0, rng)
    mesh = joined([upper, lower])
    is_lower = np.r_[np.zeros(len(upper.points)), np.ones(len(lower.points))].astype(np.float32)
    jaw = np.zeros((len(body.actions), len(mesh.points), 3), np.float32)
    for name in _JAW_ACTIONS:
        jaw[body.actions.index(name)] = _jaw_motion(body, name, mesh.points) * is_lower[:, None]
    return Teeth(mesh=mesh, lower=is_lower, jaw=jaw)


def lips_meeting(body: Body) -> Floats:
    """(3,) float32: the middle of the line where the lips meet, at the depth of their front, m."""
    cavity = np.unique(body.faces[body.parts == MOUTH])
    middle = cavity[np.abs(body.rest[cavity, 0]) < 0.004]
    front = middle[np.argsort(body.rest[middle, 1])[:6]]
    height = float(body.rest[front, 2].mean())
    near = (np.abs(body.rest[:, 0]) < 0.004) & (np.abs(body.rest[:, 2] - height) < 0.012)
    return np.array([0.0, float(body.rest[near, 1].min()), height], np.float32)


def _row(origin: Floats, sizes: tuple[tuple[float, float], ...], up: float, rng: np.random.Generator) -> Ribbons:
    parts = []
    for side in (-1.0, 1.0):
        along = 0.0
        for width_mm, height_mm in sizes:
            width, height = width_mm * 0.94e-3, height_mm * 1e-3
            tilt = float(rng.normal(0.0, 0.018))
            sink = float(rng.normal(0.0, 0.00018))
            parts.append(_tooth(origin, side, along + width / 2, width, height, up, tilt, sink))
            along += width
        parts.append(_gum(origin, side, along, sizes, up))
    return joined(parts)


def _arch(s: Floats, side: float) -> tuple[Floats, Floats]:
    """Points (…, 3) on the arch at arc lengths `s`, and outward normals; solved on a fine table."""
    x = np.linspace(0.0, 0.045, 400)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(_ARCH * x**2)))])
    at = np.interp(s, length, x)
    point = np.stack([side * at, _ARCH * at**2, np.zeros_like(at)], axis=-1)
    normal = np.stack([side * 2 * _ARCH * at, -np.ones_like(at), np.zeros_like(at)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return point.astype(np.float32), normal.astype(np.float32)


def _tooth(
    origin: Floats, side: float, middle: float, width: float, height: float, up: float, tilt: float, sink: float
) -> Ribbons:
    u, v = np.meshgrid(np.linspace(-1, 1, _GRID), np.linspace(0, 1, _GRID))
    # Narrower at the gum, rounded corners at the cutting edge, and a surface that curls back at every border.
    half = width * 0.5 * (0.985 - 0.16 * v**2 - 0.10 * np.clip(1 - v * 9, 0, 1) ** 2)
    point, normal = _arch((middle + u * half).astype(np.float32), side)
    bulge = 0.0011 * (1 - u**4) * (1 - 0.5 * (2 * v - 0.9) ** 2) - 0.0016 * np.clip(1 - v * 8, 0, 1) ** 2
    bulge -= 0.0012 * np.abs(u) ** 8
    rise = height * v + tilt * u * half + sink + 0.0005 * u**2 * np.clip(1 - v * 4, 0, 1)
    points = origin + point + normal * bulge[:, :, None] + np.array([0, 0, up]) * rise[:, :, None]
    shade = (1.0 - 0.10 * v**2)[:, :, None] * _ENAMEL * np.array([1.0, 1.0, 1.0])
    shade = shade * (1.0 - 0.55 * np.abs(u[:, :, None]) ** 10)
    return _patch(points, shade, normal)


def _gum(origin: Floats, side: float, length: float, sizes: tuple[tuple[float, float], ...], up: float) -> Ribbons:
    columns, rows = 40, 6
    s = np.linspace(0.0, length, columns)
    middles = np.cumsum([0.0] + [width * 0.94e-3 for width, _ in sizes])
    which = np.clip(np.searchsorted(middles, s, side="right") - 1, 0, len(sizes) - 1)
    inside = (s - middles[which]) / np.array([width * 0.94e-3 for width, _ in sizes])[which]
    # The gum's edge rises over each crown and dips between two.
    edge = (
        np.array([height for _, height in sizes])[which] * 1e-3 * (0.86 + 0.10 * np.sin(np.pi * np.clip(inside, 0, 1)))
    )
    v = np.linspace(0.0, 1.0, rows)[:, None]
    point, normal = _arch(np.broadcast_to(s, (rows, columns)).astype(np.float32), side)
    rise = edge[None] + v * 0.009
    out = 0.0004 + 0.0009 * np.sin(np.pi * np.clip(v * 0.8, 0, 1)) + np.zeros_like(rise)
    points = origin + point + normal * out[:, :, None] + np.array([0, 0, up]) * rise[:, :, None]
    return _patch(points, np.broadcast_to(_GUM, points.shape), normal)


def _patch(points: NDArray[np.float64], colours: NDArray[np.float64], outward: Floats) -> Ribbons:
    rows, columns = points.shape[:2]
    start = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).ravel()
    quads = np.stack([start, start + 1, start + columns, start + 1, start + columns + 1, start + columns], axis=1)
    faces = quads.reshape(-1, 3).astype(np.int32)
    flat = points.reshape(-1, 3).astype(np.float32)
    normals = vertex_normals(flat, faces)
    flip = np.sign((normals * outward.reshape(-1, 3)).sum(1, keepdims=True))
    return Ribbons(
        points=flat,
        normals=(normals * np.where(flip == 0, 1, flip)).astype(np.float32),
        tangents=np.zeros_like(flat),
        colours=np.ascontiguousarray(colours.reshape(-1, 3)).astype(np.float32),
        depth=np.ones(len(flat), np.float32),
        faces=faces,
        kind=np.ones(len(faces), np.int32),
    )


def _jaw_motion(body: Body, action: str, points: Floats) -> Floats:
    """The affine motion of the tongue's root under an action, applied to `points`.

    The tongue and the lower row are both fixed to the jaw bone, and the mesh says how the tongue moves.
    """
    tongue = np.unique(body.faces[body.parts == TONGUE])
    rest = body.rest[tongue].astype(np.float64)
    delta = body.deltas[body.actions.index(action), tongue].astype(np.float64)
    solution = np.linalg.lstsq(np.c_[rest[:, 1:], np.ones(len(rest))], delta, rcond=None)[0]
    return np.asarray(np.c_[points[:, 1:], np.ones(len(points))] @ solution, dtype=np.float32)
