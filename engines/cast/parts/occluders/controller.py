"""A telephone or a game controller, in one hand or two, held low before the face."""

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
from mien.engines.cast.parts.occluders.rig import Distance, Gesture, hand_rig
from mien.engines.cast.parts.piece import Label, Material, Piece, joined
from mien.engines.cast.parts.solids import Mesh, ball, lathe, made, merged, placed, rounded_box, tube

Floats = NDArray[np.float32]

_PHONE = np.array([0.0365, 0.0040, 0.0750], np.float32)
_SHELLS = np.array(
    [[0.02, 0.02, 0.022], [0.55, 0.55, 0.56], [0.05, 0.07, 0.14], [0.32, 0.05, 0.06], [0.30, 0.24, 0.36]], np.float32
)
_STICK = np.array(
    [[0, 0], [0.0055, 0.0], [0.005, 0.006], [0.0085, 0.0085], [0.0092, 0.0105], [0.008, 0.0120], [0.006, 0.0113],
     [0, 0.0112]], np.float32
)  # fmt: skip
KINDS = ("phone", "pad")


def controller_occluder(
    rng: np.random.Generator, spots: Spots, skin: Floats, sleeve: Floats | None, *, kind: str | None = None
) -> Occluder:
    """A thing that the person looks at; `kind` is one of `KINDS`, drawn if not given."""
    name = kind or str(rng.choice(KINDS))
    colour = rng.choice(_SHELLS)
    side = float(rng.choice((-1.0, 1.0)))
    seed = int(rng.integers(1 << 30))
    male = bool(rng.random() < 0.5)
    if name == "phone":
        held = joined([_phone(colour), _phone_hand(male, skin, sleeve, seed)])
        low, far = rng.uniform(-0.065, 0.005), rng.uniform(0.09, 0.15)
    else:
        hand = _pad_hand(male, skin, sleeve, seed)
        held = joined([_pad(colour), hand, mirrored_piece(hand, 0.0)])
        low, far = rng.uniform(-0.075, -0.03), rng.uniform(0.10, 0.16)
    lean = float(rng.uniform(0.15, 0.45))  # the top leans away from the face
    cos, sin = np.cos(lean), np.sin(lean)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], np.float32)
    roll = float(rng.normal(0.0, 0.08))
    spin = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]], np.float32)
    goal = spots.mouth + np.array([side * rng.uniform(0.0, 0.03), -far, low], np.float32)
    piece = moved(held, (spin @ turn).astype(np.float32), goal.astype(np.float32))
    if side > 0:
        piece = mirrored_piece(piece, float(spots.eyes[0]))
    path = Path(
        away=(side * 0.06, -0.08, -0.40),
        stay_s=float(rng.uniform(1.5, 5.0)),
        move_s=float(rng.uniform(0.6, 1.0)),
        drift_m=0.0022,
        phase=float(rng.uniform(0, 6.28)),
    )
    return Occluder(
        kind=f"controller:{name}", piece=occluding(before(spots, piece, clear_m=0.006)), path=path, worn=False
    )


def _made(mesh: Mesh, colour: Floats, material: Material) -> Piece:
    return made(mesh, colour, material, Label.OCCLUDER)


