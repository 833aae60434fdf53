"""Spectacles, fitted as an optician would: to the eyes' distance, the nose's bridge, the head's width and its ears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.look import Look
from mien.engines.cast.parts.clearance import Relief, ear, front_relief, side_relief
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, unit
from mien.engines.cast.parts.solids import (
    Mesh,
    ball,
    frames,
    grid_faces,
    lathe,
    made,
    outline,
    placed,
    resampled,
    smooth_curve,
    sweep,
    tube,
)

Floats = NDArray[np.float32]

_RIM_STEPS = 84
_LENS_RINGS = 7
#: The front leans (its lower edge nearer to the cheeks) and curves about the face.
_LEAN = float(np.tan(np.radians(9.0)))
_FACE_FORM_RADIUS_M = 0.22
_LENS_BULGE_M = 0.0016
_CLEAR_SKIN_M = 0.0017
_CLEAR_EYE_M = 0.0105
#: Skin gives way under a pad.
_PAD_SINK_M = 0.0003
#: A moulded pad reaches no further from its rim; beyond, a pad on a wire is fitted.
_MOULDED_REACH_M = 0.0055
_STEEL = np.array([0.56, 0.55, 0.53], np.float32)


@dataclass(frozen=True, slots=True)
class _Model:
    """One kind of frame; lengths in m.

    Attributes:
        width: half a lens.
        height: half a lens.
        power: of the lens's superellipse.
        drop: how far the lens's middle hangs below the pupil.
        sweep: how far a lens's outer upper corner is drawn up and out, 0..1.
        cut: how far the inner lower corner is cut away for the nose.
        rim: half the rim's width seen from the front, at the top.
        rim_low: the same at the bottom.
        depth: half the rim's thickness.
        pads: the bridge rests on pads on wires, not on a moulded saddle.
        metal: the lower rim is metal.

    """

    width: float
    height: float
    power: float
    drop: float
    sweep: float
    cut: float
    rim: float
    rim_low: float
    depth: float
    pads: bool
    metal: bool


_MODELS = {
    "round": _Model(0.0222, 0.0207, 2.0, 0.0040, 0.0, 0.0, 0.0017, 0.0015, 0.0016, False, False),
    "square": _Model(0.0256, 0.0182, 4.6, 0.0042, 0.5, 0.0052, 0.0027, 0.0019, 0.0019, False, False),
    "thin": _Model(0.0248, 0.0172, 2.7, 0.0036, 0.15, 0.0022, 0.00062, 0.00062, 0.0008, True, True),
    "browline": _Model(0.0250, 0.0188, 2.8, 0.0042, 0.35, 0.0030, 0.0007, 0.0007, 0.0008, True, True),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Where a frame sits on one face: a front with coordinates u (to the left), v (up) and w (forward), m."""

    model: _Model
    body: Body
    front: Relief
    resting: Relief
    origin: Floats
    half_bridge: float
    scale: float

    def at(self, u: Floats, v: Floats, w: Floats | float) -> Floats:
        """(..., 3) points of the front in the body's space."""
        back = u**2 / (2 * _FACE_FORM_RADIUS_M) - v * _LEAN
        return np.asarray(self.origin + np.stack([u, back - w, v], -1), dtype=np.float32)

    @property
    def lens_u(self) -> float:
        """How far a lens's middle stands from the frame's, m."""
        return self.half_bridge + self.model.width * self.scale

    def edge(self, *, grow: float = 0.0) -> Floats:
        """(K, 2) float32 the left lens's edge, `grow` m further out; from its outer end over the top."""
        return _lens_edge(self.model, self.scale, grow) + np.array([self.lens_u, 0.0], np.float32)


