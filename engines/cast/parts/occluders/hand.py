"""A hand before the face: it covers the mouth, holds the chin or cheek, waves, mends glasses, or rubs the brow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.occluders.place import Occluder, Path, Spots, axes, mirrored_piece, moved, occluding
from mien.engines.cast.parts.occluders.rig import Distance, Gesture, HandRig, hand_rig
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, vertex_normals
from mien.engines.cast.parts.solids import compact, made

Floats = NDArray[np.float32]
Triple = tuple[float, float, float]

_NAIL = np.array([0.62, 0.38, 0.33], np.float32)
#: Points whose forearm's share is larger may stand anywhere: only hand and fingers touch.
_FOREARM_SHARE = 0.35
_CUFF_AT_M = -0.085
_SLEEVE_M = 0.0055

OPEN = Gesture(bend=((0.0, 0.05, 0.05), (0.0, 0.05, 0.0), (0.0, 0.05, 0.0), (0.0, 0.05, 0.0), (0.0, 0.1, 0.0)),
               spread=(0.25, 0.15, 0.0, -0.14, -0.30))  # fmt: skip
FIST = Gesture(bend=((0.45, 0.5, 0.7), (1.4, 1.5, 0.9), (1.4, 1.55, 0.9), (1.4, 1.55, 0.9), (1.4, 1.5, 0.9)),
               spread=(0.0, 0.1, 0.0, -0.1, -0.2))  # fmt: skip
GRIP = Gesture(bend=((0.9, 0.6, 0.6), (1.15, 1.2, 0.8), (1.15, 1.2, 0.8), (1.15, 1.2, 0.8), (1.15, 1.2, 0.8)),
               spread=(0.0, 0.12, 0.0, -0.11, -0.22))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Scene:
    """One thing that a right hand does before a face.

    Attributes:
        fingers: where they point.
        palm: where it looks.
        at: the held point's place relative to `spot`, m at scale 1.
        spot: the name of a field of `Spots`.
        held: the point of hand space that is put there, m; None is the tip of the index finger.
        first: the gesture before contact.
        last: what the fingers close to until they touch; None keeps the first.
        push: the way the hand moves until it touches; zero leaves it where it is.
        worn: it goes with the head.

    """

    fingers: Triple
    palm: Triple
    at: Triple
    spot: str
    held: Triple | None
    first: Gesture
    last: Gesture | None
    push: Triple
    worn: bool = True


def _with_wrist(gesture: Gesture, bend: float, side: float) -> Gesture:
    return Gesture(bend=gesture.bend, spread=gesture.spread, wrist=(bend, side))


_POINTING = Gesture(bend=((0.5, 0.4, 0.5), (0.45, 0.5, 0.25), (1.1, 1.2, 0.7), (1.2, 1.3, 0.7), (1.25, 1.3, 0.7)))
_LOOSE = Gesture(bend=((0.3, 0.35, 0.4), (0.75, 0.9, 0.5), (0.9, 1.05, 0.6), (1.0, 1.1, 0.6), (1.05, 1.1, 0.6)),
                 spread=(0.0, -0.05, 0.0, 0.05, 0.12))  # fmt: skip
_WIDE = Gesture(bend=((0.0, 0.0, 0.0), (0.0, 0.05, 0.05), (0.0, 0.05, 0.05), (0.0, 0.08, 0.05), (0.0, 0.1, 0.05)),
                spread=(0.0, 0.1, 0.03, -0.05, -0.05))  # fmt: skip
_TOUCH = Gesture(bend=((0.5, 0.4, 0.3), (0.7, 0.6, 0.5), (0.7, 0.6, 0.5), (0.7, 0.6, 0.5), (0.7, 0.6, 0.5)),
                 spread=(0.25, 0.13, 0.0, -0.10, -0.22))  # fmt: skip

_PALM: Triple = (0.0, 0.085, 0.012)
SCENES = {
    "mouth": _Scene((0.86, 0.12, 0.42), (-0.05, 1.0, 0.0), (-0.012, -0.07, -0.009), "mouth", (0.0, 0.115, 0.012),
                    _with_wrist(OPEN, -0.45, -0.5), _TOUCH, (0.0, 1.0, 0.0)),
    "chin": _Scene((0.35, 0.28, 0.85), (0.55, 0.8, -0.2), (-0.014, -0.06, -0.012), "chin", (0.01, 0.125, 0.035),
                   _with_wrist(_LOOSE, -0.15, 0.0), None, (0.0, 1.0, 0.25)),
    "cheek": _Scene((0.02, 0.22, 0.95), (0.72, 0.68, 0.0), (-0.085, -0.03, 0.012), "mouth", (0.0, 0.10, 0.012),
                    _with_wrist(OPEN, -0.2, 0.0), _TOUCH, (0.72, 0.65, 0.0)),
    "wave": _Scene((0.12, 0.05, 1.0), (0.0, -1.0, 0.1), (-0.03, -0.13, 0.01), "nose", _PALM,
                   _with_wrist(_WIDE, 0.1, 0.0), None, (0.0, 0.0, 0.0), worn=False),
    "glasses": _Scene((0.52, 0.42, 0.74), (0.15, 0.75, -0.6), (-0.004, -0.045, -0.006), "eyes", None,
                      _with_wrist(_POINTING, -0.2, 0.0), None, (0.0, 1.0, 0.0)),
    "brow": _Scene((0.80, 0.18, 0.60), (0.0, 1.0, -0.15), (0.0, -0.07, 0.012), "eyes", (0.0, 0.14, 0.012),
                   _with_wrist(OPEN, -0.35, -0.35), _TOUCH, (0.0, 1.0, 0.0)),
}  # fmt: skip


def hand_occluder(
    rng: np.random.Generator, spots: Spots, skin: Floats, sleeve: Floats | None, *, scene: str | None = None
) -> Occluder:
    """A right or left hand; `scene` is a key of `SCENES`, drawn if not given."""
    name = scene or str(rng.choice(sorted(SCENES)))
    what = SCENES[name]
    side = float(rng.choice((-1.0, 1.0)))  # -1: the right hand, on the picture's left
    rig = hand_rig(male=bool(rng.random() < 0.5))
    jitter = rng.normal(0.0, 0.006, 3) * (1.0, 0.3, 1.0)
    place = axes(*(_unsure(rng, way) for way in (what.fingers, what.palm)))
    room = _room(spots, side)
    spot = getattr(spots, what.spot) + np.array(what.at) * spots.scale + jitter
    held = _index_tip(rig, what.first) if what.held is None else np.array(what.held, np.float32)
    origin = (spot - held @ place).astype(np.float32)
    size = float(np.clip(spots.scale, 0.92, 1.06))
    gesture, origin = _settled(rig, what, place, origin, size, room)
    hand = hand_piece(rig, gesture, skin, sleeve, seed=int(rng.integers(1 << 30)))
    piece = placed_hand(hand, place, origin, size)
    if side > 0:
        piece = mirrored_piece(piece, float(spots.eyes[0]))
    swing = float(rng.uniform(0.2, 0.4)) if name == "wave" else 0.0
    elbow = piece.points.mean(0) + np.array([0, 0, -0.2])
    path = Path(
        away=(side * 0.16, -0.10, -0.42),
        stay_s=float(rng.uniform(0.8, 3.0)),
        move_s=float(rng.uniform(0.45, 0.8)),
        drift_m=0.0 if what.worn else 0.004,
        phase=float(rng.uniform(0, 6.28)),
        swing_rad=swing,
        swing_hz=float(rng.uniform(1.2, 2.2)),
        pivot=(float(elbow[0]), float(elbow[1]), float(elbow[2])),
    )
    return Occluder(kind=f"hand:{name}", piece=occluding(piece), path=path, worn=what.worn)


def _index_tip(rig: HandRig, gesture: Gesture) -> Floats:
    finger = rig.posed(gesture)[rig.finger == 1]
    return np.asarray(finger[finger[:, 1].argmax()], dtype=np.float32)


def _unsure(rng: np.random.Generator, way: Triple) -> Triple:
    x, y, z = np.array(way) + rng.normal(0.0, 0.05, 3)
    return float(x), float(y), float(z)


def _room(spots: Spots, side: float) -> Distance:
    """Distances to the face for a right hand; a left hand meets the mirror image of the face."""
    middle = float(spots.eyes[0])

    def room(points: Floats) -> Floats:
        x = points[:, 0] if side < 0 else 2 * middle - points[:, 0]
        return np.asarray(-spots.relief(x, points[:, 2]) - points[:, 1], dtype=np.float32)

    return room


def _settled(
    rig: HandRig, what: _Scene, place: Floats, origin: Floats, size: float, room: Distance
) -> tuple[Gesture, Floats]:
    """The hand moved on until it touches, then its fingers closed until they do."""
    touching = rig.weights[:, 0] < _FOREARM_SHARE
    posed = rig.posed(what.first) @ place * size
    push = np.array(what.push, np.float32)
    # First out of the skin, then on to it.
    inside = -float(room((posed + origin)[touching]).min())
    origin = origin + np.array([0.0, -max(0.0, inside + 0.004), 0.0], np.float32)
    if push.any():
        step = push * (0.002 / float(np.linalg.norm(push)))
        for _ in range(45):
            if float(room((posed + origin + step)[touching]).min()) < -0.0012:
                break
            origin = origin + step
    gesture = what.first
    if what.last is not None:
        gesture = rig.closed(what.first, what.last, lambda points: room(points @ place * size + origin))
    return gesture, origin.astype(np.float32)


def placed_hand(piece: Piece, place: Floats, origin: Floats, size: float = 1.0) -> Piece:
    """A hand of hand space in the world: `place` (3, 3) has the thumb's, fingers' and palm's ways as rows."""
    return moved(
        Piece(piece.points * size, piece.normals, piece.tangents, piece.colours, piece.openness, piece.faces,
              piece.materials, piece.labels, piece.follow),
        place.T, origin,
    )  # fmt: skip


