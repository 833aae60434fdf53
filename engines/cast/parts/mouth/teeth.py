"""A person's teeth: fitted behind the lips, different for everybody, and the lips kept in front of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import TONGUE, Body
from mien.engines.cast.body.lips import BAND_RINGS, RINGS, TONGUE_JAW, LipGuard, smooth_step
from mien.engines.cast.look import Look
from mien.engines.cast.parts.mouth.arch import Arch, Doubles
from mien.engines.cast.parts.mouth.tooth import LOWER, UPPER, Kind, Stand, gum, tooth
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, solid
from mien.engines.cast.render.figure import Posture

Floats = NDArray[np.float32]

_JAW_ACTIONS = ("jawOpen", "jawForward", "jawLeft", "jawRight")
#: Between the inner side of the lips and the front of the incisors at rest, m.
_REST_CLEARANCE_M = 0.0026
#: How far the upper incisors hang below the line between the lips, how far they cover the lower ones, and how far
#: they stand before them, m.
_EDGE_BELOW_M, _OVERBITE_M, _OVERJET_M = 0.0022, 0.0018, 0.0028
#: Gums end this far from the cutting edge; further up a lip may lie further back.
_ROOTS_M = 0.0165
#: How far behind the front of the lower row the tongue keeps: at the incisors and at the side teeth, m.
_TONGUE_BEHIND_M = (0.0068, 0.0088)
#: The least distance before the teeth that each ring of the lips' grid keeps, m: more for the outer skin.
_CLEARANCE_M = np.interp(RINGS, [1, 10], [0.0012, 0.0045]).astype(np.float32)
#: How much of a column's correction each ring follows.
_FOLLOW = smooth_step((20.5 - RINGS) / 11.0).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Teeth:
    """Both rows; a mover of the renderer.

    Attributes:
        piece: upper row, upper gum, lower row, lower gum, at rest.
        lower_from: the first point of the lower jaw.
        jaw: (A, 3, 3) float64: under full action a, the jaw's point (x, y, z) moves by (y, z, 1) @ jaw[a], m.
        upper: the curve of the upper row.
        lower: the curve of the lower row.

    """

    piece: Piece
    lower_from: int
    jaw: Doubles
    upper: Arch
    lower: Arch

    def posed(self, posture: Posture) -> tuple[Floats, Floats, Floats]:
        """Points, normals and tangents in the world, (N, 3) float32 each."""
        linear, shift = self._jaw_motion(posture.weights)
        points, normals = self.piece.points.copy(), self.piece.normals.copy()
        points[self.lower_from :] = points[self.lower_from :] @ linear + shift
        normals[self.lower_from :] = normals[self.lower_from :] @ np.linalg.inv(linear).T
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return points @ posture.turn.T + posture.shift, normals @ posture.turn.T, self.piece.tangents

    def clear(self, points: Floats, weights: Floats, lips: LipGuard) -> None:
        """Moves lips that lie in the teeth before them, in place; call it after the lips' guard, before the head turns.

        Args:
            points: (V, 3) float32, the posed body.
            weights: (A,) float32 of its actions.
            lips: the guard of the same body.

        """
        linear, shift = self._jaw_motion(weights)
        inside = points[lips.index]
        moved = _out_of(self.upper, inside)
        in_jaw = (inside - shift) @ np.linalg.inv(linear)
        below = _out_of(self.lower, in_jaw) @ linear
        further = np.einsum("ck,ck->c", below, below) > np.einsum("ck,ck->c", moved, moved)
        moved = np.where(further[:, None], below, moved)
        if not moved.any():
            return
        moved = np.where(np.abs(moved) > 0, moved, 0.5 * (np.roll(moved, 1, axis=0) + np.roll(moved, -1, axis=0)))
        points[lips.index] += _FOLLOW[:, None, None] * moved[None]

    def lift_of(self, tongue: Floats, weights: Floats) -> Floats:
        """(T,) how far to lift each point of a tongue that is out, so that it passes in the middle of the gap, m."""
        depth, _ = self.upper.depth(tongue)
        between = (np.abs(tongue[:, 0]) < 0.006) & (depth > -0.003) & (depth < 0.007)
        linear, shift = self._jaw_motion(weights)
        lower_edge = self.lower.origin.astype(np.float32) @ linear + shift
        middle = 0.5 * (float(lower_edge[2]) + float(self.upper.origin[2]))
        heights = tongue[between, 2]
        lift = middle - 0.5 * (float(heights.min()) + float(heights.max()))
        # Behind, the root stays; in front, the tip hangs over the lower lip as it did.
        return np.asarray(lift * smooth_step((0.045 - depth) / 0.03) * smooth_step((depth + 0.013) / 0.011), np.float32)

    def _jaw_motion(self, weights: Floats) -> tuple[Floats, Floats]:
        """(3, 3) and (3,): a point of the jaw goes from p to p @ linear + shift."""
        motion = np.tensordot(weights.astype(np.float64), self.jaw, 1)
        linear = np.eye(3)
        linear[1:] += motion[:2]
        return linear.astype(np.float32), motion[2].astype(np.float32)


def build_teeth(body: Body, lips: LipGuard, look: Look, seed: int) -> Teeth:
    """Teeth placed behind the closed lips of a body at rest (one that went through `fit_lips`)."""
    rng = np.random.default_rng((seed, 0x7EE7))
    upper, lower = _arches(body, lips, rng)
    enamel, flesh = _enamel(look, rng), _flesh(look, rng)
    crowding, gap = abs(float(rng.normal(0.0, 0.5))), _diastema(rng)
    size = float(rng.normal(0.97, 0.03))
    rows = []
    for arch, kinds, between in ((upper, UPPER, gap), (lower, LOWER, 0.0)):
        stands = _stands(kinds, rng, size=size, crowding=crowding, gap=between, wear=look.age)
        rows.append(_row(arch, kinds, stands, enamel, flesh))
    return Teeth(
        piece=joined(rows), lower_from=len(rows[0].points), jaw=_jaw(body), upper=upper, lower=lower,
    )  # fmt: skip


def fit_tongue(body: Body, teeth: Teeth) -> Body:
    """Draws the resting tongue in where it would lie in the teeth, and leads tongueOut between the two rows."""
    tongue = np.unique(body.faces[body.parts == TONGUE])
    points = body.rest[tongue]
    depth, normal = teeth.lower.depth(points)
    height = teeth.lower.height(points)
    # Front teeth are thinner than side teeth.
    needed = np.interp(np.abs(points[:, 0]), [0.006, 0.013], [_TONGUE_BEHIND_M[0], _TONGUE_BEHIND_M[1]])
    short = needed - depth
    soft = 0.5 * (short + np.hypot(short, 0.0006)) * smooth_step((0.020 - height) / 0.006)
    # Above the row the tongue may spread; it narrows over a few millimetres, so that no step shows.
    soft *= smooth_step((height + 0.009) / 0.006) * smooth_step((0.03 - depth) / 0.01)
    rest = body.rest.copy()
    rest[tongue] -= (normal * soft[:, None]).astype(np.float32)
    deltas = body.deltas.copy()
    out = body.actions.index("tongueOut")
    deltas[out, tongue, 2] += teeth.lift_of(rest[tongue] + deltas[out, tongue], body.weights({"tongueOut": 1.0}))
    return replace(body, rest=rest, deltas=deltas)


def _arches(body: Body, lips: LipGuard, rng: np.random.Generator) -> tuple[Arch, Arch]:
    inner = body.rest[lips.index[: BAND_RINGS.start + 1]].reshape(-1, 3)
    band = body.rest[lips.index[BAND_RINGS]].reshape(-1, 3)
    meeting = band[np.abs(band[:, 0]) < 0.005].mean(0).astype(np.float64)
    width = float(np.ptp(body.rest[lips.index[BAND_RINGS.start]][:, 0]))
    bend = float(np.clip(27.0 * (0.055 / width) + rng.normal(0.0, 1.5), 22.0, 34.0))
    middle = 0.5 * float(inner[np.abs(inner[:, 0]) < 0.002, 0].mean())
    upper = Arch(np.array([middle, meeting[1], meeting[2] - _EDGE_BELOW_M]), bend, 1.0)
    upper = _behind(upper, inner)
    edge = upper.origin + np.array([0.0, _OVERJET_M, _OVERBITE_M])
    return upper, _behind(Arch(edge, bend * 1.06, -1.0), inner)


def _behind(arch: Arch, inner: Floats) -> Arch:
    """The arch moved back, if it must, until the lips' inner side is clear of it."""
    near = (np.abs(arch.height(inner) - 0.006) < 0.009) & (np.abs(inner[:, 0]) < 0.024)
    depth, normal = arch.depth(inner[near])
    back = float(((depth + _REST_CLEARANCE_M) / -normal[:, 1]).max())
    if arch.up < 0:
        back = max(back, 0.0)
    return Arch(arch.origin + np.array([0.0, back, 0.0]), arch.bend, arch.up)


