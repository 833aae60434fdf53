"""Lines of the artificial skins: seams of gold in porcelain, gaps and strips of light between an android's panels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.skin.marks import GROOVE, VEIN, Marks, line, merged
from mien.engines.cast.skin.zones import MIRROR_V

#: Gaps between panels: (u towards the chin, distance from the mirror line), drawn on both sides.
_PANELS = (
    # Down the forehead's sides, around the eye to the cheek, to the jaw.
    ((0.770, 0.024), (0.800, 0.027), (0.817, 0.046), (0.838, 0.064), (0.868, 0.066), (0.900, 0.058), (0.930, 0.040)),
    # From the corner of the mouth to the chin.
    ((0.913, 0.0235), (0.925, 0.022), (0.939, 0.017), (0.955, 0.0165), (0.975, 0.019)),
    # From the cheek's panel back to the ear.
    ((0.868, 0.066), (0.866, 0.085), (0.858, 0.108)),
    # Along the jaw.
    ((0.8755, 0.117), (0.905, 0.100), (0.932, 0.075), (0.950, 0.045), (0.955, 0.0165)),
)
_STRIPS = (
    ((0.806, 0.072), (0.822, 0.076), (0.842, 0.0775)),
    ((0.874, 0.0515), (0.886, 0.0490), (0.898, 0.0450)),
)
#: Where porcelain once broke: start, heading, number of steps.
_BREAKS = (
    ((0.772, -0.030), (0.0088, 0.0045), 9),
    ((0.845, 0.075), (0.0072, -0.0034), 9),
    ((0.945, -0.028), (-0.0020, -0.0078), 6),
)


def panels() -> Marks:
    """An android's gaps and strips of light; the same for all."""
    parts = []
    for side in (-1.0, 1.0):
        for path in _PANELS:
            points = np.array([(u, MIRROR_V + side * w) for u, w in path])
            parts.append(line(points, width_m=0.75e-3, strength=1.0, layer=GROOVE, taper=0.0, steps=60))
        for path in _STRIPS:
            points = np.array([(u, MIRROR_V + side * w) for u, w in path])
            parts.append(line(points, width_m=1.15e-3, strength=1.0, layer=VEIN, taper=0.0, steps=24))
    return merged(parts)


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
