"""One person on the device: what never changes about them, uploaded once, and one frame's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.parts.piece import Material, Piece
from mien.engines.cast.render.buffers import DetailMesh, SkinMesh
from mien.engines.cast.render.device import Handle, floats, ints, mat33, vec3, vectors
from mien.engines.cast.render.lamps import Caster
from mien.engines.cast.render.maps import MapLevels
from mien.engines.cast.render.posing import into_frames, normals_of, with_head, with_skin

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Posture:
    """What a moving piece is told of a frame.

    Attributes:
        points: (V, 3) float32, the body's vertices in the world, m.
        weights: (A,) float32 of the body's actions.
        turn: (3, 3) float32, the head's rotation.
        shift: (3,) float32, the head's shift, m.
        sway: (3,) float32, of head and chest together, m.
        lips_gap: how far the lips are apart, m.
        lips: (3,) float32, the middle of the mouth in the world, m.

    """

    points: Floats
    weights: Floats
    turn: Floats
    shift: Floats
    sway: Floats
    lips_gap: float
    lips: Floats


class Mover(Protocol):
    """A piece that has its own way to move (teeth on the jaw, lashes on the lids); posed once a frame."""

    @property
    def piece(self) -> Piece:
        """At rest; a posed piece has the same faces."""
        ...

    def posed(self, posture: Posture) -> tuple[Floats, Floats, Floats]:
        """Points, normals and tangents in the world, each (N, 3) float32."""
        ...


class Figure:
    """A body with its maps and everything it wears."""

    def __init__(self, body: Body, maps: MapLevels, worn: Sequence[Piece], movers: Sequence[Mover]) -> None:
        self.body, self._maps = body, maps
        self._faces, self._part = ints(body.faces), ints(body.parts)
        self._uv, self._uv_faces = vectors(maps.uv), ints(body.uv_faces)
        self._starts, self._around = (ints(each) for each in _faces_around(body.faces, len(body.rest)))
        self._movers = tuple(movers)
        free = [piece for piece in worn if piece.anchors is None]
        tied = [piece for piece in worn if piece.anchors is not None]
        order = [*free, *tied, *(mover.piece for mover in self._movers)]
        self._detail, self._fibres, self._luck = _static(order)
        self.has_lenses = any(np.any(piece.materials == Material.LENS) for piece in order)
        self._free = [_Rigid(piece) for piece in free]
        rest = vectors(body.rest)
        self._tied = [_Tied(piece, rest) for piece in tied]
        self._firsts = np.cumsum([0] + [len(piece.points) for piece in order]).tolist()

    @property
    def face_counts(self) -> tuple[int, int]:
        """Triangles of the body, and of what it wears."""
        return len(self.body.faces), len(self._detail.faces) // 3

    def pose(
        self, posture: Posture, *, openness: Floats, crease: Floats, mouth_open: float, texel_m: float
    ) -> tuple[Handle, Handle]:
        """A `SkinMesh` and a `DetailMesh` of one frame.

        Args:
            posture: of the frame.
            openness: (V,) float32 0..1 of the body's vertices.
            crease: (4,) float32 weights of the expression's wrinkles.
            mouth_open: 0 closed to 1, how much light enters between the lips.
            texel_m: what a pixel covers on the face, m: decides how fine the maps need to be.

        """
        skin = SkinMesh()
        skin.points = vectors(posture.points)
        skin.normals = wp.empty(len(posture.points), dtype=wp.vec3)
        skin.faces, skin.part, skin.uv, skin.uv_faces = self._faces, self._part, self._uv, self._uv_faces
        skin.openness = floats(openness)
        self._maps.choose(skin, texel_m)
        skin.crease, skin.turn = wp.vec4(*crease.tolist()), mat33(posture.turn)
        skin.mouth_open, skin.lips, skin.ahead = mouth_open, vec3(posture.lips), vec3(-posture.turn[:, 1])
        wp.launch(
            normals_of,
            len(posture.points),
            inputs=[skin.points, skin.faces, self._starts, self._around, skin.normals],
        )
        return skin, self._worn(skin.points, posture)

    def meshes(self, skin: Handle, worn: Handle) -> tuple[Caster, Caster]:
        """A posed figure's skin and pieces, to be drawn."""
        return (
            Caster(skin.points, skin.faces, None),
            Caster(worn.points, worn.faces, worn.materials, self._fibres, self._luck),
        )

    def _worn(self, skin_points: Handle, posture: Posture) -> Handle:
        detail = self._detail
        firsts = iter(self._firsts)
        turn, shift, sway = mat33(posture.turn), vec3(posture.shift), vec3(posture.sway)
        for free in self._free:
            free.pose(turn, shift, sway, next(firsts), detail)
        for tied in self._tied:
            tied.pose(skin_points, next(firsts), detail)
        for mover in self._movers:
            first = next(firsts)
            last = first + len(mover.piece.points)
            targets = (detail.points, detail.normals, detail.tangents)
            for target, values in zip(targets, mover.posed(posture), strict=True):
                target[first:last].assign(np.ascontiguousarray(values, np.float32))
        return detail


