"""Spots of skin: freckles, moles, age spots, blemishes, fine vessels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body
from mien.engines.cast.look import Look
from mien.engines.cast.skin.marks import BLOOD, MOLE, PIGMENT, VEIN, Marks, line, merged, spots
from mien.engines.cast.skin.zones import BLOOD as BLOOD_ZONE
from mien.engines.cast.skin.zones import CALM, FRECKLES, MIRROR_V

Floats = NDArray[np.float32]


class Scatterer:
    """Draws places on a body's skin, by area and a density."""

    def __init__(self, body: Body, uv: Floats, fields: Floats) -> None:
        shown = np.flatnonzero(body.parts == SKIN)
        points = body.rest[body.faces[shown]]
        area = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1)
        # Lids, and the back of the head: no spot is missed there.
        height = points[:, :, 2].mean(1) - body.brow_centre[2]
        self._area = area * (height > -0.25)
        self._uv = uv[body.uv_faces[shown]]
        self._fields = fields[body.uv_faces[shown]].mean(1)

    def draw(self, rng: np.random.Generator, count: int, field: int | None = None) -> Floats:
        """(count, 2) atlas coordinates; denser where a field of `zones` is high."""
        share = self._area * (1.0 - np.minimum(self._fields[:, CALM], 1.0))
        if field is not None:
            share = share * np.maximum(self._fields[:, field], 0.0) ** 1.5
        total = np.cumsum(share)
        which = np.searchsorted(total, rng.random(count) * total[-1])
        which = np.minimum(which, len(total) - 1)
        a, b = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
        corners = self._uv[which]
        return np.asarray(
            corners[:, 0] * (1 - a) + corners[:, 1] * (a * (1 - b)) + corners[:, 2] * (a * b), dtype=np.float32
        )


def spotted(body: Body, uv: Floats, fields: Floats, look: Look, seed: int) -> Marks:
    """Every spot and vessel of one person."""
    rng = np.random.default_rng((seed, 0x5B07))
    place = Scatterer(body, uv, fields)
    fair = 1.0 - look.melanin
    return merged(
        [
            _freckles(place, rng, look),
            _moles(place, rng, look),
            _age_spots(place, rng, look),
            _blemishes(place, rng, look),
            *_vessels(rng, look.redness * fair),
        ]
    )


def _freckles(place: Scatterer, rng: np.random.Generator, look: Look) -> Marks:
    count = int(850 * look.freckles)
    size = 0.4e-3 + 0.95e-3 * rng.beta(1.4, 2.8, count)
    strength = (0.25 + 0.75 * rng.random(count)) * (0.45 + 0.55 * look.freckles)
    return spots(place.draw(rng, count, FRECKLES), size, strength, PIGMENT)


def _moles(place: Scatterer, rng: np.random.Generator, look: Look) -> Marks:
    count = int(rng.poisson(2 + 34 * look.moles))
    size = 0.4e-3 + 1.1e-3 * rng.beta(1.1, 4.5, count)
    return spots(place.draw(rng, count), size, rng.uniform(0.45, 0.95, count), MOLE)


def _age_spots(place: Scatterer, rng: np.random.Generator, look: Look) -> Marks:
    count = int(rng.poisson(55 * max(0.0, look.age - 0.3) ** 1.5))
    size = 1.0e-3 + 2.6e-3 * rng.beta(1.2, 3.0, count)
    return spots(place.draw(rng, count), size, rng.uniform(0.12, 0.42, count), PIGMENT)


def _blemishes(place: Scatterer, rng: np.random.Generator, look: Look) -> Marks:
    count = int(rng.poisson(3 + 6 * look.redness * (1 - look.age)))
    size = 0.7e-3 + 1.2e-3 * rng.random(count)
    strength = rng.uniform(0.15, 0.6, count)
    marks = spots(place.draw(rng, count, BLOOD_ZONE), size, strength, BLOOD)
    soft = marks.shape.copy()
    soft[:, 3] = 1.0
    return Marks(marks.ends, soft, marks.layer)


def _vessels(rng: np.random.Generator, strength: float) -> list[Marks]:
    """Thread veins beside the nose, and the bluish veins of temples and lids."""
    parts = []
    for _ in range(14):
        at = np.array([rng.normal(0.873, 0.006), MIRROR_V + rng.choice((-1, 1)) * abs(rng.normal(0.019, 0.009))])
        path = at + np.cumsum(rng.normal(0.0, 0.0013, (5, 2)), axis=0)
        parts.append(line(path, width_m=0.22e-3, strength=0.55 * strength, layer=BLOOD, steps=10))
    for side in (-1.0, 1.0):
        for start in ((0.806, 0.068), (0.828, 0.074)):
            heading = np.cumsum(rng.normal((0.0042, -0.0012), 0.0022, (6, 2)), axis=0)
            path = np.array([start[0], start[1]]) + heading
            placed = np.stack([path[:, 0], MIRROR_V + side * path[:, 1]], axis=1)
            parts.append(line(placed, width_m=1.3e-3, strength=0.12, layer=VEIN, steps=16))
    return parts
