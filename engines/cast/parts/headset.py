"""Headsets: padded cups over the ears on a band over the hair, with or without a boom; or buds in the ears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.look import Look
from mien.engines.cast.parts.clearance import Ear, Relief, ear, side_relief
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, unit
from mien.engines.cast.parts.solids import (
    Mesh,
    ball,
    frames,
    grained,
    lathe,
    made,
    outline,
    placed,
    smooth_curve,
    sweep,
    tube,
)

Floats = NDArray[np.float32]

#: Room between skull and band that the hair of a style takes, pressed down, m.
_HAIR_M = {"shaved": 0.003, "buzz": 0.006, "afro": 0.030, "coils": 0.018, "wavy": 0.017, "long": 0.015, "swept": 0.020}
_HAIR_OTHER_M = 0.012
#: How far a cushion is pressed into skin and hair.
_PRESS_M = 0.0015
_STEEL = np.array([0.5, 0.5, 0.5], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Cup:
    """Where one cup sits: its cushion's middle on the skull, and its axes (outwards, up, forward)."""

    side: float
    at: Floats
    out: Floats
    up: Floats
    forward: Floats
    half: Floats
    relief: Relief
    middle_x: float

    def place(self, points: Floats) -> Floats:
        """(N, 3) points given as (forward, up, out), m, in the body's space."""
        axes = np.stack([self.forward, self.up, self.out])
        return np.asarray(self.at + points @ axes, dtype=np.float32)


def build_headset(body: Body, look: Look, seed: int) -> Piece | None:
    """A headset of the look's style; None where the look wears none."""
    rng = np.random.default_rng((seed, 0x4EAD))
    if look.headset == "earbuds":
        return _earbuds(body, look, rng)
    if look.headset == "none":
        return None
    colour = np.asarray(look.headset_rgb, np.float32)
    accent = colour * 0.5 + 0.02 if rng.random() < 0.6 else rng.uniform(0.05, 0.6, 3).astype(np.float32)
    boom_side = float(rng.choice((-1.0, 1.0))) if rng.random() < 0.6 else 0.0
    parts: list[Piece] = []
    cups = []
    for side in (1.0, -1.0):
        relief = side_relief(body, side)
        cup = _cup(body, ear(body, side, relief=relief), relief, side)
        cups.append(cup)
        parts += _shell(cup, colour, accent, rng)
        if side == boom_side:
            parts += _boom(body, cup, colour)
    parts += _band(body, cups, _HAIR_M.get(look.hair_style, _HAIR_OTHER_M), colour)
    return joined(parts)


def _cup(body: Body, spot: Ear, relief: Relief, side: float) -> _Cup:
    middle = float(body.brow_centre[0])
    half = np.array([max(0.0335, spot.size[0] + 0.014), max(0.042, spot.size[1] + 0.013)], np.float32)
    # The plane through the skull before, behind, above and below the ear.
    around = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    y = spot.centre[1] + 0.8 * half[0] * np.cos(around)
    z = spot.centre[2] + 0.8 * half[1] * np.sin(around)
    skull = relief(y.astype(np.float32), z.astype(np.float32))
    fit = np.linalg.lstsq(np.c_[y - spot.centre[1], z - spot.centre[2], np.ones(24)], skull, rcond=None)[0]
    lean = np.clip(fit[:2], -0.22, 0.22)
    out = unit(np.array([side, -lean[0], -lean[1]], np.float32))
    up = np.array([0.0, 0.12, 1.0], np.float32)
    up = unit(up - out * float(up @ out))
    forward = unit(np.cross(up, out)) * side
    forward = forward * (1.0 if forward[1] < 0 else -1.0)
    stand = float(np.max(skull - (lean[0] * (y - spot.centre[1]) + lean[1] * (z - spot.centre[2])))) - _PRESS_M
    at = np.array([middle + side * stand, spot.centre[1], spot.centre[2]], np.float32)
    return _Cup(side, at, out, up, forward.astype(np.float32), half, relief, middle)