def _stands(
    kinds: tuple[Kind, ...], rng: np.random.Generator, *, size: float, crowding: float, gap: float, wear: float
) -> list[Stand]:
    """Both halves of a row, from the midline outwards, left then right."""
    stands = []
    for side in (1.0, -1.0):
        along = 0.5 * gap
        for number, kind in enumerate(kinds):
            width = kind.width * size * 1e-3
            # Front teeth stand crooked more often than side teeth.
            loose = crowding * (1.0 if number < 3 else 0.4)
            worn = 1e-3 * (0.9 * wear * kind.edge**0.2 + abs(float(rng.normal(0.0, 0.12))))
            stands.append(
                Stand(
                    along=side * (along + width / 2),
                    width=width * 0.995,
                    height=kind.height * size * 1e-3 - (worn if number < 3 else 0.0),
                    out=float(np.clip(rng.normal(0.0, 0.25e-3 * loose), -0.4e-3, 0.4e-3)),
                    twist=float(np.clip(rng.normal(0.0, 0.10 * loose), -0.2, 0.2)),
                    lean=float(rng.normal(0.0, 0.025)),
                )
            )
            along += width
    return stands


def _row(arch: Arch, kinds: tuple[Kind, ...], stands: list[Stand], enamel: Doubles, flesh: Doubles) -> Piece:
    # The shorter crowns behind still end in one plane of biting, so every tooth's height counts from the edge.
    parts = [
        _piece(tooth(arch, kinds[index % len(kinds)], stand, enamel), Material.ENAMEL, Label.TEETH)
        for index, stand in enumerate(stands)
    ]
    parts.append(_piece(gum(arch, kinds, stands, flesh), Material.FLESH, Label.MOUTH))
    return joined(parts)


