"""What is drawn besides the skin, as one kind of value: a mesh with its material, its label and what it follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Material(IntEnum):
    """How a face of a piece answers to light."""

    FIBRE = 0
    ENAMEL = 1
    FLESH = 2
    PLASTIC = 3
    METAL = 4
    FABRIC = 5
    LENS = 6
    HAND = 7
    FOAM = 8


class Label(IntEnum):
    """What a pixel shows; the values of the renderer's label picture."""

    BACKGROUND = 0
    SKIN = 1
    LIPS = 2
    LEFT_EYE = 3
    RIGHT_EYE = 4
    LEFT_BROW = 5
    RIGHT_BROW = 6
    LASHES = 7
    TEETH = 8
    TONGUE = 9
    MOUTH = 10
    HAIR = 11
    BEARD = 12
    GLASSES = 13
    HEADSET = 14
    CLOTH = 15
    EARS = 16
    NECK = 17
    OCCLUDER = 18


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Ties each point to a triangle of the body, so that it follows the skin.

    Attributes:
        corners: (N, 3) int32, vertices of the body.
        bary: (N, 3) float32, weights of the three; the point keeps its place in the frame of the triangle there.

    """

    corners: Ints
    bary: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A mesh of a body at rest, in its space (m; z up, x to the person's left, the face looks along -y).

    Attributes:
        points: (N, 3) float32.
        normals: (N, 3) float32, unit, outwards.
        tangents: (N, 3) float32, along a fibre from root to tip; zero where there is none.
        colours: (N, 3) float32, linear RGB albedo.
        openness: (N,) float32, 0 where no light comes through neighbouring hairs, 1 in the open.
        faces: (F, 3) int32.
        materials: (F,) int32, `Material`.
        labels: (F,) int32, `Label`.
        follow: (N,) float32, share of the head's turn that a point follows: 1 moves as the skull, 0 stays as the chest.
        anchors: given, the points follow the skin and `follow` is not looked at.

    """

    points: Floats
    normals: Floats
    tangents: Floats
    colours: Floats
    openness: Floats
    faces: Ints
    materials: Ints
    labels: Ints
    follow: Floats
    anchors: Anchors | None = None

    def labelled(self, label: Label) -> Piece:
        """The same mesh, all of it under another label."""
        return replace(self, labels=np.full(len(self.faces), int(label), np.int32))


def solid(
    points: Floats, faces: Ints, colour: Floats | tuple[float, float, float], material: Material, label: Label
) -> Piece:
    """A piece of one colour and material that is rigid with the head; normals are smooth.

    Args:
        points: (N, 3) float32, m.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        colour: (3,) or (N, 3), linear RGB.
        material: of every face.
        label: of every face.

    """
    count = len(points)
    return Piece(
        points=np.ascontiguousarray(points, np.float32),
        normals=vertex_normals(np.asarray(points, np.float32), faces),
        tangents=np.zeros((count, 3), np.float32),
        colours=np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.float32), (count, 3))),
        openness=np.ones(count, np.float32),
        faces=np.ascontiguousarray(faces, np.int32),
        materials=np.full(len(faces), int(material), np.int32),
        labels=np.full(len(faces), int(label), np.int32),
        follow=np.ones(count, np.float32),
    )


def joined(parts: Sequence[Piece]) -> Piece:
    """Several pieces as one; all of them anchored, or none."""
    offsets = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    anchors = None
    tied = [part.anchors for part in parts if part.anchors is not None]
    if tied:
        if len(tied) != len(parts):
            raise ValueError("Pieces that follow the skin cannot be joined with pieces that do not.")
        anchors = Anchors(np.concatenate([a.corners for a in tied]), np.concatenate([a.bary for a in tied]))
    faces = [part.faces + offset for part, offset in zip(parts, offsets, strict=True)]
    return Piece(
        points=np.concatenate([part.points for part in parts]),
        normals=np.concatenate([part.normals for part in parts]),
        tangents=np.concatenate([part.tangents for part in parts]),
        colours=np.concatenate([part.colours for part in parts]),
        openness=np.concatenate([part.openness for part in parts]),
        faces=np.concatenate(faces).astype(np.int32),
        materials=np.concatenate([part.materials for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        follow=np.concatenate([part.follow for part in parts]),
        anchors=anchors,
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
