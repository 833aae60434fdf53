"""Lamps on the device: their maps of nearness, drawn anew for each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.render.buffers import Lamp
from mien.engines.cast.render.device import Handle, vec3, vectors
from mien.engines.cast.render.raster import draw, draw_fibre, to_lamp, to_nearness

Floats = NDArray[np.float32]

#: Half the edge of a map: it holds head, hair and shoulders.
HALF_M = 0.27
#: Taps that look for what blocks, and taps of the penumbra: where it must look good, and where it must be quick.
_TAPS = {"fine": (12, 28), "fast": (6, 10)}
#: Every how many steps of a strand throw a shadow.
_STRIDE = {"fine": 1, "fast": 3}


#: "fast" throws one lamp's shadows, with fewer taps.
Quality = Literal["fine", "fast"]


@dataclass(frozen=True, slots=True)
class Caster:
    """A mesh that throws shadows.

    Attributes:
        points: (N,) of vec3.
        faces: flat; those of fibres first.
        materials: of the faces; None for skin, whose back is left out.
        fibres: how many faces are fibres'.
        luck: one number a strand and step, see `raster.draw_fibre`; None without fibres.

    """

    points: Handle
    faces: Handle
    materials: Handle | None
    fibres: int = 0
    luck: Handle | None = None


def lamp_map(
    towards: Floats, centre: Floats, spread: float, size: int, casters: Sequence[Caster], *,
    quality: Quality = "fine",
) -> Handle:  # fmt: skip
    """A `buffers.Lamp` that has seen the casters.

    Args:
        towards: (3,) unit vector to the lamp.
        centre: (3,) middle of what it sees, m.
        spread: tangent of the lamp's half angle.
        size: edge of the map, texels.
        casters: what stands in its light.
        quality: how many taps its shadows will take.

    """
    lamp = Lamp()
    right = np.cross(-towards, [0.0, 0.0, 1.0] if abs(towards[2]) < 0.95 else [0.0, 1.0, 0.0])
    right = right / np.linalg.norm(right)
    lamp.centre, lamp.forward, lamp.right = vec3(centre), vec3(-towards), vec3(right)
    lamp.up = vec3(np.cross(right, -towards))
    lamp.half, lamp.spread = HALF_M, spread
    lamp.nearness = wp.zeros((size, size), dtype=float)
    search, penumbra = _TAPS[quality]
    lamp.search, lamp.taps = _taps(search, 0.0), _taps(penumbra, 0.7)
    keys = wp.zeros((size, size), dtype=wp.uint64)
    for caster in casters:
        screen = wp.empty(len(caster.points), dtype=wp.vec3)
        wp.launch(to_lamp, len(caster.points), inputs=[caster.points, lamp, screen])
        draw_all(caster, screen, 0 if caster.materials is not None else -1, 0, keys, _STRIDE[quality])
    wp.launch(to_nearness, keys.shape, inputs=[keys, lamp.nearness])
    return lamp


def _taps(count: int, phase: float) -> Handle:
    return vectors(disc(count, phase))


def draw_all(mesh: Caster, screen: Handle, lenses: int, first: int, keys: Handle, stride: int = 1) -> None:
    """Draw a projected mesh.

    Args:
        mesh: what to draw.
        screen: its points as `raster.to_camera` or `to_lamp` left them.
        lenses: as for `raster.draw`.
        first: number of its first face.
        keys: where to draw.
        stride: every how many steps of a fibre are drawn.

    """
    skin = mesh.materials is None
    inputs = [screen, mesh.faces, mesh.faces if skin else mesh.materials, lenses, mesh.fibres, first, int(skin), keys]
    wp.launch(draw, len(mesh.faces) // 3 - mesh.fibres, inputs=inputs)
    if mesh.fibres and lenses == 0:
        inputs = [screen, mesh.faces, mesh.luck, first, stride, keys]
        wp.launch(draw_fibre, mesh.fibres // 2 // stride, inputs=inputs)


@lru_cache(maxsize=8)
def disc(count: int, phase: float) -> Floats:
    """(count, 2) float32 places spread evenly over the unit disc: a sunflower's (Vogel 1979)."""
    k = np.arange(count) + 0.5
    angle = k * np.pi * (3 - np.sqrt(5)) + phase
    return np.asarray((np.sqrt(k / count) * np.stack([np.cos(angle), np.sin(angle)])).T, np.float32)