def _piece(shape: tuple[Doubles, NDArray[np.int32], Doubles, Doubles], material: Material, label: Label) -> Piece:
    points, faces, colours, openness = shape
    made = solid(points.astype(np.float32), faces, colours.astype(np.float32), material, label)
    made.openness[:] = openness * _depth_shade(points)
    return made


def _depth_shade(points: Doubles) -> Doubles:
    """(N,) less light reaches the teeth further back: 1 at the incisors, a third at the molars."""
    side = np.abs(points[:, 0]) / 0.026
    return np.asarray(1.0 - 0.65 * np.clip(side, 0, 1) ** 1.6)


def _diastema(rng: np.random.Generator) -> float:
    """A gap between the upper middle incisors in one of nine, m."""
    draw, width = rng.random(), rng.uniform(0.4e-3, 1.6e-3)
    return float(width) if draw < 0.11 else 0.0


def _enamel(look: Look, rng: np.random.Generator) -> Doubles:
    """(3,) linear RGB: from bleached to the yellow of old age (the VITA classical guide's B1 to A4)."""
    tone = float(np.clip(0.25 + 0.4 * look.age + rng.normal(0.0, 0.15), 0.0, 1.0))
    return np.array([0.74, 0.69, 0.60]) * (1 - tone) + np.array([0.60, 0.49, 0.34]) * tone


def _flesh(look: Look, rng: np.random.Generator) -> Doubles:
    """(3,) linear RGB of the gums; dark skin often has brown gums."""
    brown = 0.5 * look.melanin**2 * float(rng.random())
    return np.array([0.44, 0.16, 0.15]) * (1 - brown) + np.array([0.16, 0.08, 0.07]) * brown


def _jaw(body: Body) -> Doubles:
    """(A, 3, 3) affine motion of the tongue's root under each action of the jaw.

    The tongue and the lower row are both fixed to the jaw bone, and the mesh says how the tongue moves.
    """
    tongue = np.unique(body.faces[body.parts == TONGUE])
    rest = body.rest[tongue].astype(np.float64)
    basis = np.c_[rest[:, 1:], np.ones(len(rest))]
    out = np.zeros((len(body.actions), 3, 3))
    for name in _JAW_ACTIONS:
        action = body.actions.index(name)
        out[action] = np.linalg.lstsq(basis, body.deltas[action, tongue].astype(np.float64), rcond=None)[0]
    out[body.actions.index("tongueOut")] = TONGUE_JAW * out[body.actions.index("jawOpen")]
    return out


def _out_of(arch: Arch, points: Floats) -> Floats:
    """(C, 3) what moves each column of (D, C, 3) points before the teeth and gums of one row."""
    depth, normal = arch.depth(points)
    height = arch.height(points)
    beside = np.clip((height + 0.0012) / 0.0012, 0, 1) * np.clip((_ROOTS_M - height) / 0.004, 0, 1)
    within = np.clip((0.014 - depth) / 0.004, 0, 1)
    over = np.maximum(depth + _CLEARANCE_M[:, None], 0.0) * beside * within
    worst = over.argmax(0)
    columns = np.arange(points.shape[1])
    return np.asarray(normal[worst, columns] * over[worst, columns, None], dtype=np.float32)
