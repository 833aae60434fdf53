"""Thin ribbons that stand for hairs: head hair, beards, brows and lashes share this."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.piece import Label, Material, Piece, unit

Floats = NDArray[np.float32]

#: How much light reaches a hair's root, as a share of its tip's.
_OPENNESS_AT_ROOT = 0.3


def ribbons(
    curves: Floats, facing: Floats, widths: Floats, colours: Floats, *, tip: float = 0.25, label: Label = Label.HAIR
) -> Piece:
    """Ribbons along curves; points 2k and 2k+1 of each strand are the two edges at its k-th step.

    Args:
        curves: (S, K, 3) float32, points of each strand from root to tip, m.
        facing: (S, K, 3) float32, the way the flat side looks.
        widths: (S,) float32 at the root, m.
        colours: (S, 3) float32, linear RGB.
        tip: width at the tip, as a share of the root's.
        label: of every face.

    """
    strands, count = curves.shape[:2]
    tangents = unit(np.gradient(curves, axis=1))
    side = unit(np.cross(tangents, facing))
    taper = np.linspace(1.0, tip, count, dtype=np.float32)[None, :, None] * widths[:, None, None] * 0.5
    points = np.stack([curves - side * taper, curves + side * taper], axis=2).reshape(-1, 3)
    # A flat ribbon shaded as a round one: its two edges lean apart.
    normals = unit(np.stack([facing - 0.45 * side, facing + 0.45 * side], axis=2)).reshape(-1, 3)
    start = (np.arange(strands)[:, None] * count + np.arange(count - 1)[None]).reshape(-1) * 2
    faces = np.stack([start, start + 1, start + 2, start + 1, start + 3, start + 2], axis=1).reshape(-1, 3)
    open_along = _OPENNESS_AT_ROOT + (1 - _OPENNESS_AT_ROOT) * np.linspace(0, 1, count) ** 0.6
    return Piece(
        points=points.astype(np.float32),
        normals=normals.astype(np.float32),
        tangents=np.repeat(tangents.reshape(-1, 3), 2, axis=0).astype(np.float32),
        colours=np.repeat(colours, count * 2, axis=0).astype(np.float32),
        openness=np.tile(np.repeat(open_along, 2), strands).astype(np.float32),
        faces=faces.astype(np.int32),
        materials=np.full(len(faces), int(Material.FIBRE), np.int32),
        labels=np.full(len(faces), int(label), np.int32),
        follow=np.ones(len(points), np.float32),
    )
