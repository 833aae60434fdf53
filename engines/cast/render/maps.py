"""A person's skin maps on the device, in several sizes: a small picture reads a small map, so nothing flickers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.render.device import Handle, bytes_, mat33, vectors
from mien.engines.cast.skin import Skin

Floats = NDArray[np.float32]

#: Metres of face that the whole atlas spans at its densest.
_ATLAS_SPAN_M = 0.45
_SMALLEST_PX = 128


class MapLevels:
    """The maps of one `Skin`, each level half as wide as the one before."""

    def __init__(self, skin: Skin) -> None:
        self.uv: Floats = skin.uv
        self._part_albedo = mat33(skin.part_albedo)
        self._skin = skin
        self._levels: dict[int, tuple[Handle, ...]] = {}

    def choose(self, target: Handle, texel_m: float) -> None:
        """Put the maps that suit a pixel of `texel_m` into a `SkinMesh`."""
        size = self._skin.albedo.shape[0]
        while size > _SMALLEST_PX and _ATLAS_SPAN_M / (size // 2) < 0.75 * texel_m:
            size //= 2
        if size not in self._levels:
            self._levels[size] = self._level(size)
        target.albedo, target.surface, target.finish, target.creases, target.labels = self._levels[size]
        target.part_albedo = self._part_albedo

    def _level(self, size: int) -> tuple[Handle, ...]:
        skin = self._skin
        finish = np.stack([skin.rough, skin.scatter], axis=-1)
        # Group numbers and labels are names: they must not be mixed.
        creases = _shrunk(skin.creases, size)
        creases[..., 3] = _picked(skin.creases[..., 3], size)
        return (
            vectors(_shrunk(skin.albedo, size)),
            vectors(_shrunk(skin.surface, size)),
            vectors(_shrunk(finish, size)),
            vectors(creases),
            bytes_(_picked(skin.labels, size)),
        )


def _shrunk(values: Floats, size: int) -> Floats:
    if values.shape[0] == size:
        return values.copy()
    return np.asarray(cv2.resize(values, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _picked(values: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    step = values.shape[0] // size
    return np.ascontiguousarray(values[step // 2 :: step, step // 2 :: step])
