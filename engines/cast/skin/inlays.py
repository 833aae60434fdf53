"""Seams of gold where porcelain was mended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.skin.marks import GROOVE, Marks, line, merged
from mien.engines.cast.skin.zones import MIRROR_V

#: Where porcelain once broke: start, heading, number of steps.
_BREAKS = (
    ((0.772, -0.030), (0.0088, 0.0045), 9),
    ((0.845, 0.075), (0.0072, -0.0034), 9),
    ((0.945, -0.028), (-0.0020, -0.0078), 6),
)


def gold_seams(seed: int) -> Marks:
    """Cracks that were filled with gold: wandering lines with branches."""
    rng = np.random.default_rng((seed, 0x601D))
    mirror = float(rng.choice((-1.0, 1.0)))
    parts = []
    for start, heading, steps in _BREAKS:
        walk = np.array(start) + np.cumsum(np.array(heading) + rng.normal(0.0, 0.0028, (steps, 2)), axis=0)
        parts.append(_seam(walk, mirror, 0.75e-3))
        for _ in range(2):
            at = int(rng.integers(1, steps - 2))
            turn = rng.uniform(0.6, 1.1) * rng.choice((-1.0, 1.0))
            cos, sin = np.cos(turn), np.sin(turn)
            away = np.array([[cos, -sin], [sin, cos]]) @ np.array(heading) * 0.8
            twig = walk[at] + np.cumsum(np.vstack([[0, 0], away + rng.normal(0.0, 0.0022, (4, 2))]), axis=0)
            parts.append(_seam(twig, mirror, 0.5e-3))
    return merged(parts)


def _seam(walk: NDArray[np.float64], mirror: float, width_m: float) -> Marks:
    points = np.stack([walk[:, 0], MIRROR_V + mirror * walk[:, 1]], axis=1)
    return line(points, width_m=width_m, strength=1.0, layer=GROOVE, taper=0.08, steps=4 * len(points))
