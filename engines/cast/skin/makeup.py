"""The edges of the lids, where lashes root and eyeliner is drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.look import Look
from mien.engines.cast.skin.marks import PAINT, Marks, atlas_line, merged

Floats = NDArray[np.float32]


def lid_lines(body: Body, uv: Floats, look: Look) -> Marks:
    """A line along each lid; its strength is 1 at the upper lid, less at the lower."""
    shown = body.parts == SKIN
    place = np.full((len(body.rest), 2), np.nan)
    place[body.faces[shown].ravel()] = uv[body.uv_faces[shown].ravel()]
    parts = []
    width_m = 0.55e-3 + 0.55e-3 * look.eyeliner
    for eye in body.eyes:
        for lid, strength, width in ((eye.upper, 1.0, width_m), (eye.lower, 0.55, width_m * 0.7)):
            path = place[lid]
            path = _dense(path[~np.isnan(path).any(1)])
            parts.append(atlas_line(path, width_m=width, strength=strength, layer=PAINT, taper=0.12))
            if strength == 1.0 and look.eyeliner > 0.45:
                parts.append(_wing(path, width_m=0.8 * width, length=0.010 * look.eyeliner))
    return merged(parts)


def _dense(path: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.linspace(0.0, len(path) - 1.0, 3 * len(path))
    steps = np.arange(len(path))
    return np.stack([np.interp(at, steps, path[:, axis]) for axis in range(2)], axis=1)


def _wing(path: NDArray[np.float64], *, width_m: float, length: float) -> Marks:
    """Past the outer corner the line goes on, outwards and up (towards smaller u)."""
    outwards = np.sign(path[-1, 1] - path[0, 1])
    along = np.linspace(0.0, 1.0, 8)[:, None]
    heading = np.array([-0.55, outwards]) * length
    wing = atlas_line(path[-1] + along * heading, width_m=width_m, strength=1.0, layer=PAINT)
    shape = wing.shape.copy()
    shape[:, 1], shape[:, 2] = 1.0 - 0.8 * along[:-1, 0], 1.0 - 0.8 * along[1:, 0]
    shape[:, 0] *= 1.0 - 0.6 * along[:-1, 0]
    return Marks(wing.ends, shape, wing.layer)
