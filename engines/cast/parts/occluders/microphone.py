"""Studio microphones on an arm: a foam windscreen, a broadcast microphone, or a ball of woven wire."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.occluders.place import Occluder, Path, Spots, before, occluding
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

_BLACK = np.array([0.016, 0.016, 0.018], np.float32)
_GREY = np.array([0.16, 0.16, 0.165], np.float32)
_STEEL = np.array([0.5, 0.5, 0.49], np.float32)
KINDS = ("foam", "broadcast", "wire")


def microphone_occluder(rng: np.random.Generator, spots: Spots, *, kind: str | None = None) -> Occluder:
    """A microphone before mouth, chin or cheek; `kind` is one of `KINDS`, drawn if not given."""
    name = kind or str(rng.choice(KINDS))
    side = float(rng.choice((-1.0, 1.0)))
    distance = float(rng.uniform(0.045, 0.11))
    tip = spots.mouth + np.array([side * rng.uniform(0.0, 0.034), -distance, rng.uniform(-0.03, 0.022)], np.float32)
    towards = unit(spots.mouth + np.array([0, 0.02, 0], np.float32) - tip)
    # It comes from its own side, and mostly from below, so that the mouth is seen from the front.
    way = unit(towards + np.array([-side * rng.uniform(0.5, 1.2), 0.0, rng.uniform(0.1, 0.9)], np.float32))
    body_colour = _BLACK if rng.random() < 0.6 else rng.choice(np.stack([_GREY, _STEEL * 0.5]))
    parts, tail, mount = {"foam": _foam, "broadcast": _broadcast, "wire": _wire}[name](tip, way, body_colour, rng)
    parts += _arm(tail, mount, way, side)
    piece = before(spots, joined(parts), clear_m=0.006)
    path = Path(
        away=(side * 0.34, -0.05, -0.16),
        stay_s=float(rng.uniform(3.0, 9.0)),
        move_s=float(rng.uniform(0.7, 1.2)),
        drift_m=0.0003,
        phase=float(rng.uniform(0, 6.28)),
    )
    return Occluder(kind=f"microphone:{name}", piece=occluding(piece), path=path, worn=False)


def _made(mesh: Mesh, colour: Floats, material: Material) -> Piece:
    return made(mesh, colour, material, Label.OCCLUDER)


def _foam(tip: Floats, way: Floats, colour: Floats, rng: np.random.Generator) -> tuple[list[Piece], Floats, Floats]:
    """A condenser under a foam windscreen, in a cradle of cords."""
    hue = rng.choice(np.array([[0.012, 0.012, 0.013], [0.012, 0.012, 0.013], [0.2, 0.012, 0.015], [0.02, 0.04, 0.12]]))
    size = rng.uniform(0.9, 1.15)
    (points, faces), grain = grained(ball(np.array([0.029, 0.029, 0.040]) * size, power=2.4, count=80), 0.00028, 5)
    foam = _made(placed((points, faces), tip - way * 0.040 * size, way), hue * grain[:, None], Material.FOAM)
    profile = [[0, -0.165], [0.013, -0.164], [0.0155, -0.1615], [0.0225, -0.158], [0.0235, -0.156], [0.0235, -0.128],
               [0.0228, -0.1272], [0.0228, -0.1262], [0.0235, -0.1254], [0.0235, -0.06], [0.022, -0.05],
               [0, -0.05]]  # fmt: skip
    tube_ = _made(placed(lathe(profile, count=56), tip, way), colour, Material.METAL)
    middle = tip - way * 0.112
    return [foam, tube_, *_cradle(middle, way)], tip - way * 0.165, middle


def _broadcast(
    tip: Floats, way: Floats, colour: Floats, rng: np.random.Generator
) -> tuple[list[Piece], Floats, Floats]:
    """A long dynamic microphone: foam cap, slotted barrel, a steel ring, and a bracket."""
    (points, faces), grain = grained(ball((0.0275, 0.0275, 0.034), power=3.0, count=72), 0.00022, 9)
    foam = _made(placed((points, faces), tip - way * 0.034, way), _BLACK * 0.8 * grain[:, None], Material.FOAM)
    radius = [0, 0.016, 0.021, 0.0245, 0.0262, 0.0266, 0.0266, 0.0258, 0.0258, 0.0266, 0.0266, 0.0258, 0.0258, 0.0266,
              0.0266, 0.0258, 0.0258, 0.0266, 0.0266, 0.0255, 0.024, 0]  # fmt: skip
    height = [-0.178, -0.177, -0.174, -0.168, -0.158, -0.150, -0.119, -0.1184, -0.1166, -0.116, -0.111, -0.1104,
              -0.1086, -0.108, -0.103, -0.1024, -0.1006, -0.100, -0.066, -0.0645, -0.060, -0.060]  # fmt: skip
    barrel = _made(placed(lathe(np.stack([radius, height], 1), count=64), tip, way), colour, Material.PLASTIC)
    band = [[0.0258, -0.064], [0.0275, -0.0635], [0.028, -0.061], [0.0275, -0.0585], [0.0258, -0.058], [0.0258, -0.064]]
    ring = _made(placed(lathe(band, count=64), tip, way), _STEEL, Material.METAL)
    middle = tip - way * 0.135
    return [foam, barrel, ring, *_bracket(middle, way)], tip - way * 0.178, middle


def _wire(tip: Floats, way: Floats, colour: Floats, rng: np.random.Generator) -> tuple[list[Piece], Floats, Floats]:
    """A stage microphone: a ball of woven wire with a band about its middle, on a tapering handle."""
    count = 84
    mesh = ball((0.0255, 0.0255, 0.0265), count=count)
    points, faces = mesh
    rows = np.arcsin(np.clip(points[:, 2] / 0.0265, -1, 1))
    around = np.arctan2(points[:, 1], points[:, 0])
    weave = np.sin(rows * count) * np.sign(np.sin(around * count / 4))
    points = points * (1.0 + 0.006 * weave[:, None]).astype(np.float32)
    shade = (0.36 + 0.26 * weave)[:, None] * np.array([1.0, 1.0, 0.99])
    grille = _made(placed((points.astype(np.float32), faces), tip - way * 0.0265, way), shade.astype(np.float32),
                   Material.METAL)  # fmt: skip
    band = [[0.0250, -0.0310], [0.0272, -0.0305], [0.0277, -0.0280], [0.0272, -0.0250], [0.0250, -0.0245],
            [0.0250, -0.0310]]  # fmt: skip
    ring = _made(placed(lathe(band, count=64), tip, way), _STEEL, Material.METAL)
    profile = [[0, -0.205], [0.0105, -0.2045], [0.0118, -0.2025], [0.0122, -0.199], [0.0172, -0.080], [0.0185, -0.066],
               [0.0212, -0.054], [0.0216, -0.049], [0.0205, -0.046], [0, -0.046]]  # fmt: skip
    handle = _made(placed(lathe(profile, count=56), tip, way), colour, Material.PLASTIC)
    middle = tip - way * 0.125
    clip_profile = [[0.0148, -0.018], [0.0182, -0.018], [0.0187, -0.016], [0.0192, 0.016], [0.0187, 0.018],
                    [0.0152, 0.018], [0.0148, -0.018]]  # fmt: skip
    clip = _made(placed(lathe(clip_profile, count=48), middle, way), _BLACK, Material.PLASTIC)
    return [grille, ring, handle, clip], tip - way * 0.205, middle


def _ring(middle: Floats, way: Floats, radius: float, thick: float) -> Mesh:
    angle = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(72)], 1).astype(np.float32)
    up = np.broadcast_to(np.array([0, 0, 1], np.float32), circle.shape)
    return placed(sweep(circle * radius, circle, up, outline(thick, thick * 1.3, power=2.6, count=14), closed=True),
                  middle, way)  # fmt: skip


def _cradle(middle: Floats, way: Floats) -> list[Piece]:
    """Two rings about the barrel, held by cords that run to and fro."""
    parts = []
    points = []
    across, up = _across(way)
    for end, lift in ((-1.0, 0.017), (1.0, 0.017)):
        parts.append(_made(_ring(middle + way * end * lift, way, 0.043, 0.0022), _BLACK * 1.5, Material.METAL))
        parts.append(_made(_ring(middle + way * end * 0.004, way, 0.0252, 0.0018), _BLACK * 1.5, Material.PLASTIC))
    for k in range(16):
        angle = k * np.pi / 8
        out = across * np.cos(angle) + up * np.sin(angle)
        end = 1.0 if k % 2 else -1.0
        points.append((middle + way * end * 0.017 + out * 0.0415, middle - way * end * 0.004 + out * 0.0265))
    for start, stop in points:
        path = np.linspace(start, stop, 6).astype(np.float32)
        parts.append(_made(tube(path, 0.00085, around=8), np.array([0.03, 0.03, 0.032], np.float32), Material.FABRIC))
    for turn in (0.4, 2.6, 4.6):
        out = across * np.cos(turn) + up * np.sin(turn)
        rod = np.linspace(middle - way * 0.018 + out * 0.043, middle + way * 0.018 + out * 0.043, 4).astype(np.float32)
        parts.append(_made(tube(rod, 0.0018, around=10), _BLACK * 1.5, Material.METAL))
    return parts


def _bracket(middle: Floats, way: Floats) -> list[Piece]:
    """A U of steel about the barrel with a knob at each end."""
    across, up = _across(way)
    angle = np.linspace(np.pi, 2 * np.pi, 40)
    arc = middle + 0.034 * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * up)
    path = np.concatenate([arc[:1] + up * 0.006, arc, arc[-1:] + up * 0.006]).astype(np.float32)
    side = np.broadcast_to(way, path.shape)
    along = unit(np.gradient(path, axis=0))
    strip = sweep(path, np.cross(along, side), side, outline(0.0014, 0.0065, power=3.5, count=16), round_m=0.001)
    parts = [_made(strip, _BLACK * 1.5, Material.METAL)]
    profile = [[0, -0.003], [0.0085, -0.003], [0.0092, -0.0015], [0.0092, 0.006], [0.0082, 0.0075], [0, 0.008]]
    for end in (-1.0, 1.0):
        knob = placed(lathe(profile, count=32), middle + across * end * 0.036 + up * 0.003, across * end)
        parts.append(_made(knob, _BLACK, Material.PLASTIC))
    return parts


def _across(way: Floats) -> tuple[Floats, Floats]:
    across = unit(np.cross(way, np.array([0.0, 0.0, 1.0], np.float32)))
    return across, unit(np.cross(across, way))


def _arm(tail: Floats, mount: Floats, way: Floats, side: float) -> list[Piece]:
    """From the mount a swivel, a parallel pair of bars to an elbow at the side, and on out of the picture."""
    _, up = _across(way)
    swivel = mount - up * 0.047
    joint = swivel + np.array([side * 0.012, 0.0, -0.028], np.float32)
    elbow = joint + np.array([side * 0.30, 0.06, -0.10], np.float32)
    foot = elbow + np.array([side * 0.10, 0.10, -0.45], np.float32)
    parts = [
        _made(tube(np.linspace(mount - up * 0.014, swivel, 6).astype(np.float32), 0.0048, around=18), _BLACK * 1.4,
              Material.METAL),
        _made(tube(smooth_curve(np.stack([swivel + up * 0.004, swivel - up * 0.006, joint]), 14), 0.0055, around=18),
              _BLACK * 1.4, Material.METAL),
        _made(placed(ball((0.010, 0.010, 0.009), power=3.0, count=28), joint, (0, 1, 0)), _BLACK, Material.PLASTIC),
        _made(placed(ball((0.013, 0.013, 0.011), power=3.0, count=28), elbow, (0, 1, 0)), _BLACK, Material.PLASTIC),
    ]  # fmt: skip
    for start, stop in ((joint, elbow), (elbow, foot)):
        along = unit(stop - start)
        apart = unit(np.cross(along, np.array([0.0, 1.0, 0.0], np.float32))) * 0.0078
        for sign in (-1.0, 1.0):
            bar = np.linspace(start + sign * apart, stop + sign * apart, 5).astype(np.float32)
            axes = frames(bar, (0, 1, 0))
            mesh = sweep(bar, *axes, outline(0.0042, 0.0042, power=4.0, count=20), round_m=0.001)
            parts.append(_made(mesh, _BLACK * 1.3, Material.METAL))
    parts.append(_cable(tail, way, joint, elbow))
    return parts


def _cable(tail: Floats, way: Floats, joint: Floats, elbow: Floats) -> Piece:
    """The lead hangs from the microphone's tail to the arm."""
    plug = tail - way * 0.022
    along = elbow - joint
    knots = [tail + way * 0.004, plug, plug - way * 0.02 + [0, 0, -0.018], joint + along * 0.22 + [0, -0.01, -0.022],
             joint + along * 0.5 + [0, -0.012, -0.012], elbow - [0, 0.012, 0.0]]  # fmt: skip
    path = smooth_curve(np.stack([np.asarray(k, np.float32) for k in knots]), 60)
    grow = np.interp(np.linspace(0, 1, 60), [0, 0.05, 0.051, 1], [0.0085, 0.0085, 0.0029, 0.0029])
    return _made(tube(path, grow, around=14), _BLACK, Material.PLASTIC)