def _phone(colour: Floats) -> Piece:
    """Its back looks to the camera (-y): a plate in a metal frame, and lenses on an island."""
    frame = _made(rounded_box(_PHONE, 0.0038, steps=6, spans=8), np.array([0.3, 0.3, 0.31], np.float32), Material.METAL)
    plate = rounded_box(_PHONE - [0.0012, 0.0034, 0.0012], 0.00055, steps=4, spans=8)
    back = _made(placed(plate, (0, -0.0037, 0), (0, 0, 1), (0, 1, 0)), colour, Material.PLASTIC)
    glass = _made(placed(plate, (0, 0.0037, 0), (0, 0, 1), (0, 1, 0)), np.array([0.01, 0.01, 0.012]), Material.PLASTIC)
    spot = np.array([-0.0195, -0.0052, 0.056], np.float32)
    island = _made(placed(rounded_box((0.0125, 0.0125, 0.0012), 0.0011), spot, (0, -1, 0), (0, 0, 1)), colour * 0.85,
                   Material.PLASTIC)  # fmt: skip
    parts = [frame, back, glass, island]
    rim = [[0, 0.0], [0.0056, 0.0], [0.0056, 0.0014], [0.0050, 0.0018], [0.0046, 0.0012], [0, 0.0010]]
    lens = [[0, 0.0008], [0.0044, 0.0008], [0.0044, 0.0013], [0.003, 0.0016], [0, 0.0018]]
    for dx, dz in ((-0.0058, 0.0058), (-0.0058, -0.0058), (0.0058, 0.0)):
        at = spot + np.array([dx, -0.001, dz], np.float32)
        parts.append(_made(placed(lathe(rim, count=32), at, (0, -1, 0)), np.array([0.2, 0.2, 0.2]), Material.METAL))
        parts.append(_made(placed(lathe(lens, count=32), at, (0, -1, 0)), np.array([0.008, 0.01, 0.02]),
                           Material.PLASTIC))  # fmt: skip
    return joined(parts)


def _phone_hand(male: bool, skin: Floats, sleeve: Floats | None, seed: int) -> Piece:
    """The palm lies on the back's lower half, fingers and thumb round its edges."""
    place = axes((0.62, -0.05, 0.78), (0.12, 1.0, 0.05))

    def room(points: Floats) -> Floats:
        return _box_distance(points, _PHONE)

    first = Gesture(bend=((0.3, 0.0, 0.0), *((0.12, 0.1, 0.1),) * 4), spread=OPEN.spread, wrist=(-0.25, -0.25))
    last = Gesture(bend=((1.0, 0.7, 0.6), *((0.7, 1.4, 1.0),) * 4), spread=OPEN.spread, wrist=first.wrist)
    return _grasp(male, place, (0.004, -0.004, -0.028), (0.0, 1.0, 0.0), first, last, room, skin, sleeve, seed)


def _grasp(
    male: bool, place: Floats, spot: tuple[float, float, float], push: tuple[float, float, float], first: Gesture,
    last: Gesture, room: Distance, skin: Floats, sleeve: Floats | None, seed: int,
) -> Piece:  # fmt: skip
    """A hand that comes on along `push` until its palm touches, then closes."""
    rig = hand_rig(male=male)
    way = np.array(push, np.float32)
    held = np.array([0.0, 0.085, 0.012], np.float32)
    origin = (np.array(spot) - way * 0.06 - held @ place).astype(np.float32)
    palm = rig.weights[:, 0] < 0.35
    posed = rig.posed(first) @ place
    for _ in range(60):
        if float(room((posed + origin + way * 0.0015)[palm]).min()) < -0.0008:
            break
        origin = (origin + way * 0.0015).astype(np.float32)
    gesture = rig.closed(first, last, lambda points: room(points @ place + origin))
    return placed_hand(hand_piece(rig, gesture, skin, sleeve, seed=seed), place, origin)


def _box_distance(points: Floats, half: Floats) -> Floats:
    """Signed distance to a box about the origin."""
    beyond = np.abs(points) - half
    outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
    return np.asarray(outside + np.minimum(beyond.max(1), 0.0), dtype=np.float32)


_GRIP_AT = np.array([-0.052, 0.010, -0.022], np.float32)
_GRIP_AXIS = np.array([-0.34, 0.42, -0.84], np.float32)
_GRIP_SIZE = np.array([0.0185, 0.0185, 0.048], np.float32)