def hand_piece(rig: HandRig, gesture: Gesture, skin: Floats, sleeve: Floats | None, *, seed: int) -> Piece:
    """Hand and forearm in hand space.

    Args:
        rig: whose hand.
        gesture: of fingers and wrist.
        skin: (3,) linear RGB.
        sleeve: (3,) linear RGB, or None for a bare arm.
        seed: of the skin's unevenness and the sleeve's folds.

    """
    fine = rig.subdivision(rig.posed(gesture))
    faces = rig.subdivision.faces
    rest = rig.subdivision(rig.points)
    hand = made((fine, faces), _skin_colours(rig, rest, skin, seed), Material.HAND, Label.OCCLUDER)
    if sleeve is None:
        return hand
    return joined([hand, _sleeve(fine, rest, faces, sleeve, seed)])


def _skin_colours(rig: HandRig, rest: Floats, skin: Floats, seed: int) -> Floats:
    rng = np.random.default_rng((seed, 0x5C1))
    # A palm has little pigment; its tone is nearer to fair skin whatever the rest is.
    fair = 0.45 * skin + np.array([0.30, 0.165, 0.125], np.float32)
    colour = skin + (fair - skin) * (0.55 * rig.palm[:, None])
    blotch = sum(
        np.sin(rest @ rng.normal(0.0, scale, 3) + rng.uniform(0, 6.28)) for scale in (90.0, 160.0, 260.0, 420.0)
    )
    redder = np.array([1.03, 0.93, 0.92], np.float32)
    colour = np.asarray(colour * (1.0 + 0.022 * np.asarray(blotch)[:, None]), np.float32)
    tips = np.clip((rest[:, 1] - 0.15) / 0.05, 0.0, 1.0)
    warm = np.clip(0.45 * tips + 0.7 * rig.lines, 0.0, 1.0)[:, None]
    colour = np.asarray(colour * (1.0 + (redder - 1.0) * warm) * (1.0 - 0.10 * rig.lines[:, None]), np.float32)
    nail = 0.45 * _NAIL + 0.75 * skin
    return np.asarray(colour + (nail - colour) * (0.8 * rig.nails[:, None]), dtype=np.float32)


def _sleeve(fine: Floats, rest: Floats, faces: NDArray[np.int32], colour: Floats, seed: int) -> Piece:
    """Cloth about the forearm: its skin, blown up a little, with folds and a turned cuff."""
    rng = np.random.default_rng((seed, 0x51E))
    covered = (rest[faces][:, :, 1] < _CUFF_AT_M).all(1)
    normals = vertex_normals(fine, faces)
    y = rest[:, 1]
    around = np.arctan2(rest[:, 0], rest[:, 2])
    phase = rng.uniform(0, 6.28, 4)
    fold = np.sin(y * 150 + 1.3 * np.sin(around + phase[0]) + phase[1])
    fold = fold + 0.6 * np.sin(y * 310 + 2 * np.sin(2 * around + phase[2]) + phase[3])
    depth = np.clip((_CUFF_AT_M - y) / 0.02, 0.0, 1.0)
    lift = _SLEEVE_M + 0.0011 * fold * depth + 0.0016 * np.exp(-(((_CUFF_AT_M - 0.012 - y) / 0.008) ** 2))
    points, kept = compact(fine + normals * lift[:, None], faces[covered])
    return made((points, kept), colour, Material.FABRIC, Label.OCCLUDER)
