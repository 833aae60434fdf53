"""Beards: moustache, goatee, short and full, and stubble, hair by hair on the skin that moves them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.look import Look
from mien.engines.cast.parts.hair.envelope import envelope
from mien.engines.cast.parts.hair.roots import Spots, scattered
from mien.engines.cast.parts.piece import Label, Piece, unit
from mien.engines.cast.parts.scalp import ear_mask, head_centre, painted, pigment
from mien.engines.cast.parts.strands import ribbons
from mien.engines.cast.recipe import Recipe

Floats = NDArray[np.float32]

#: From this much stubble on, its hairs are drawn; below, the skin's shadow is enough.
_STUBBLE_FROM = 0.45
#: Cheek line: height above the mouth, m, over the azimuth from the mouth's corner to the ear.
_CHEEK_DEG = np.array([8.0, 16.0, 28.0, 42.0, 56.0, 66.0, 72.0])
_CHEEK_M = np.array([0.004, 0.0035, 0.006, 0.016, 0.034, 0.056, 0.070])
#: Vertices that MakeHuman's mask counts at least so much as lip carry no hair.
_LIP = 0.12


@dataclass(frozen=True, slots=True)
class _Cut:
    """Hairs before thinning, points of each, lengths of moustache, cheek and chin (m), width (m), how they stand."""

    hairs: int
    steps: int
    moustache_m: float
    cheek_m: float
    chin_m: float
    width_m: float
    lift: float
    fall: float


_CUTS = {
    "stubble": _Cut(9000, 2, 0.0014, 0.0014, 0.0015, 0.00016, 0.6, 0.0),
    "moustache": _Cut(5200, 5, 0.0105, 0.0, 0.0, 0.00042, 0.3, 0.35),
    "goatee": _Cut(8500, 5, 0.0085, 0.006, 0.012, 0.00042, 0.35, 0.35),
    "short": _Cut(17500, 4, 0.0062, 0.0048, 0.0068, 0.00036, 0.42, 0.3),
    "full": _Cut(15500, 6, 0.012, 0.012, 0.021, 0.00056, 0.5, 0.5),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """Places around the mouth: its middle (3,), half its width, the chin's and the nose's heights above it, m."""

    mouth: Floats
    half_m: float
    chin_m: float
    nose_m: float


def grow_beard(body: Body, recipe: Recipe) -> Piece | None:
    """The beard of one person, tied to the skin; None for a shaved face.

    Args:
        body: at rest.
        recipe: gives style, colours and seed; without a beard, strong stubble is drawn as short hairs.

    """
    look = recipe.look
    style = look.beard if look.beard != "none" else ("stubble" if look.stubble > _STUBBLE_FROM else "none")
    if style == "none":
        return None
    rng = np.random.default_rng((recipe.seed, 0xBE))
    cut = _CUTS[style]
    face = _face(body)
    spots, density = _rooted(body, face, style, int(cut.hairs * (look.stubble if style == "stubble" else 1.0)), rng)
    curves, facing = _grown(body, face, spots, density, cut, look, rng)
    count = len(curves)
    widths = (cut.width_m * rng.uniform(0.75, 1.2, count)).astype(np.float32)
    piece = ribbons(curves, facing, widths, _colours(look, spots, face, rng), tip=0.35, label=Label.BEARD)
    return replace(piece, openness=_openness(piece, style), anchors=spots.anchors(2 * cut.steps))


def beard_density(body: Body, face: _Face, points: Floats, style: str) -> Floats:
    """(N,) float32 0..1: how densely a style grows at (N, 3) points of the skin, lips and ears not looked at."""
    at = points - face.mouth
    side, height = np.abs(at[:, 0]), at[:, 2]
    offset = points - head_centre(body)
    azimuth = np.degrees(np.arctan2(np.abs(offset[:, 0]), -offset[:, 1]))
    lip = _soft((face.nose_m + 0.0005 - 0.12 * side - height) / 0.0025)
    lip = lip * _soft((face.half_m + 0.007 - side) / 0.006) * _soft((height + 0.004) / 0.004)
    # From the nose's wings the moustache's upper edge falls to the corners of the mouth.
    lip = lip * _soft((face.nose_m - 0.001 - 0.62 * np.maximum(side - 0.013, 0.0) - height) / 0.003)
    cheek = np.interp(azimuth, _CHEEK_DEG, _CHEEK_M)
    below = _soft((cheek - height) / 0.008) * _soft((77.0 - azimuth) / 6.0)
    below = below * np.maximum(_soft((azimuth - 7.5) / 3.0), _soft((-0.010 - height) / 0.004))
    # Under the chin it ends on the throat, higher towards the ears.
    throat = face.chin_m - 0.020 + 0.5 * np.maximum(at[:, 1] - 0.055, 0.0)
    below = below * _soft((height - throat) / 0.012) * _soft((0.105 - at[:, 1]) / 0.02)
    # Bare beside the patch under the lip.
    bare = np.exp(-(((side - 0.015) / 0.006) ** 2) - ((height + 0.014) / 0.006) ** 2)
    jaw = 0.85 * below * (1.0 - 0.75 * bare)
    if style == "moustache":
        return np.asarray(lip, dtype=np.float32)
    if style == "goatee":
        bridge = _soft((face.half_m + 0.0085 - side) / 0.004) * _soft((height - face.chin_m - 0.004 + 0.02) / 0.01)
        ring = np.maximum(_soft((side - face.half_m + 0.004) / 0.004), _soft((-0.016 - height) / 0.006))
        patch = _soft((0.006 - side) / 0.004)
        chin = jaw * bridge * np.maximum(ring, patch)
        return np.asarray(np.maximum(lip, chin), dtype=np.float32)
    return np.asarray(np.maximum(lip, jaw), dtype=np.float32)


def _soft(value: Floats | NDArray[np.float64]) -> Floats:
    share = np.clip(value + 0.5, 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def _face(body: Body) -> _Face:
    lips = painted(body, "lips") > 0.5
    points = body.rest[lips]
    front = points[points[:, 1] < np.median(points[:, 1])]
    middle = front[np.abs(front[:, 0] - body.brow_centre[0]) < 0.006]
    mouth = np.array(
        [body.brow_centre[0], middle[:, 1].min(), (middle[:, 2].max() + middle[:, 2].min()) / 2], np.float32
    )
    at = body.rest - mouth
    skin = np.zeros(len(body.rest), bool)
    skin[body.faces[body.parts == SKIN]] = True
    line = skin & (np.abs(at[:, 0]) < 0.004)
    tip = at[line & (at[:, 2] > 0.01) & (at[:, 2] < 0.06)]
    tip_z = float(tip[tip[:, 1].argmin(), 2])
    # Where lip and nose meet, the profile lies farthest back between the two.
    fold = at[line & (at[:, 2] > 0.006) & (at[:, 2] < tip_z) & (at[:, 1] < 0.03)]
    chin = at[line & (at[:, 2] < -0.02) & (at[:, 2] > -0.075) & (at[:, 1] < 0.02)]
    return _Face(
        mouth=mouth,
        half_m=float(np.abs(points[:, 0] - mouth[0]).max()),
        chin_m=float(chin[:, 2].min()),
        nose_m=float(fold[fold[:, 1].argmax(), 2]),
    )


def _rooted(body: Body, face: _Face, style: str, count: int, rng: np.random.Generator) -> tuple[Spots, Floats]:
    faces = body.faces[body.parts == SKIN]
    bare = np.maximum(painted(body, "lips") / _LIP, ear_mask(body) / 0.3)
    at = body.rest - face.mouth
    near = (at[:, 2] < 0.085) & (at[:, 2] > face.chin_m - 0.05) & (at[:, 1] < 0.13)
    faces = faces[near[faces].all(1) & (bare[faces].max(1) < 1.0)]
    faces = faces[beard_density(body, face, body.rest[faces].mean(1), style) > 0.002]
    spots = scattered(body, faces, count, rng)
    density = beard_density(body, face, spots.points, style)
    keep = rng.random(count) < density
    return spots.only(keep), density[keep]


def _grown(
    body: Body, face: _Face, spots: Spots, density: Floats, cut: _Cut, look: Look, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    count, at = len(spots.points), spots.points - face.mouth
    upper = _soft((at[:, 2] + 0.001) / 0.004) * _soft((face.half_m + 0.004 - np.abs(at[:, 0])) / 0.004)
    chin = _soft((-0.012 - at[:, 2]) / 0.012) * _soft((0.032 - np.abs(at[:, 0])) / 0.012)
    length = cut.cheek_m + (cut.chin_m - cut.cheek_m) * chin
    length = length + (cut.moustache_m - length) * upper
    # Shorter where it thins out, and above the lip's middle, so that no hair hangs over the mouth.
    length = length * (0.45 + 0.55 * density) * rng.uniform(0.65, 1.1, count)
    room = np.maximum(at[:, 2] - 0.001, 0.0) * 1.15 + 0.003 + 0.35 * np.abs(at[:, 0])
    length = np.where(upper > 0.5, np.minimum(length, room), length)
    side = np.sign(at[:, 0] + 1e-6)
    out = np.where(upper > 0.5, 0.35 + 1.1 * np.clip(np.abs(at[:, 0]) / 0.012, 0, 1), 0.12)
    down = np.stack([side * out, np.zeros(count), -np.ones(count)], axis=1) + 0.26 * rng.standard_normal((count, 3))
    way = down.astype(np.float32)
    way = way - spots.normals * (way * spots.normals).sum(1, keepdims=True)
    way = unit(unit(way) * (1 - cut.lift) + spots.normals * cut.lift)
    t = np.linspace(0.0, 1.0, cut.steps, dtype=np.float32)[None, :, None]
    span = length.astype(np.float32)[:, None, None]
    curves = spots.points[:, None] + way[:, None] * (span * t)
    curves[:, :, 2] -= cut.fall * (span * t**2)[:, :, 0]
    curl = (0.06 + 0.16 * look.african + 0.1 * (cut.chin_m > 0.02)) * rng.standard_normal((count, 2, 3)).astype(
        np.float32
    )
    curves = curves + span * (curl[:, :1] * np.sin(np.pi * 1.6 * t) * t + curl[:, 1:] * t**2)
    free = curves[:, 1:].reshape(-1, 3)
    curves[:, 1:] = envelope(body, ears=False).lifted(free, 0.0003).reshape(count, cut.steps - 1, 3)
    roll = 0.6 * rng.standard_normal((count, 1, 3)).astype(np.float32)
    facing = unit(np.repeat(spots.normals[:, None], cut.steps, axis=1) + roll)
    return curves.astype(np.float32), facing


def _colours(look: Look, spots: Spots, face: _Face, rng: np.random.Generator) -> Floats:
    """A beard is often redder than the head, and greys from the chin."""
    count = len(spots.points)
    tone = pigment(look) * np.array([1.12, 0.98, 0.9])
    colours = tone[None] * rng.lognormal(0.0, 0.24, (count, 1))
    at = spots.points - face.mouth
    chin = np.exp(-(((np.abs(at[:, 0])) / 0.028) ** 2)) * (at[:, 2] < -0.01)
    white = rng.random(count) < np.clip(look.hair_grey * (0.75 + 0.5 * chin), 0.0, 0.95)
    greys = np.array([0.36, 0.355, 0.345]) * rng.uniform(0.8, 1.12, (count, 1))
    colours += (greys - colours) * np.where(white, 0.85, 0.3 * look.hair_grey)[:, None]
    return np.asarray(np.clip(colours, 0.004, 0.7), dtype=np.float32)


def _openness(piece: Piece, style: str) -> Floats:
    """Short hairs stand in the open; in a full beard the roots are dark."""
    least = {"stubble": 0.75, "full": 0.3}.get(style, 0.45)
    return np.asarray(least + (1 - least) * (piece.openness - 0.3) / 0.7, dtype=np.float32)
