"""Things drawn onto the skin one by one, spots and lines, before the texels are painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.skin.atlas import plain_to_atlas

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

#: Layers that marks are drawn to.
PIGMENT, MOLE, BLOOD, GROOVE, CREASE, PAINT, VEIN = range(7)
LAYERS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Capsules in the atlas: a line is a chain of them, a spot has its end at its start.

    Attributes:
        ends: (N, 4) float32, atlas coordinates of start and end.
        shape: (N, 4) float32: half width in m; strength at the start, at the end; 1 for a soft line, 0 for a spot
            with an edge.
        layer: (N, 2) int32: layer; group of expression lines it is kept to (0: anywhere).

    """

    ends: Floats
    shape: Floats
    layer: NDArray[np.int32]


def merged(parts: list[Marks]) -> Marks:
    """All marks as one."""
    return Marks(
        ends=np.concatenate([part.ends for part in parts]),
        shape=np.concatenate([part.shape for part in parts]),
        layer=np.concatenate([part.layer for part in parts]),
    )


def spots(at: Floats, radius_m: Doubles, strength: Doubles, layer: int) -> Marks:
    """Round marks at (N, 2) atlas coordinates."""
    count = len(at)
    shape = np.stack([radius_m, strength, strength, np.zeros(count)], axis=1)
    return Marks(np.concatenate([at, at], 1).astype(np.float32), shape.astype(np.float32), _layers(count, layer, 0))


def line(
    plain: Doubles,
    *,
    width_m: float,
    strength: float,
    layer: int,
    group: int = 0,
    taper: float = 0.25,
    steps: int = 16,
) -> Marks:
    """A smooth line through (K, 2) control points in MakeHuman's coordinates, its ends fading over `taper`."""
    return atlas_line(
        plain_to_atlas(_curve(plain, steps)), width_m=width_m, strength=strength, layer=layer, group=group, taper=taper
    )


def atlas_line(
    path: Doubles, *, width_m: float, strength: float, layer: int, group: int = 0, taper: float = 0.0
) -> Marks:
    """A chain through (K, 2) atlas coordinates."""
    count = len(path) - 1
    along = np.linspace(0.0, 1.0, len(path))
    fade = np.clip(np.minimum(along, 1 - along) / taper, 0.0, 1.0) ** 0.7 if taper > 0 else np.ones(len(path))
    power = strength * fade
    shape = np.stack([np.full(count, width_m), power[:-1], power[1:], np.ones(count)], axis=1)
    ends = np.concatenate([path[:-1], path[1:]], axis=1)
    return Marks(ends.astype(np.float32), shape.astype(np.float32), _layers(count, layer, group))


def _layers(count: int, layer: int, group: int) -> NDArray[np.int32]:
    return np.tile(np.array([[layer, group]], np.int32), (count, 1))


def _curve(points: Doubles, steps: int) -> Doubles:
    """(steps, 2) along a Catmull-Rom spline through (K, 2) points."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    at = np.linspace(0.0, len(points) - 1.0, steps)
    which = np.minimum(at.astype(int), len(points) - 2)
    t = (at - which)[:, None]
    a, b, c, d = (padded[which + shift] for shift in range(4))
    return np.asarray(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