def _pad(colour: Floats) -> Piece:
    """A controller seen from its front edge (-y): body, two grips, triggers, sticks, a cross and buttons on top."""
    shell = [placed(ball((0.062, 0.033, 0.0185), power=3.2, count=44), (0, 0.0, 0.0), (0, -0.35, 1.0), (0, 1, 0.35))]
    for side in (-1.0, 1.0):
        flip = np.array([-side, 1.0, 1.0], np.float32)
        shell.append(placed(ball(_GRIP_SIZE, power=2.4, count=36), _GRIP_AT * flip, _GRIP_AXIS * flip))
        shell.append(placed(ball((0.029, 0.029, 0.0195), power=2.6, count=36), (side * 0.043, 0.002, 0.001),
                            (0, -0.3, 1.0)))  # fmt: skip
    parts = [_made(merged(shell), colour, Material.PLASTIC)]
    dark = np.array([0.018, 0.018, 0.02], np.float32)
    for side in (-1.0, 1.0):
        bumper = placed(
            ball((0.021, 0.0075, 0.0052), power=3.4, count=28), (side * 0.041, -0.0275, 0.0115), (side * 0.22, -0.3, 1)
        )
        trigger = placed(
            ball((0.0165, 0.012, 0.0085), power=2.8, count=28), (side * 0.043, -0.0315, -0.0025), (side * 0.2, -0.6, 1)
        )
        stick = placed(lathe(_STICK, count=36), (side * 0.0235, 0.012, 0.0195), (0, -0.3, 1))
        parts += [_made(merged([bumper, trigger]), dark * 1.6, Material.PLASTIC), _made(stick, dark, Material.PLASTIC)]
    tints = np.array([[0.05, 0.3, 0.1], [0.4, 0.05, 0.05], [0.05, 0.1, 0.4], [0.4, 0.3, 0.05]], np.float32)
    for k, tint in enumerate(tints):
        at = (0.045 + 0.0085 * np.cos(k * np.pi / 2), -0.004 + 0.0085 * np.sin(k * np.pi / 2), 0.0205)
        parts.append(_made(placed(ball((0.0042, 0.0042, 0.003), power=2.6, count=20), at, (0, -0.3, 1)), tint,
                           Material.PLASTIC))  # fmt: skip
    for size in ((0.0098, 0.0033, 0.0026), (0.0033, 0.0098, 0.0026)):
        parts.append(
            _made(placed(rounded_box(size, 0.001), (-0.045, -0.004, 0.0205), (0, -0.3, 1)), dark, Material.PLASTIC)
        )
    lead = tube(np.array([[0, -0.030, 0.004], [0, -0.0365, 0.004]], np.float32), 0.0035, around=16)
    return joined([*parts, _made(lead, dark, Material.PLASTIC)])


def _pad_hand(male: bool, skin: Floats, sleeve: Floats | None, seed: int) -> Piece:
    """The right hand about its grip: palm against the outer side, fingers round the front, thumb above."""
    axis = _GRIP_AXIS / np.linalg.norm(_GRIP_AXIS)
    place = axes((0.42, -0.78, 0.46), (0.80, 0.40, 0.10))

    def room(points: Floats) -> Floats:
        at = points - _GRIP_AT
        along = at @ axis
        across = np.linalg.norm(at - along[:, None] * axis, axis=1)
        grip = np.hypot(across / _GRIP_SIZE[0], along / _GRIP_SIZE[2]) * _GRIP_SIZE[0] - _GRIP_SIZE[0]
        body = _box_distance(points, np.array([0.058, 0.029, 0.016], np.float32))
        return np.asarray(np.minimum(grip, body), dtype=np.float32)

    first = Gesture(bend=((0.2, 0.1, 0.1), *((0.3, 0.3, 0.2),) * 4), spread=GRIP.spread, wrist=(-0.2, -0.35))
    last = Gesture(bend=((0.7, 0.5, 0.5), *GRIP.bend[1:]), spread=GRIP.spread, wrist=first.wrist)
    spot = (float(_GRIP_AT[0]) - 0.012, float(_GRIP_AT[1]) - 0.002, float(_GRIP_AT[2]) + 0.004)
    return _grasp(male, place, spot, (0.92, 0.38, 0.0), first, last, room, skin, sleeve, seed)
