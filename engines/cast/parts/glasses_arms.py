"""The arms of spectacles: from the front over the ears and down behind them, with their hinges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.clearance import ear, side_relief
from mien.engines.cast.parts.glasses_fit import Fit, plain
from mien.engines.cast.parts.piece import Material, Piece, unit
from mien.engines.cast.parts.solids import ball, lathe, outline, placed, smooth_curve, sweep

Floats = NDArray[np.float32]

_WIRE_ARM_M = 0.002


def build_temple(fit: Fit, side: float, colour: Floats, metal: Floats) -> list[Piece]:
    """An arm from the front's outer end along the temple, over the ear and down behind it, with its hinge."""
    model = fit.model
    path, bend = _temple_path(fit, side)
    t = np.linspace(0.0, 1.0, len(path))
    wire = model.arm < _WIRE_ARM_M
    if wire:
        thick, tall = np.full(len(t), 0.00065), np.interp(t, [0, 0.1, 1], [model.arm, 0.0009, 0.0008])
    else:
        thick = np.interp(t, [0, 0.12, 1], [0.0017, 0.0013, 0.0013])
        tall = np.interp(t, [0, 0.06, 0.35, bend, 1.0], [model.arm, model.arm * 0.92, 0.0026, 0.0021, 0.0026])
    across, up = _temple_axes(path, side)
    profile = outline(1.0, 1.0, power=3.0 if not model.metal else 2.4, count=14)
    if not wire:
        mesh = sweep(path, across, up, profile, scale=np.stack([thick, tall], 1), round_m=0.0012)
        return [plain(mesh, colour, Material.PLASTIC), *_hinge(fit, path, across, up, side, metal)]
    arm = sweep(path, across, up, profile, scale=np.stack([thick, tall], 1), round_m=0.0005)
    first = int(len(path) * (bend - 0.1))
    grow = np.interp(np.linspace(0, 1, len(path) - first), [0, 0.12, 0.5, 1], [0.0012, 0.0017, 0.0018, 0.0022])
    tip = sweep(path[first:], across[first:], up[first:], outline(1, 1, count=14), scale=grow[:, None], round_m=0.0015)
    return [
        plain(arm, metal, Material.METAL),
        plain(tip, np.maximum(colour, 0.02), Material.PLASTIC),
        *_hinge(fit, path, across, up, side, metal),
    ]


def _temple_path(fit: Fit, side: float) -> tuple[Floats, float]:
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


def _hinge(fit: Fit, path: Floats, across: Floats, up: Floats, side: float, metal: Floats) -> list[Piece]:
    """A barrel inside the corner, and on a moulded front two rivets."""
    at = path[7] - across[7] * 0.0014
    turned = [[0, -0.0018], [0.0008, -0.0018], [0.001, -0.0014], [0.001, 0.0014], [0.0008, 0.0018], [0, 0.0018]]
    barrel = placed(lathe(turned, count=16), at, up[7], (0, 1, 0))
    parts = [plain(barrel, metal, Material.METAL)]
    if fit.model.rivets:
        edge = fit.edge(grow=fit.model.rim + 0.0002)
        index = np.abs(edge[:, 1] - 0.42 * fit.model.height * fit.scale) + (edge[:, 0] < fit.lens_u)
        spot = edge[index.argmin()]
        for lift in (-0.0009, 0.0009):
            point = fit.at(np.array(side * (spot[0] - 0.0004)), np.array(spot[1] + lift), fit.model.depth - 0.0001)
            parts.append(
                plain(placed(ball((0.0006, 0.0006, 0.0004), count=12), point, (0, -1, 0)), metal, Material.METAL)
            )
    return parts
