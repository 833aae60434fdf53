"""A mug in a hand: at the lips, or held before the chin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.occluders.hand import GRIP, OPEN, hand_piece, placed_hand
from mien.engines.cast.parts.occluders.place import (
    Occluder,
    Path,
    Spots,
    axes,
    before,
    mirrored_piece,
    moved,
    occluding,
)
from mien.engines.cast.parts.occluders.rig import Gesture, hand_rig
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, unit
from mien.engines.cast.parts.solids import lathe, made, outline, placed, smooth_curve, sweep

Floats = NDArray[np.float32]

_RADIUS_M = 0.040
_HEIGHT_M = 0.094
_GLAZES = np.array(
    [[0.62, 0.60, 0.55], [0.04, 0.05, 0.09], [0.36, 0.07, 0.04], [0.10, 0.22, 0.19], [0.55, 0.38, 0.12],
     [0.03, 0.03, 0.03]], np.float32
)  # fmt: skip


def cup_occluder(rng: np.random.Generator, spots: Spots, skin: Floats, sleeve: Floats | None) -> Occluder:
    """A mug; half of the time it is being drunk from."""
    side = float(rng.choice((-1.0, 1.0)))
    drinking = bool(rng.random() < 0.5)
    tilt = float(rng.uniform(0.35, 0.75)) if drinking else float(rng.uniform(0.0, 0.12))
    turn = float(rng.uniform(-0.3, 0.3))
    held = joined([_mug(rng), _holding(rng, skin, sleeve)])
    # The mug's own space has its axis up and the face at +y; drinking tips its rim to the mouth.
    cos, sin = np.cos(tilt), np.sin(tilt)
    tip = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]], np.float32)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]], np.float32)
    rim = tip @ np.array([0.0, _RADIUS_M, _HEIGHT_M], np.float32)
    if drinking:
        # The rim rests against the lower lip.
        goal = spots.mouth + np.array([0.0, -0.002, -0.005], np.float32)
    else:
        goal = spots.chin + np.array([side * -0.01, -rng.uniform(0.05, 0.09), rng.uniform(0.005, 0.05)], np.float32)
    piece = moved(held, (tip @ spin).astype(np.float32), (goal - rim).astype(np.float32))
    if side > 0:
        piece = mirrored_piece(piece, float(spots.eyes[0]))
    mug_only = len(piece.points) if not drinking else _MUG_POINTS
    piece = _cleared(spots, piece, mug_only)
    path = Path(
        away=(side * 0.10, -0.12, -0.40),
        stay_s=float(rng.uniform(1.0, 2.5)),
        move_s=float(rng.uniform(0.6, 1.0)),
        drift_m=0.0006 if drinking else 0.002,
        phase=float(rng.uniform(0, 6.28)),
    )
    return Occluder(kind="cup", piece=occluding(piece), path=path, worn=drinking)


def _cleared(spots: Spots, piece: Piece, count: int) -> Piece:
    """Clear of the skin by the first `count` points: fingers may press on the lips, china may not."""
    lack = 0.0015 - float(spots.room(piece.points[:count]).min())
    shift = np.array([0.0, -max(0.0, lack), 0.0], np.float32)
    return before(spots, moved(piece, np.eye(3, dtype=np.float32), shift), clear_m=-0.003)


def _profile() -> Floats:
    """Outside from the foot up, over the rim, and down inside to the bottom."""
    r, h, t = _RADIUS_M, _HEIGHT_M, 0.0038
    knots = [[0, 0.003], [r * 0.6, 0.003], [r * 0.66, 0.0], [r * 0.78, 0.0006], [r * 0.93, 0.006], [r, 0.018],
             [r, 0.04], [r, h - 0.006], [r, h - 0.0015], [r - 0.0008, h - 0.0002], [r - t / 2, h],
             [r - t + 0.0008, h - 0.0002], [r - t, h - 0.0015], [r - t, h - 0.006], [r - t, 0.05],
             [r - t, 0.022], [r - t - 0.004, 0.010],
             [r * 0.5, 0.006], [0, 0.006]]  # fmt: skip
    return np.array(knots, np.float32)


def _dense(profile: Floats) -> Floats:
    at = np.arange(3 * len(profile) - 2) / 3
    return np.stack([np.interp(at, np.arange(len(profile)), profile[:, c]) for c in range(2)], 1).astype(np.float32)


def _mug(rng: np.random.Generator) -> Piece:
    """China with a handle away from the hand, glaze in one or two colours, and coffee."""
    first, second = _GLAZES[rng.permutation(len(_GLAZES))[:2]]
    line = float(rng.uniform(0.3, 0.8)) * _HEIGHT_M if rng.random() < 0.6 else -1.0
    shell = lathe(_dense(_profile()), count=72)
    height = shell[0][:, 2]
    edge = line + 0.002 * np.sin(3 * np.arctan2(shell[0][:, 1], shell[0][:, 0]))
    share = np.clip((edge - height) / 0.003 + 0.5, 0.0, 1.0)[:, None] if line > 0 else np.zeros((len(height), 1))
    body = made(shell, first + (second - first) * share, Material.PLASTIC, Label.OCCLUDER)
    z = _HEIGHT_M
    knots = [[0, 0.79 * z], [0.014, 0.83 * z], [0.025, 0.72 * z], [0.0265, 0.5 * z], [0.020, 0.31 * z], [0, 0.22 * z]]
    flat = np.array(knots, np.float32)
    path = smooth_curve(np.stack([flat[:, 0] + _RADIUS_M - 0.002, 0 * flat[:, 0], flat[:, 1]], 1), 44)
    side = np.broadcast_to(np.array([0, 1, 0], np.float32), path.shape)
    up = unit(np.cross(np.gradient(path, axis=0), side))
    handle = sweep(path, side, up, outline(0.0058, 0.0036, power=2.6, count=20), round_m=0.001)
    coffee = lathe([[0, 0.0785], [_RADIUS_M - 0.0039, 0.0785], [_RADIUS_M - 0.0039, 0.0775], [0, 0.0775]], count=48)
    return joined([
        body,
        made(handle, first, Material.PLASTIC, Label.OCCLUDER),
        made(placed(coffee, (0, 0, 0)), np.array([0.035, 0.014, 0.006], np.float32), Material.PLASTIC, Label.OCCLUDER),
    ])  # fmt: skip


_MUG_POINTS = len(lathe(_dense(_profile()), count=72)[0])


def _holding(rng: np.random.Generator, skin: Floats, sleeve: Floats | None) -> Piece:
    """A right hand about the mug from its front, the palm on it, the fingers closed until they touch."""
    rig = hand_rig(male=bool(rng.random() < 0.5))
    angle = float(rng.uniform(0.35, 0.7))  # of the palm's place, from -y towards -x
    inward = np.array([np.sin(angle), np.cos(angle), 0.0])
    fingers = np.array([np.cos(angle), -np.sin(angle), 0.10])
    place = axes((float(fingers[0]), float(fingers[1]), 0.10), (float(inward[0]), float(inward[1]), 0.0))
    middle = np.array([0.0, 0.0, 0.42 * _HEIGHT_M])

    def room(points: Floats) -> Floats:
        away = np.hypot(points[:, 0], points[:, 1]) - _RADIUS_M
        return np.asarray(np.where(np.abs(points[:, 2] - middle[2]) < 0.06, away, 1.0), dtype=np.float32)

    start = Gesture(bend=((0.0, 0.1, 0.1), *OPEN.bend[1:]), spread=GRIP.spread, wrist=(-0.35, -0.55))
    held = np.array([0.0, 0.088, 0.014], np.float32)
    origin = (middle - inward * (_RADIUS_M + 0.02) - held @ place).astype(np.float32)
    palm = (rig.finger < 0) & (rig.weights[:, 0] < 0.35)
    posed = rig.posed(start)
    for _ in range(30):
        step = origin + (inward * 0.0015).astype(np.float32)
        if float(room((posed @ place + step)[palm]).min()) < -0.001:
            break
        origin = step
    close = Gesture(bend=((0.4, 0.35, 0.3), *GRIP.bend[1:]), spread=GRIP.spread, wrist=start.wrist)
    gesture = rig.closed(start, close, lambda points: room(points @ place + origin))
    hand = hand_piece(rig, gesture, skin, sleeve, seed=int(rng.integers(1 << 30)))
    return placed_hand(hand, place, origin)
