"""Thin ribbons that stand for hairs: head hair, brows and lashes share this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

#: How much light reaches a hair's root, as a share of its tip's.
_DEPTH_AT_ROOT = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Ribbons:
    """A mesh of ribbons, or of anything else that is drawn beside the skin.

    Attributes:
        points: (N, 3) float32, m.
        normals: (N, 3) float32.
        tangents: (N, 3) float32, along the hair.
        colours: (N, 3) float32, linear RGB.
        depth: (N,) float32, 0 where no light comes through the hairs above, 1 in the open.
        faces: (F, 3) int32.
        kind: (F,) int32, 0 hair, 1 tooth or gum.

    """

    points: Floats
    normals: Floats
    tangents: Floats
    colours: Floats
    depth: Floats
    faces: Ints
    kind: Ints


def ribbons(curves: Floats, facing: Floats, widths: Floats, colours: Floats, *, tip: float = 0.25) -> Ribbons:
    """Ribbons along curves.

    Args:
        curves: (S, K, 3) float32, points of each strand from root to tip, m.
        facing: (S, K, 3) float32, the way the flat side looks.
        widths: (S,) float32 at the root, m.
        colours: (S, 3) float32, linear RGB.
        tip: width at the tip, as a share of the root's.

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
    return Ribbons(
        points=points.astype(np.float32),
        normals=normals.astype(np.float32),
        tangents=np.repeat(tangents.reshape(-1, 3), 2, axis=0).astype(np.float32),
        colours=np.repeat(colours, count * 2, axis=0).astype(np.float32),
        depth=np.tile(
            np.repeat(_DEPTH_AT_ROOT + (1 - _DEPTH_AT_ROOT) * np.linspace(0, 1, count) ** 0.6, 2), strands
        ).astype(np.float32),
        faces=faces.astype(np.int32),
        kind=np.zeros(len(faces), np.int32),
    )


def joined(parts: list[Ribbons]) -> Ribbons:
    """Several meshes as one."""
    offsets = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    return Ribbons(
        points=np.concatenate([part.points for part in parts]),
        normals=np.concatenate([part.normals for part in parts]),
        tangents=np.concatenate([part.tangents for part in parts]),
        colours=np.concatenate([part.colours for part in parts]),
        depth=np.concatenate([part.depth for part in parts]),
        faces=np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)]).astype(
            np.int32
        ),
        kind=np.concatenate([part.kind for part in parts]),
    )


def unit(vectors: Floats) -> Floats:
    """Vectors of length one along the last axis; a zero stays zero."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def vertex_normals(points: Floats, faces: Ints) -> Floats:
    """(V, 3) float32, area-weighted."""
    corners = points[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [sum(np.bincount(faces[:, c], flat[:, axis], len(points)) for c in range(3)) for axis in range(3)], axis=1
    )
    return unit(total.astype(np.float32))
