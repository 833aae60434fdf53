"""How open a body is to the room's light: rays on the mean body, once a process, and maps of each person's hair."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body, mean_body
from mien.engines.cast.body.lids import fit_lids
from mien.engines.cast.parts.piece import Piece, vertex_normals
from mien.engines.cast.render.device import Handle, floats, ints, vectors
from mien.engines.cast.render.figure import loose_detail
from mien.engines.cast.render.lamps import disc, lamp_map
from mien.engines.cast.render.openness import add_sky, open_sky

Floats = NDArray[np.float32]

_RAYS = 40
_REACH_M = 0.12
_LIFT_M = 0.0015
#: The poses at which the mean body is baked; between them openness is blended.
_POSES: tuple[dict[str, float], ...] = ({}, {"jawOpen": 1.0}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
_SKY_DIRECTIONS = 12
_SKY_MAP_PX = 160
#: Hair is no wall: light that meets it still comes through by this share.
_THROUGH_HAIR = 0.25


class Ambient:
    """Openness of one person's vertices: the mean body's, times what their hair lets through."""

    def __init__(self, body: Body, hair: Sequence[Piece]) -> None:
        self._baked = _mean_openness()
        self._jaw = body.actions.index("jawOpen")
        self._lids = [body.actions.index(f"eyeBlink{side}") for side in ("Left", "Right")]
        self._under_hair = _under_hair(body, hair) if hair else np.float32(1.0)

    def at(self, weights: Floats) -> Floats:
        """(V,) float32 0..1 under (A,) action weights."""
        rest, jaw, lids = self._baked
        shut = float(np.clip(weights[self._lids].mean(), 0.0, 1.0))
        open_ = float(np.clip(weights[self._jaw], 0.0, 1.0))
        bare = np.clip(rest + open_ * (jaw - rest) + shut * (lids - rest), 0.0, 1.0)
        return np.asarray(bare * self._under_hair, np.float32)


def sky_directions(count: int) -> Floats:
    """(count, 3) float32 unit vectors over the upper three quarters of the sphere, evenly: a spherical sunflower."""
    k = np.arange(count) + 0.5
    z = 1.0 - 1.5 * k / count
    angle = k * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1).astype(np.float32)


@lru_cache(maxsize=1)
def _mean_openness() -> tuple[Floats, ...]:
    """Openness of the mean body at each of `_POSES`.

    Noses and brows differ, but by less than the difference could be seen, and rays for each person would cost a second.
    """
    body = fit_lids(mean_body())[0]
    return tuple(_baked(body, body.posed(body.weights(pose))) for pose in _POSES)


def _baked(body: Body, points: Floats) -> Floats:
    mesh = wp.Mesh(points=vectors(points), indices=ints(body.faces))
    out: Handle = wp.zeros(len(points), dtype=float)
    places = disc(_RAYS, 0.0)
    # A disc lifted onto the half sphere is cosine-weighted, so the plain mean is ambient occlusion (Malley's method).
    rays = np.concatenate([places, np.sqrt(1 - (places**2).sum(1, keepdims=True))], 1)
    normals = vertex_normals(points, body.faces)
    wp.launch(
        open_sky, len(points),
        inputs=[mesh.id, vectors(points), vectors(normals), vectors(rays), _REACH_M, _LIFT_M, out],
    )  # fmt: skip
    return np.asarray(out.numpy(), np.float32)


def _under_hair(body: Body, hair: Sequence[Piece]) -> Floats:
    casters = [loose_detail([piece])[1] for piece in hair]
    points, normals = vectors(body.rest), vectors(vertex_normals(body.rest, body.faces))
    free, total = floats(np.zeros(len(body.rest))), floats(np.full(len(body.rest), 1e-3))
    for towards in sky_directions(_SKY_DIRECTIONS):
        sky = lamp_map(towards, body.brow_centre, 0.3, _SKY_MAP_PX, casters)
        wp.launch(add_sky, len(body.rest), inputs=[sky, points, normals, 0.002, free, total])
    share = np.divide(free.numpy() + 1e-3, total.numpy())
    return np.asarray(_THROUGH_HAIR + (1 - _THROUGH_HAIR) * np.clip(share, 0, 1), np.float32)