def _shell(cup: _Cup, colour: Floats, accent: Floats, rng: np.random.Generator) -> list[Piece]:
    """A cushion that follows the skull, a baffle, a turned shell with a ring and a plate, and the yoke."""
    ring = outline(cup.half[0], cup.half[1], power=2.3, count=72)
    depth, thick = 0.021, 0.0105
    fabric = np.maximum(colour * 0.8, 0.012).astype(np.float32)
    parts = [made(_cushion(cup, ring, depth, thick), fabric, Material.FABRIC, Label.HEADSET)]
    profile = np.array(
        [[0.0, -0.003], [0.72, -0.003], [0.98, -0.001], [1.04, 0.002], [1.05, 0.006], [1.03, 0.0105], [0.985, 0.0135],
         [0.93, 0.0150], [0.915, 0.0142], [0.88, 0.0142], [0.865, 0.0152], [0.80, 0.0182], [0.68, 0.0208],
         [0.66, 0.0203], [0.62, 0.0203], [0.60, 0.0212], [0.4, 0.0222], [0.2, 0.0227], [0.0, 0.0228]]
    )  # fmt: skip
    parts.append(made(_oval(cup, profile, depth), colour, Material.PLASTIC, Label.HEADSET))
    plate = np.array([[0.0, 0.0223], [0.56, 0.0209], [0.575, 0.0214], [0.56, 0.0222], [0.45, 0.0231], [0.0, 0.0241]])
    shine = Material.METAL if accent.max() > 0.15 else Material.PLASTIC
    parts.append(made(_oval(cup, plate, depth), accent, shine, Label.HEADSET))
    if rng.random() < 0.5:  # a thin ring of another colour in the shell's step
        band = np.array([[0.875, 0.0138], [0.905, 0.0138], [0.905, 0.0150], [0.875, 0.0150]])
        parts.append(made(_oval(cup, np.concatenate([band, band[:1]]), depth), accent, Material.PLASTIC, Label.HEADSET))
    return parts


