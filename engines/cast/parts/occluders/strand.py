"""A loose lock of hair that hangs across the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.occluders.place import Occluder, Path, Spots, occluding
from mien.engines.cast.parts.piece import unit
from mien.engines.cast.parts.strands import ribbons

Floats = NDArray[np.float32]

_STEPS = 20
_HAIRS = 420


def strand_occluder(rng: np.random.Generator, spots: Spots, hair: Floats) -> Occluder:
    """A lock from the hairline over brow, eye or cheek, close to the skin; it sways, and goes with the head.

    Args:
        rng: of its shape.
        spots: the face.
        hair: (3,) linear RGB.

    """
    side = float(rng.choice((-1.0, 1.0)))
    scale = spots.scale
    length = float(rng.uniform(0.12, 0.21)) * scale
    t = np.linspace(0.0, 1.0, _STEPS, dtype=np.float32)
    middle = spots.eyes + np.stack([_sweep(rng, side, t), np.zeros(_STEPS), (0.098 - length / scale * t) * scale], 1)
    # A lock is a few wisps, each with its own curl and end, and a few hairs that have left them.
    wisps = int(rng.integers(5, 9))
    of = np.minimum(rng.integers(0, wisps + 1, _HAIRS), rng.integers(0, wisps + 1, _HAIRS))
    thin = 0.0011 + 0.0012 * (of == wisps)
    offset = rng.normal(0.0, 0.0042, wisps + 1)[of] + rng.normal(0.0, 1.0, _HAIRS) * thin
    curl = rng.normal(0.0, 0.0034, (wisps + 1, 3))[of] + rng.normal(0.0, 0.5, (_HAIRS, 3)) * thin[:, None]
    wave = np.stack([np.sin(1.7 * np.pi * t + 0.7), np.sin(3.1 * np.pi * t + 2.1), 2.2 * t * t])
    # Narrow at the root, widest in the middle, gathered again towards the tip.
    width = 0.4 + 0.9 * np.sin(np.pi * np.clip(t * 0.8 + 0.06, 0, 1))
    curves = np.repeat(middle[None], _HAIRS, 0).astype(np.float32)
    curves[:, :, 0] += offset[:, None] * width + curl @ wave
    share = rng.uniform(0.62, 1.0, wisps + 1)[of] * rng.uniform(0.82, 1.0, _HAIRS)
    curves[:, :, 2] = curves[:, :1, 2] + (curves[:, :, 2] - curves[:, :1, 2]) * share[:, None]
    lift = (0.0035 + 0.0085 * np.sin(np.pi * t * 0.8)) * (1.0 + 60.0 * np.abs(offset - offset.mean()))[:, None]
    front = -spots.relief(curves[:, :, 0], curves[:, :, 2])
    # A hanging lock bridges hollows: it never falls further back than a straight line to what stands out above.
    y = np.minimum.accumulate(front - lift, axis=1) + 0.10 * np.maximum(0.0, t - 0.2) * length
    y = np.minimum(y, front - 0.0022)
    for _ in range(3):
        y[:, 1:-1] = np.minimum((y[:, :-2] + 2 * y[:, 1:-1] + y[:, 2:]) / 4, front[:, 1:-1] - 0.0020)
    curves[:, :, 1] = y
    facing = np.broadcast_to(np.array([0, -1, 0], np.float32), curves.shape)
    along = unit(np.gradient(curves, axis=1))
    facing = unit(facing - along * (facing * along).sum(2, keepdims=True))
    colours = (hair[None] * rng.lognormal(0.0, 0.22, (_HAIRS, 1))).astype(np.float32)
    piece = ribbons(curves, facing, np.full(_HAIRS, 0.00024, np.float32), colours, tip=0.2)
    root = curves[:, 0].mean(0)
    path = Path(
        away=(0.0, 0.0, 0.0),
        drift_m=0.0,
        swing_rad=float(rng.uniform(0.0, 0.03)),
        swing_hz=float(rng.uniform(0.3, 0.8)),
        pivot=(float(root[0]), float(root[1]), float(root[2])),
    )
    return Occluder(kind="strand", piece=occluding(piece), path=path, worn=True)


def _sweep(rng: np.random.Generator, side: float, t: Floats) -> Floats:
    """How far to a side the lock's middle hangs along its length, m."""
    root, tip, belly = rng.uniform(0.0, 0.022), rng.uniform(0.022, 0.058), rng.uniform(-0.008, 0.016)
    return np.asarray(side * (root + (tip - root) * t**1.3 + belly * np.sin(np.pi * t)), dtype=np.float32)
