"""A loose lock of hair that hangs across the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.occluders.place import Occluder, Path, Spots, occluding
from mien.engines.cast.parts.piece import unit
from mien.engines.cast.parts.strands import ribbons

Floats = NDArray[np.float32]

_STEPS = 18
_HAIRS = 260


def strand_occluder(rng: np.random.Generator, spots: Spots, hair: Floats) -> Occluder:
    """A lock from the hairline over brow, eye or cheek, close to the skin; it sways, and goes with the head.

    Args:
        rng: of its shape.
        spots: the face.
        hair: (3,) linear RGB.

    """
    side = float(rng.choice((-1.0, 1.0)))
    scale = spots.scale
    length = float(rng.uniform(0.10, 0.20)) * scale
    root_x, tip_x = side * rng.uniform(0.0, 0.018), side * rng.uniform(0.018, 0.055)
    t = np.linspace(0.0, 1.0, _STEPS, dtype=np.float32)
    belly = rng.uniform(-0.010, 0.014)
    x = root_x + (tip_x - root_x) * t**1.2 + side * belly * np.sin(np.pi * t)
    z = 0.082 * scale - length * t
    middle = np.stack([x, np.zeros(_STEPS), z], 1) + spots.eyes
    clumps = rng.integers(3, 6)
    clump = rng.integers(0, clumps, _HAIRS)
    offset = (rng.normal(0.0, 0.0042, clumps)[clump] + rng.normal(0.0, 0.0013, _HAIRS)).astype(np.float32)
    wander = rng.normal(0.0, 0.0028, (clumps, 2))[clump] + rng.normal(0.0, 0.0016, (_HAIRS, 2))
    wave = np.stack([np.sin(2.2 * np.pi * t + 0.7), np.sin(3.7 * np.pi * t + 2.1)])
    # Narrow at the root, widest in the middle, gathered again towards the tip.
    width = 0.35 + 0.9 * np.sin(np.pi * np.clip(t * 0.85 + 0.08, 0, 1))
    curves = np.repeat(middle[None], _HAIRS, 0).astype(np.float32)
    curves[:, :, 0] += offset[:, None] * width + wander @ wave
    shorter = rng.uniform(0.82, 1.0, _HAIRS).astype(np.float32)
    curves[:, :, 2] = curves[:, :1, 2] + (curves[:, :, 2] - curves[:, :1, 2]) * shorter[:, None]
    lift = (0.0035 + 0.0085 * np.sin(np.pi * t * 0.8)) * rng.uniform(0.75, 1.35, (_HAIRS, 1))
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
    piece = ribbons(curves, facing, np.full(_HAIRS, 0.00036, np.float32), colours, tip=0.3)
    root = curves[:, 0].mean(0)
    path = Path(
        away=(0.0, 0.0, 0.0),
        drift_m=0.0,
        swing_rad=float(rng.uniform(0.0, 0.03)),
        swing_hz=float(rng.uniform(0.3, 0.8)),
        pivot=(float(root[0]), float(root[1]), float(root[2])),
    )
    return Occluder(kind="strand", piece=occluding(piece), path=path, worn=True)
