"""Spectacles, fitted as an optician would: to the eyes' distance, the nose's bridge, the head's width and its ears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.look import Look
from mien.engines.cast.parts.glasses_arms import build_temple
from mien.engines.cast.parts.glasses_fit import MODELS, Fit, fitted_frame, plain
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, unit
from mien.engines.cast.parts.solids import (
    Mesh,
    ball,
    frames,
    grid_faces,
    made,
    outline,
    placed,
    resampled,
    smooth_curve,
    sweep,
    tube,
)
from mien.engines.cast.skin.tones import skin_tone

Floats = NDArray[np.float32]

_LENS_RINGS = 7
_LENS_BULGE_M = 0.0016
#: Skin gives way under a pad.
_PAD_SINK_M = 0.0003
_STEEL = np.array([0.56, 0.55, 0.53], np.float32)


def build_glasses(body: Body, look: Look, seed: int) -> Piece | None:
    """Spectacles of the look's style, rigid with the head; None where the look wears none.

    Faces of `Material.LENS` are the lenses, one layer each; their colour is the glass's tint.
    """
    if look.glasses == "none":
        return None
    rng = np.random.default_rng((seed, 0x61A5))
    # Pads are clear silicone: the nose's own colour comes through.
    pad_rgb = 0.7 * skin_tone(look) + np.array([0.075, 0.07, 0.065], np.float32)
    fit = fitted_frame(body, MODELS[look.glasses], float(rng.uniform(0.97, 1.05)), pad_rgb.astype(np.float32))
    colour = np.asarray(look.glasses_rgb, np.float32)
    metal = _STEEL if colour.max() < 0.06 else np.clip(0.25 * _STEEL + 0.9 * colour, 0.0, 0.8).astype(np.float32)
    tint = np.array([0.93, 0.955, 0.95], np.float32) * (1.0 - (0.12 * rng.random() if rng.random() < 0.25 else 0.0))
    parts = [_lens(fit, side, tint) for side in (1.0, -1.0)]
    for side in (1.0, -1.0):
        parts += _rim(fit, side, colour, metal)
        parts += build_temple(fit, side, colour, metal)
        parts += _nose_rest(fit, side, colour, metal)
    parts += _bridge(fit, colour, metal)
    return joined(parts)


def _rim(fit: Fit, side: float, colour: Floats, metal: Floats) -> list[Piece]:
    model = fit.model
    edge = fit.edge()
    middle = np.array([fit.lens_u, 0.0])
    high = np.clip((edge - middle)[:, 1] / (model.height * fit.scale) * 0.5 + 0.5, 0, 1)
    outer = np.clip((edge - middle)[:, 0] / (model.width * fit.scale), 0, 1) * (model.sweep > 0.4)
    width = model.rim_low + (model.rim - model.rim_low) * high + 0.0005 * outer * high**2
    closed = _ring(fit, side, edge, width, model.depth, 3.2 if not model.metal else 2.2)
    parts = [plain(closed, metal if model.metal else colour, Material.METAL if model.metal else Material.PLASTIC)]
    if model.bar:
        parts.append(plain(_brow_bar(fit, side), colour, Material.PLASTIC))
    return parts


def _ring(fit: Fit, side: float, edge: Floats, width: Floats, depth: float, power: float) -> Mesh:
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


def _brow_bar(fit: Fit, side: float) -> Mesh:
    """The dark upper part of a browline frame: a bar over the lens's upper half, thin at its ends."""
    edge = fit.edge()
    top = np.flatnonzero(edge[:, 1] > -0.08 * fit.model.height)
    start = int(np.flatnonzero(np.diff(top) > 1)[0]) + 1 if (np.diff(top) > 1).any() else 0
    arc = resampled(edge[np.roll(top, -start)], 44)
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


def _lens(fit: Fit, side: float, tint: Floats) -> Piece:
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


def _bridge(fit: Fit, colour: Floats, metal: Floats) -> list[Piece]:
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
    return [plain(mesh, metal if model.metal else colour, Material.METAL if model.metal else Material.PLASTIC)]


def _nose_rest(fit: Fit, side: float, colour: Floats, metal: Floats) -> list[Piece]:
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
    pad = placed(ball(half, power=2.3, count=16), centre, normal, -down)
    back = centre + normal * 0.0012
    bow = np.array([side * 0.0012, 0.0016, 0.0012], np.float32) + normal * 0.0012
    wire = smooth_curve(np.stack([anchor, anchor + bow, back * 0.6 + (anchor + bow) * 0.4, back]), 22)
    return [plain(pad, fit.pad_rgb, Material.PLASTIC), plain(tube(wire, 0.00042, around=10), metal, Material.METAL)]


def _pad_spot(fit: Fit, side: float) -> tuple[Floats, Floats]:
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