def build_glasses(body: Body, look: Look, seed: int) -> Piece | None:
    """Spectacles of the look's style, rigid with the head; None where the look wears none.

    Faces of `Material.LENS` are the lenses, one layer each; their colour is the glass's tint.
    """
    if look.glasses == "none":
        return None
    rng = np.random.default_rng((seed, 0x61A5))
    fit = _fitted(body, _MODELS[look.glasses], float(rng.uniform(0.97, 1.05)))
    colour = np.asarray(look.glasses_rgb, np.float32)
    metal = _STEEL if colour.max() < 0.06 else np.clip(0.25 * _STEEL + 0.9 * colour, 0.0, 0.8).astype(np.float32)
    tint = np.array([0.93, 0.955, 0.95], np.float32) * (1.0 - (0.12 * rng.random() if rng.random() < 0.25 else 0.0))
    parts = [_lens(fit, side, tint) for side in (1.0, -1.0)]
    for side in (1.0, -1.0):
        parts += _rim(fit, side, colour, metal)
        parts += _temple(fit, side, colour, metal)
        parts += _nose_rest(fit, side, colour, metal)
    parts += _bridge(fit, colour, metal)
    return joined(parts)


def _lens_edge(model: _Model, scale: float, grow: float) -> Floats:
    """(K, 2) about the lens's own middle, counter-clockwise for the left lens."""
    power = model.power
    edge = outline(model.width * scale, model.height * scale, power=power, count=_RIM_STEPS).astype(np.float64)
    u, v = edge[:, 0] / model.width / scale, edge[:, 1] / model.height / scale
    # The lower half narrows towards the nose, the outer upper corner is drawn out.
    edge[:, 0] += model.sweep * 0.0022 * scale * v * np.clip(np.abs(u), 0, 1) * np.sign(u)
    edge[:, 0] += model.cut * scale * np.clip(-u, 0, 1) * np.clip(0.25 - v, 0, 1.2) ** 1.3
    edge[:, 1] += model.sweep * 0.0016 * scale * u * (v > 0) * np.abs(v)
    if grow:
        after, before = np.roll(edge, -1, 0), np.roll(edge, 1, 0)
        along = after - before
        normal = np.stack([along[:, 1], -along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
        edge = edge + normal * grow
    return edge.astype(np.float32)


def _fitted(body: Body, model: _Model, size: float) -> _Fit:
    """The frame as near to the face as it may come, its bridge as narrow as the nose allows."""
    front, resting = front_relief(body), front_relief(body, lifted=False)
    eyes = body.brow_centre
    half_pupils = float(body.eyes[0].centre[0] - body.eyes[1].centre[0]) / 2
    scale = size * half_pupils / 0.0325
    cornea = float(eyes[1]) - max(eye.radius for eye in body.eyes)
    best: _Fit | None = None
    for half_bridge in np.arange(0.0072, 0.0125, 0.0007) * scale:
        fit = _Fit(model, body, front, resting, _origin(eyes, eyes[1], model), float(half_bridge), scale)
        depth = min(_nearest(fit), cornea - _CLEAR_EYE_M - model.depth)
        fit = _Fit(model, body, front, resting, _origin(eyes, depth, model), float(half_bridge), scale)
        if best is None or fit.origin[1] > best.origin[1] + 0.0004:
            best = fit
    assert best is not None
    return best


def _origin(eyes: Floats, depth: float, model: _Model) -> Floats:
    return np.array([eyes[0], depth, eyes[2] - model.drop], np.float32)


def _nearest(fit: _Fit) -> float:
    """The greatest y of the front's origin at which the whole rim is clear of the skin, m."""
    model = fit.model
    room = []
    for grow in (-0.5 * model.rim, model.rim, 2 * model.rim):
        edge = fit.edge(grow=grow)
        for side in (1.0, -1.0):
            points = fit.at(side * edge[:, 0], edge[:, 1], -model.depth)
            # The pads and the saddle stand between rim and nose there, so the rim itself may come near.
            clear = np.where(np.abs(edge[:, 0]) < 0.014, 0.0012, _CLEAR_SKIN_M)
            room.append((-fit.front(points[:, 0], points[:, 2]) - clear - points[:, 1]).min())
    return float(fit.origin[1] + min(room))


def _rim(fit: _Fit, side: float, colour: Floats, metal: Floats) -> list[Piece]:
    model = fit.model
    edge = fit.edge()
    middle = np.array([fit.lens_u, 0.0])
    high = np.clip((edge - middle)[:, 1] / (model.height * fit.scale) * 0.5 + 0.5, 0, 1)
    outer = np.clip((edge - middle)[:, 0] / (model.width * fit.scale), 0, 1) * (model.sweep > 0.4)
    width = model.rim_low + (model.rim - model.rim_low) * high + 0.0012 * outer * high**2
    closed = _ring(fit, side, edge, width, model.depth, 3.2 if not model.metal else 2.2)
    parts = [_plain(closed, metal if model.metal else colour, Material.METAL if model.metal else Material.PLASTIC)]
    if fit.model is _MODELS["browline"]:
        parts.append(_plain(_brow_bar(fit, side), colour, Material.PLASTIC))
    return parts


def _ring(fit: _Fit, side: float, edge: Floats, width: Floats, depth: float, power: float) -> Mesh:
    """A rim of the given half-width (K,) outside the lens's edge."""
    along = np.roll(edge, -1, 0) - np.roll(edge, 1, 0)
    normal = np.stack([along[:, 1], -along[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    centre = edge + normal * (width[:, None] - 0.0004)  # the lens sits in a groove
    path = fit.at(side * centre[:, 0], centre[:, 1], 0.0)
    out = unit(fit.at(side * (centre + normal)[:, 0], (centre + normal)[:, 1], 0.0) - path)
    forward = np.broadcast_to(np.array([0, -1, 0], np.float32), path.shape)
    forward = unit(forward - out * (out * forward).sum(1, keepdims=True))
    profile = outline(1.0, 1.0, power=power, count=14)
    return sweep(path, out, forward, profile, scale=np.stack([width, np.full(len(width), depth)], 1), closed=True)


def _brow_bar(fit: _Fit, side: float) -> Mesh:
    """The dark upper part of a browline frame: a bar over the lens's upper half, thin at its ends."""
    edge = fit.edge()
    top = np.flatnonzero(edge[:, 1] > -0.08 * fit.model.height)
    start = int(np.flatnonzero(np.diff(top) > 1)[0]) + 1 if (np.diff(top) > 1).any() else 0
    arc = resampled(edge[np.roll(top, -start)], 56)
    t = np.linspace(0.0, 1.0, len(arc))  # from the outer end to the nose
    width = 0.0008 + 0.0024 * np.sin(np.pi * np.clip(t * 0.92 + 0.08, 0, 1)) ** 0.55 * (1.0 - 0.45 * t)
    along = np.gradient(arc, axis=0)
    normal = np.stack([along[:, 1], -along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
    centre = arc + normal * width[:, None] * 0.9
    path = fit.at(side * centre[:, 0], centre[:, 1], 0.0005)
    out = unit(fit.at(side * (centre + normal)[:, 0], (centre + normal)[:, 1], 0.0005) - path)
    forward = np.broadcast_to(np.array([0, -1, 0], np.float32), path.shape)
    scale = np.stack([width, np.full(len(t), 0.0018)], 1)
    return sweep(path, out, forward, outline(1.0, 1.0, power=3.0, count=16), scale=scale, round_m=0.0008)


def _lens(fit: _Fit, side: float, tint: Floats) -> Piece:
    """One curved sheet in the rim's groove, its front outwards."""
    edge = fit.edge(grow=0.0001)
    middle = np.array([fit.lens_u, 0.0], np.float32)
    share = np.linspace(0.03, 1.0, _LENS_RINGS, dtype=np.float32)[:, None, None]
    flat = np.asarray(middle + (np.concatenate([edge, edge[:1]])[None] - middle) * share, np.float32)
    bulge = np.broadcast_to(_LENS_BULGE_M * (1.0 - share[:, :, 0] ** 2), flat.shape[:2]).astype(np.float32)
    points = fit.at(side * flat[..., 0], flat[..., 1], bulge - 0.0002).reshape(-1, 3)
    columns = len(edge) + 1
    hub = fit.at(side * middle[:1], middle[1:], _LENS_BULGE_M - 0.0002)
    ring = np.arange(columns - 1)
    fan = np.stack([np.full(columns - 1, len(points)), ring, ring + 1], 1)
    faces = np.concatenate([grid_faces(_LENS_RINGS, columns), fan]).astype(np.int32)
    points = np.concatenate([points, hub])
    corner = points[faces]
    facing = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 1]
    faces = np.where((facing > 0)[:, None], faces[:, ::-1], faces)
    return made((points, faces.astype(np.int32)), tint, Material.LENS, Label.GLASSES)


def _bridge(fit: _Fit, colour: Floats, metal: Floats) -> list[Piece]:
    """An arch over the nose from rim to rim, clear of the skin."""
    model = fit.model
    edge = fit.edge(grow=model.rim_low if model.metal else model.rim * 0.7)
    middle_v = 0.30 * model.height * fit.scale if model.metal else 0.34 * model.height * fit.scale
    inner = edge[edge[:, 0] < fit.lens_u]
    end = inner[np.abs(inner[:, 1] - middle_v).argmin()]
    thick = 0.0011 if model.metal else 0.0021
    u = np.linspace(-1.0, 1.0, 33) * (end[0] + (0.0 if model.metal else 0.0008))
    arch = np.cos(np.clip(np.abs(u / end[0]), 0, 1) * np.pi / 2) ** 0.8
    v = end[1] + 0.0022 * arch + (0.0 if model.metal else 0.0006)
    path = fit.at(u.astype(np.float32), v.astype(np.float32), 0.0)
    room = -fit.front(path[:, 0], path[:, 2]) - 0.0012 - 1.2 * thick - path[:, 1]
    path[:, 1] -= (max(0.0, -float(room.min())) * arch).astype(np.float32)
    path[:, 1] -= np.maximum(0.0, path[:, 1] - (-fit.front(path[:, 0], path[:, 2]) - 0.0010 - 1.2 * thick))
    path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    side, up = frames(path, (0, 0, 1))
    height = thick * (1.0 + (0.0 if model.metal else 0.25) + (0.0 if model.metal else 1.0) * (1.0 - arch**0.7))
    scale = np.stack([np.full(len(u), thick), height], 1)
    mesh = sweep(path, side, up, outline(1.0, 1.0, power=2.4, count=14), scale=scale, round_m=0.0005)
    return [_plain(mesh, metal if model.metal else colour, Material.METAL if model.metal else Material.PLASTIC)]


def _nose_rest(fit: _Fit, side: float, colour: Floats, metal: Floats) -> list[Piece]:
    """A pad on the flank of the nose: on a wire, or moulded to the rim."""
    model = fit.model
    spot, normal = _pad_spot(fit, side)
    v = float(spot[2] - fit.origin[2])
    down = unit(np.array([side * 0.12, 0.12, -1.0], np.float32))
    down = unit(down - normal * float(down @ normal))
    half = np.array([0.0034, 0.0062, 0.0010], np.float32) * fit.scale
    centre = spot + normal * (half[2] - _PAD_SINK_M)
    edge = fit.edge(grow=model.rim_low)
    inner = edge[np.hypot(edge[:, 0], edge[:, 1] - v).argmin()]
    anchor = fit.at(np.array(side * inner[0]), np.array(inner[1]), -0.3 * model.depth)
    if not model.pads and float(np.linalg.norm(anchor - centre)) < _MOULDED_REACH_M:
        # Moulded in one with the rim: a ridge that runs from it back to the nose's flank.
        knots = np.stack([anchor, (anchor * 0.45 + centre * 0.55), centre])
        ridge = smooth_curve(knots, 14)
        across, _ = frames(ridge, down)
        scale = np.stack([np.linspace(0.0014, 0.0011, 14), np.linspace(0.0062, 0.0044, 14)], 1) * fit.scale
        ups = np.broadcast_to(down, ridge.shape)
        return [_plain(sweep(ridge, across, ups, outline(1, 1, power=2.3, count=18), scale=scale, round_m=0.0008),
                       colour, Material.PLASTIC)]  # fmt: skip
    pad = placed(ball(half, power=2.3, count=16), centre, normal, -down)
    back = centre + normal * 0.0012
    bow = np.array([side * 0.0012, 0.0016, 0.0012], np.float32) + normal * 0.0012
    wire = smooth_curve(np.stack([anchor, anchor + bow, back * 0.6 + (anchor + bow) * 0.4, back]), 22)
    clear = np.array([0.5, 0.48, 0.44], np.float32)
    return [_plain(pad, clear, Material.PLASTIC), _plain(tube(wire, 0.00042, around=10), metal, Material.METAL)]


def _pad_spot(fit: _Fit, side: float) -> tuple[Floats, Floats]:
    """Where the nose's flank lies a little behind the rim, and the skin's outward normal there."""
    rest = fit.resting
    most = max(float(fit.edge()[:, 0].min()) - 0.0006, 0.0062)
    u = np.linspace(0.0035, most, 60, dtype=np.float32)
    for v in (-0.005, -0.0075, -0.010, -0.0125):  # lower down the nose is broader, and stands further out
        points = fit.at(side * u, np.full_like(u, v * fit.scale), 0.0)
        skin = -rest(points[:, 0], points[:, 2])
        chosen = int(np.argmin(np.abs(skin - points[:, 1] - 0.0032 * fit.scale)))
        if u[chosen] >= 0.0058 * fit.scale:
            break
    x, z = float(points[chosen, 0]), float(points[chosen, 2])
    step = np.array([0.0015, -0.0015], np.float32)
    slope_x = np.diff(rest(x + step, np.full_like(step, z)))[0] / -0.003
    slope_z = np.diff(rest(np.full_like(step, x), z + step))[0] / -0.003
    normal = unit(np.array([-slope_x, -1.0, -slope_z], np.float32))
    return np.array([x, skin[chosen], z], np.float32), normal


def _temple(fit: _Fit, side: float, colour: Floats, metal: Floats) -> list[Piece]:
    """An arm from the front's outer end along the temple, over the ear and down behind it, with its hinge."""
    model = fit.model
    path, bend = _temple_path(fit, side)
    t = np.linspace(0.0, 1.0, len(path))
    if model is _MODELS["thin"]:
        thick, tall = np.full(len(t), 0.00065), np.interp(t, [0, 0.1, 1], [0.0011, 0.0009, 0.0008])
    else:
        wide = 0.0042 if model is _MODELS["square"] else 0.0028
        thick = np.interp(t, [0, 0.12, 1], [0.0017, 0.0013, 0.0013])
        tall = np.interp(t, [0, 0.06, 0.35, bend, 1.0], [wide, wide * 0.92, 0.0026, 0.0021, 0.0026])
    across, up = _temple_axes(path, side)
    profile = outline(1.0, 1.0, power=3.0 if not model.metal else 2.4, count=14)
    if model is not _MODELS["thin"]:
        mesh = sweep(path, across, up, profile, scale=np.stack([thick, tall], 1), round_m=0.0012)
        return [_plain(mesh, colour, Material.PLASTIC), *_hinge(fit, path, across, up, side, metal)]
    arm = sweep(path, across, up, profile, scale=np.stack([thick, tall], 1), round_m=0.0005)
    first = int(len(path) * (bend - 0.1))
    grow = np.interp(np.linspace(0, 1, len(path) - first), [0, 0.12, 0.5, 1], [0.0012, 0.0017, 0.0018, 0.0022])
    tip = sweep(path[first:], across[first:], up[first:], outline(1, 1, count=14), scale=grow[:, None], round_m=0.0015)
    return [
        _plain(arm, metal, Material.METAL),
        _plain(tip, np.maximum(colour, 0.02), Material.PLASTIC),
        *_hinge(fit, path, across, up, side, metal),
    ]


def _temple_path(fit: _Fit, side: float) -> tuple[Floats, float]:
    """(K, 3) points of an arm, and the share of its length at which it bends down over the ear."""
    body, model = fit.body, fit.model
    relief = side_relief(body, side)
    spot = ear(body, side, relief=relief)
    edge = fit.edge(grow=model.rim)
    v = 0.42 * model.height * fit.scale
    outer = edge[edge[:, 0] > fit.lens_u]
    end = outer[np.abs(outer[:, 1] - v).argmin()]
    start = fit.at(np.array(side * (end[0] - 0.001)), np.array(end[1]), -0.0002)
    clear = 0.0030 if not model.metal else 0.0022
    middle = float(fit.origin[0])
    wide = max(abs(float(start[0]) - middle) + 0.0035, float(relief(start[1] + 0.03, start[2])) + clear)
    corner = np.array([middle + side * wide, start[1] + 0.0065, start[2]], np.float32)
    half_way = np.array([middle + side * (wide - 0.0015), start[1] + 0.0032, start[2]], np.float32)
    over = np.array([spot.top[0], spot.top[1] + 0.002, spot.top[2] + 0.0038], np.float32)
    knots = [start, half_way, corner]
    for share in (0.2, 0.4, 0.6, 0.8, 0.93):
        knots.append((corner + (over - corner) * share).astype(np.float32))
    drop = np.array([[0, 0.0, 0.0], [0, 0.011, -0.004], [0, 0.0165, -0.0145], [0, 0.0175, -0.027]], np.float32)
    knots += [over + step * np.array([1, min(1.0, spot.size[0] / 0.0175), 1], np.float32) for step in drop]
    path = smooth_curve(np.stack(knots), 76)
    skull = relief(path[:, 1], path[:, 2])
    t = np.linspace(0.0, 1.0, len(path))
    need = middle + side * (skull + clear)
    after = np.clip((t - 0.12) / 0.1, 0.0, 1.0)
    push = np.maximum(0.0, side * (need - path[:, 0])) * after
    # Behind the ear the arm hugs the skull.
    hug = np.clip((path[:, 1] - over[1]) / 0.006, 0.0, 1.0)
    path[:, 0] = (path[:, 0] + side * push) * (1 - hug) + need * hug
    for _ in range(3):
        path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    bend = float(t[np.argmin(np.abs(path[:, 1] - over[1]))])
    return path.astype(np.float32), bend


def _temple_axes(path: Floats, side: float) -> tuple[Floats, Floats]:
    """Axes across an arm: outwards, and up, both square to its way."""
    along = unit(np.gradient(path, axis=0))
    up = np.broadcast_to(np.array([0, 0, 1.0], np.float32), path.shape)
    # Where the arm turns down, its tall side turns with it.
    level = np.where(np.abs(along[:, 2:]) > 0.8, np.array([[0, 1.0, 0.3]], np.float32), up)
    across = unit(np.cross(along, level).astype(np.float32))
    across = across * np.where((across[:, :1] * side) < 0, -1.0, 1.0)
    return across.astype(np.float32), unit(np.cross(along, across)) * (1.0 if side > 0 else -1.0)


def _hinge(fit: _Fit, path: Floats, across: Floats, up: Floats, side: float, metal: Floats) -> list[Piece]:
    """A barrel inside the corner, and on a moulded front two rivets."""
    at = path[7] - across[7] * 0.0014
    turned = [[0, -0.0018], [0.0008, -0.0018], [0.001, -0.0014], [0.001, 0.0014], [0.0008, 0.0018], [0, 0.0018]]
    barrel = placed(lathe(turned, count=16), at, up[7], (0, 1, 0))
    parts = [_plain(barrel, metal, Material.METAL)]
    if fit.model is _MODELS["square"] or fit.model is _MODELS["browline"]:
        edge = fit.edge(grow=fit.model.rim + 0.0002)
        index = np.abs(edge[:, 1] - 0.42 * fit.model.height * fit.scale) + (edge[:, 0] < fit.lens_u)
        spot = edge[index.argmin()]
        for lift in (-0.0009, 0.0009):
            point = fit.at(np.array(side * (spot[0] - 0.0004)), np.array(spot[1] + lift), fit.model.depth - 0.0001)
            parts.append(
                _plain(placed(ball((0.0006, 0.0006, 0.0004), count=12), point, (0, -1, 0)), metal, Material.METAL)
            )
    return parts


def _plain(mesh: Mesh, colour: Floats, material: Material) -> Piece:
    return made(mesh, colour, material, Label.GLASSES)