def loose_detail(pieces: Sequence[Piece]) -> tuple[Handle, Caster]:
    """A `DetailMesh` of objects that stand in the world already (one hidden point when there are none), to be drawn."""
    detail, fibres, luck = _static(pieces)
    return detail, Caster(detail.points, detail.faces, detail.materials, fibres, luck)


class _Rigid:
    def __init__(self, piece: Piece) -> None:
        self._rest = [vectors(each) for each in (piece.points, piece.normals, piece.tangents)]
        self._follow = floats(piece.follow)

    def pose(self, turn: Handle, shift: Handle, sway: Handle, first: int, out: Handle) -> None:
        wp.launch(
            with_head,
            len(self._follow),
            inputs=[*self._rest, self._follow, turn, shift, sway, first, out.points, out.normals, out.tangents],
        )


class _Tied:
    def __init__(self, piece: Piece, body_rest: Handle) -> None:
        if piece.anchors is None:
            raise ValueError("A piece that follows the skin needs anchors.")
        self._places = [ints(piece.anchors.corners), vectors(piece.anchors.bary)]
        self._local = [vectors(each) for each in (piece.points, piece.normals, piece.tangents)]
        wp.launch(into_frames, len(piece.points), inputs=[body_rest, *self._places, *self._local])

    def pose(self, skin_points: Handle, first: int, out: Handle) -> None:
        wp.launch(
            with_skin,
            len(self._local[0]),
            inputs=[skin_points, *self._places, *self._local, first, out.points, out.normals, out.tangents],
        )


def _is_fibre(piece: Piece) -> bool:
    return bool(np.all(piece.materials == Material.FIBRE))


def _static(pieces: Sequence[Piece]) -> tuple[Handle, int, Handle]:
    """A `DetailMesh`, faces of fibres first; how many those are, and their strands' luck."""
    detail = DetailMesh()
    offsets = np.cumsum([0] + [len(piece.points) for piece in pieces])
    none3, none1 = np.zeros((1, 3), np.float32), np.zeros(0, np.int32)
    for name in ("points", "normals", "tangents", "colours"):
        values = [getattr(piece, name) for piece in pieces] or [none3]
        setattr(detail, name, vectors(np.concatenate(values)))
    detail.openness = floats(np.concatenate([piece.openness for piece in pieces] or [np.ones(1, np.float32)]))
    # Points keep the pieces' order, which decides how they are posed; faces are sorted by kind.
    fibres = [k for k in range(len(pieces)) if _is_fibre(pieces[k])]
    others = [k for k in range(len(pieces)) if k not in fibres]
    faces = [pieces[k].faces + offsets[k] for k in (*fibres, *others)]
    joined = np.concatenate(faces) if faces else np.zeros((0, 3), np.int32)
    count = sum(len(pieces[k].faces) for k in fibres)
    detail.faces = ints(joined)
    for name in ("materials", "labels"):
        values = [getattr(pieces[k], name) for k in (*fibres, *others)] or [none1]
        setattr(detail, name, ints(np.concatenate(values)))
    return detail, count, floats(_luck(joined[:count]))


def _luck(faces: NDArray[np.int32]) -> Floats:
    """(F / 2,) float32 0..1, the same along each strand."""
    quads = faces[::2, 0]
    if not len(quads):
        return np.zeros(1, np.float32)
    # Along a strand each step starts two points on.
    strand = np.cumsum(np.diff(quads, prepend=quads[:1] - 2) != 2)
    return np.asarray(np.random.default_rng(0x5F).random(int(strand[-1]) + 1)[strand], np.float32)


def _faces_around(faces: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Compressed rows: which faces meet at each vertex."""
    order = np.argsort(faces.ravel(), kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(faces.ravel(), minlength=count))])
    return starts, order // 3
