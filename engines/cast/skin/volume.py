"""A block of noise that repeats in all directions: cut by the skin's surface it gives pores and mottling, no seams."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Voxels along an edge; a power of two, so that the kernels wrap by masking.
SIDE = 64
#: Cells of the cellular noise along an edge.
CELLS = 12
_SEED = 0x90_15E


@lru_cache(maxsize=1)
def noise_volume() -> Floats:
    """(64, 64, 64, 4) float32: clouds, grain (both mean 0, deviation 1), nearest cell, border of cells.

    The last two are F1 and F2 - F1 of Worley's cellular noise ("A cellular texture basis function", SIGGRAPH 1996),
    in cell widths.
    """
    rng = np.random.default_rng(_SEED)
    axis = np.fft.fftfreq(SIDE) * SIDE
    radius = np.sqrt((axis[:, None, None] ** 2) + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    clouds = _filtered(rng, np.where(radius > 0.5, np.maximum(radius, 1.0) ** -2.3, 0.0) * (radius < 24))
    grain = _filtered(rng, np.exp(-(((radius - 11.0) / 6.0) ** 2)))
    nearest, border = _cells(rng)
    return np.ascontiguousarray(np.stack([clouds, grain, nearest, border], axis=-1), np.float32)


def _filtered(rng: np.random.Generator, spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    field = np.fft.ifftn(np.fft.fftn(rng.normal(size=(SIDE, SIDE, SIDE))) * spectrum).real
    return np.asarray(np.clip(field / field.std(), -3.0, 3.0))


def _cells(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """F1 and F2 - F1, (64, 64, 64) each, from one jittered point a cell."""
    grid = np.stack(np.meshgrid(*[np.arange(CELLS)] * 3, indexing="ij"), axis=-1)
    points = rng.uniform(0.12, 0.88, grid.shape)
    at = np.stack(np.meshgrid(*[np.arange(SIDE) * (CELLS / SIDE)] * 3, indexing="ij"), axis=-1)
    home = at.astype(int)
    first = np.full(at.shape[:3], np.inf)
    second = first.copy()
    for step in np.ndindex(3, 3, 3):
        cell = home + (np.array(step) - 1)
        wrapped = cell % CELLS
        centre = cell + points[wrapped[..., 0], wrapped[..., 1], wrapped[..., 2]]
        distance = np.sqrt(((at - centre) ** 2).sum(-1))
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    return first, second - first