def _cushion(cup: _Cup, ring: Floats, depth: float, thick: float) -> Mesh:
    """A soft torus whose inner side lies on the skull."""
    path = np.concatenate([ring, np.full((len(ring), 1), depth / 2, np.float32)], 1)
    along = np.roll(ring, -1, 0) - np.roll(ring, 1, 0)
    normal = np.stack([along[:, 1], -along[:, 0], np.zeros(len(ring))], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    path = path - normal * (thick - 0.001)
    up = np.broadcast_to(np.array([0, 0, 1.0]), path.shape)
    points, faces = sweep(
        path.astype(np.float32), normal.astype(np.float32), up.astype(np.float32),
        outline(thick, depth / 2, power=2.6, count=20), closed=True,
    )  # fmt: skip
    spread = np.clip(1.0 - points[:, 2] / depth, 0.0, 1.0)
    world = cup.place(points)
    skull = cup.relief(world[:, 1], world[:, 2]) - _PRESS_M
    lies = cup.middle_x + cup.side * skull
    # The half that touches the head moves to the skull's surface; the outer half stays round.
    move = np.clip(cup.side * (world[:, 0] - lies), 0.0, 0.012)
    world[:, 0] -= cup.side * (move * spread**2).astype(np.float32)
    return world.astype(np.float32), faces if cup.side < 0 else np.ascontiguousarray(faces[:, ::-1])


def _oval(cup: _Cup, profile: NDArray[np.float64], depth: float) -> Mesh:
    """A turned shape on the cup's oval: radius as a share of it, and how far out from the cushion, m."""
    dense = _rounded(profile)
    points, faces = lathe(dense, count=72)
    angle = np.arctan2(points[:, 1], points[:, 0])
    radius = np.hypot(points[:, 0], points[:, 1])
    power = 2.3
    reach = (np.abs(np.cos(angle) / cup.half[0]) ** power + np.abs(np.sin(angle) / cup.half[1]) ** power) ** (
        -1 / power
    )
    flat = np.stack([radius * reach * np.cos(angle), radius * reach * np.sin(angle), points[:, 2] + depth - 0.002], 1)
    world = cup.place(flat)
    # (forward, up, out) is right-handed on one side of the head only.
    return world, faces if cup.side < 0 else np.ascontiguousarray(faces[:, ::-1])


def _rounded(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each corner of a profile cut (Chaikin's scheme), so that edges catch light as worn ones do."""
    a, b = profile[:-1], profile[1:]
    cut = np.stack([0.85 * a + 0.15 * b, 0.15 * a + 0.85 * b], 1).reshape(-1, profile.shape[1])
    return np.concatenate([profile[:1], cut, profile[-1:]])


def _band(body: Body, cups: list[_Cup], hair_m: float, colour: Floats) -> list[Piece]:
    """Sliders up from each cup, and between them a sprung band over the hair with a pad beneath."""
    eyes = body.brow_centre
    left, right = cups
    feet = [cup.place(np.array([[0.0, cup.half[1] * 0.55, 0.034]], np.float32))[0] for cup in cups]
    shoulder = [cup.place(np.array([[0.0, cup.half[1] + 0.018, 0.027]], np.float32))[0] for cup in cups]
    plane_y = (feet[0][1] + feet[1][1]) / 2
    skull = _skull_arc(body, plane_y, hair_m)
    knots = np.concatenate([shoulder[0][None], skull, shoulder[1][None]])
    path = _eased(smooth_curve(knots, 120))
    centre = np.array([eyes[0], plane_y, eyes[2] + 0.02], np.float32)
    out = unit(path - centre)
    along = unit(np.gradient(path, axis=0))
    out = unit(out - along * (out * along).sum(1, keepdims=True))
    wide = np.cross(along, out)
    t = np.linspace(-1.0, 1.0, len(path))
    profile = outline(1.0, 1.0, power=3.2, count=24)
    size = np.stack([0.0135 - 0.0045 * np.abs(t) ** 3, np.full(len(t), 0.0022)], 1)
    top = sweep(path + out * 0.0045, wide, out, profile, scale=size, round_m=0.002)
    inner = slice(12, -12)
    puff = np.stack([0.0142 - 0.005 * np.abs(t[inner]) ** 3, 0.0052 * np.cos(t[inner] * 1.35) ** 0.5], 1)
    pad = sweep(path[inner], wide[inner], out[inner], outline(1.0, 1.0, power=2.5, count=24), scale=puff, round_m=0.004)
    fabric = np.maximum(colour * 0.8, 0.012).astype(np.float32)
    parts = [
        made(top, colour, Material.PLASTIC, Label.HEADSET),
        made(pad, fabric, Material.FABRIC, Label.HEADSET),
    ]
    for cup, foot, up in zip((left, right), feet, shoulder, strict=True):
        parts += _yoke(cup, foot, up, path[4] if cup is left else path[-5], colour)
    return parts


def _skull_arc(body: Body, plane_y: float, hair_m: float) -> Floats:
    """(9, 3) points over the head from left to right in a plane of constant y, `hair_m` clear of the skull."""
    eyes = body.brow_centre
    centre = np.array([eyes[0], plane_y, eyes[2] + 0.02], np.float32)
    near = body.rest[np.abs(body.rest[:, 1] - plane_y) < 0.014] - centre
    angle = np.arctan2(near[:, 2], near[:, 0])
    reach = np.hypot(near[:, 0], near[:, 2])
    knots = []
    for way in np.radians(np.linspace(28.0, 152.0, 9)):
        close = reach[np.abs(angle - way) < 0.12]
        far = float(close.max()) + hair_m + 0.0055
        knots.append(centre + far * np.array([np.cos(way), 0.0, np.sin(way)]))
    return np.asarray(knots, dtype=np.float32)


def _eased(path: Floats) -> Floats:
    for _ in range(10):
        path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    return path


def _yoke(cup: _Cup, foot: Floats, shoulder: Floats, band: Floats, colour: Floats) -> list[Piece]:
    """A fork about the cup's upper half, and a steel slider into the band."""
    half = cup.half * 1.085
    angle = np.radians(np.linspace(-8.0, 188.0, 60))
    arc = np.stack([half[0] * np.cos(angle), half[1] * np.sin(angle), np.full(60, 0.0262)], 1).astype(np.float32)
    path = cup.place(arc)
    out = np.broadcast_to(cup.out, path.shape)
    along = unit(np.gradient(path, axis=0))
    fork = sweep(path, unit(np.cross(along, out)), out, outline(0.0021, 0.0042, power=3.0, count=16), round_m=0.002)
    parts = [made(fork, colour, Material.PLASTIC, Label.HEADSET)]
    for end in (path[0], path[-1]):
        turned = lathe(_rounded(np.array([[0, -0.002], [0.0042, -0.002], [0.0042, 0.0022], [0, 0.0024]])), count=28)
        pivot = placed(turned, end + cup.out * 0.0035, cup.out, cup.up)
        parts.append(made(pivot, _STEEL * 0.6, Material.METAL, Label.HEADSET))
    root = cup.place(np.array([[0.0, half[1], 0.0262]], np.float32))[0]
    rail = smooth_curve(np.stack([root, shoulder * 0.7 + root * 0.3, shoulder, band]), 24)
    side, up = frames(rail, cup.out)
    parts.append(made(sweep(rail, side, up, outline(0.0052, 0.0011, power=3.5, count=16)), _STEEL, Material.METAL,
                      Label.HEADSET))  # fmt: skip
    return parts


def _boom(body: Body, cup: _Cup, colour: Floats) -> list[Piece]:
    """An arm from the cup's lower front to the corner of the mouth, with a foam tip."""
    eyes = body.brow_centre
    start = cup.place(np.array([[cup.half[0] * 0.55, -cup.half[1] * 0.72, 0.028]], np.float32))[0]
    near = body.rest[(np.abs(body.rest[:, 2] - eyes[2] + 0.072) < 0.012) & (body.rest[:, 1] < eyes[1] + 0.03)]
    front = float(near[:, 1].min())
    tip = np.array([eyes[0] + cup.side * 0.031, front - 0.010, eyes[2] - 0.079], np.float32)
    bend = np.array([cup.at[0] + cup.side * 0.008, (start[1] * 0.45 + tip[1] * 0.55), tip[2] + 0.002], np.float32)
    turn = np.array([eyes[0] + cup.side * 0.062, tip[1] + 0.014, tip[2]], np.float32)
    path = smooth_curve(np.stack([start, bend, turn, tip]), 70)
    arm = tube(path, 0.0019, around=14)
    way = unit(path[-1] - path[-4])
    foam, grain = grained(ball((0.0072, 0.0072, 0.0105), count=44), 0.0004, 17)
    tip_mesh = placed(foam, tip, way)
    dark = np.maximum(colour * 0.6, 0.012).astype(np.float32)
    joint = placed(ball((0.0062, 0.0062, 0.0036), power=3.0, count=28), start, cup.out)
    return [
        made(arm, dark, Material.PLASTIC, Label.HEADSET),
        made(joint, dark, Material.PLASTIC, Label.HEADSET),
        made(tip_mesh, np.array([0.018, 0.018, 0.02]) * grain[:, None], Material.FOAM, Label.HEADSET),
    ]


def _earbuds(body: Body, look: Look, rng: np.random.Generator) -> Piece:
    """A bud in each ear's hollow with a stem before the lobe."""
    colour = np.asarray(look.headset_rgb, np.float32)
    if rng.random() < 0.5:
        colour = np.array([0.72, 0.72, 0.73], np.float32)
    stem_m = float(rng.uniform(0.013, 0.021))
    parts = []
    for side in (1.0, -1.0):
        spot = ear(body, side)
        out = unit(np.array([side, -0.45, -0.12], np.float32))
        at = spot.canal + out * 0.0055
        bud = placed(ball((0.0068, 0.0078, 0.0074), count=36), at, out, (0, 0, 1))
        tip = placed(ball((0.0056, 0.0056, 0.005), count=24), at - out * 0.0065, out)
        top = at + out * 0.0042 + np.array([0, 0, 0.0025], np.float32)
        lean = np.array([side * 0.0012, -0.0062, -1.0 * stem_m], np.float32)
        stem = tube(smooth_curve(np.stack([top, top + lean * 0.5, top + lean]), 24), 0.0031, around=22)
        turned = lathe([[0.0, 0.0], [0.0018, 0.0], [0.0018, 0.0004], [0.0, 0.0005]], count=16)
        mesh = placed(turned, top + lean + unit(lean) * 0.0029, lean)
        parts += [
            made(bud, colour, Material.PLASTIC, Label.HEADSET),
            made(tip, np.array([0.05, 0.05, 0.052]), Material.FABRIC, Label.HEADSET),
            made(stem, colour, Material.PLASTIC, Label.HEADSET),
            made(mesh, _STEEL * 0.5, Material.METAL, Label.HEADSET),
        ]
    return joined(parts)
