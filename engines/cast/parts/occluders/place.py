"""Where an object before the face stands, and how it comes and goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.parts.clearance import Relief, whole_relief
from mien.engines.cast.parts.piece import Label, Piece, unit

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Points of a resting face that objects are put before, m, and the room in front of it.

    Attributes:
        eyes: (3,) float32, the middle between the eyeballs.
        nose: (3,) its tip.
        mouth: (3,) the middle of the lips.
        chin: (3,) its lowest point in front.
        scale: the face's size, 1 for the average.
        relief: how far everything stands out to the front.

    """

    eyes: Floats
    nose: Floats
    mouth: Floats
    chin: Floats
    scale: float
    relief: Relief

    def room(self, points: Floats) -> Floats:
        """(N,) float32: how far (N, 3) points stand before the skin, along y, m; negative inside."""
        return np.asarray(-self.relief(points[:, 0], points[:, 2]) - points[:, 1], dtype=np.float32)


def face_spots(body: Body) -> Spots:
    """Reads the face's profile from top to bottom."""
    relief = whole_relief(body)
    eyes = body.brow_centre
    z = np.linspace(eyes[2] - 0.015, eyes[2] - 0.15, 100, dtype=np.float32)
    profile = relief(np.full_like(z, eyes[0]), z)
    tip = int(np.argmax(profile[:50]))
    # Below the chin the profile falls back to the throat.
    fall = np.flatnonzero((profile < profile[tip] - 0.045) & (np.arange(100) > tip + 20))
    low = int(fall[0]) if len(fall) else 90
    mouth = int(tip + 0.42 * (low - tip))
    at = [np.array([eyes[0], -profile[k], z[k]], np.float32) for k in (tip, mouth, max(low - 4, mouth + 1))]
    return Spots(eyes, at[0], at[1], at[2], float(eyes[2] - z[low]) / 0.113, relief)


@dataclass(frozen=True, slots=True)
class Path:
    """A smooth way in, a stay with a little unrest, and a way out. At 0 s the object is in the middle of its stay.

    Attributes:
        away: m from its place to where nobody sees it.
        stay_s: how long it keeps its place.
        move_s: how long coming, or going, takes.
        drift_m: size of its unrest.
        phase: of the unrest, radians.
        swing_rad: how far it rocks about `pivot`, in the picture's plane.
        swing_hz: how often.
        pivot: m.

    """

    away: tuple[float, float, float]
    stay_s: float = 2.0
    move_s: float = 0.5
    drift_m: float = 0.0015
    phase: float = 0.0
    swing_rad: float = 0.0
    swing_hz: float = 1.0
    pivot: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def absence(self, time_s: float) -> float:
        """0 in place to 1 out of sight; its first two derivatives are continuous."""
        t = float(np.clip((abs(time_s) - self.stay_s / 2) / self.move_s, 0.0, 1.0))
        return t * t * t * (t * (6 * t - 15) + 10)

    def shift(self, time_s: float) -> Floats:
        """(3,) float32 offset at a time, m; zero at 0 s."""
        waves = np.array([[0.31, 0.83], [0.23, 0.71], [0.37, 0.97]]) * 2 * np.pi
        phase = self.phase + np.array([[0.0, 1.0], [2.0, 4.0], [3.0, 0.5]])
        unrest = (np.sin(waves * time_s + phase) - np.sin(phase)) @ np.array([0.7, 0.3])
        return np.asarray(np.array(self.away) * self.absence(time_s) + self.drift_m * unrest, dtype=np.float32)

    def swing(self, time_s: float) -> float:
        """Radians of rocking at a time; zero at 0 s."""
        return self.swing_rad * float(np.sin(2 * np.pi * self.swing_hz * time_s))


@dataclass(frozen=True, slots=True, eq=False)
class Occluder:
    """An object before the face, and its way.

    Attributes:
        kind: its name.
        piece: in its place before a resting head, world space.
        path: how it comes and goes.
        worn: it touches the head, and so goes with the head's turn.

    """

    kind: str
    piece: Piece
    path: Path
    worn: bool

    def at(self, time_s: float = 0.0, *, head: tuple[Floats, Floats] | None = None) -> Piece:
        """The piece at a time (s, 0 is the middle of its stay), in world space.

        Args:
            time_s: before, at or after the middle of its stay.
            head: the head's turn (3, 3) and shift (3,), as `body.pose.rigid` gives them; at rest if left out.

        """
        angle = self.path.swing(time_s)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
        pivot = np.array(self.path.pivot, np.float32)
        shift = pivot - turn @ pivot + self.path.shift(time_s)
        if self.worn and head is not None:
            turn, shift = head[0] @ turn, head[0] @ shift + head[1]
        return moved(self.piece, turn.astype(np.float32), shift.astype(np.float32))


def moved(piece: Piece, turn: Floats, shift: Floats) -> Piece:
    """A piece turned (3, 3), then shifted (3,)."""
    return replace(
        piece,
        points=np.ascontiguousarray(piece.points @ turn.T + shift),
        normals=np.ascontiguousarray(piece.normals @ turn.T),
        tangents=np.ascontiguousarray(piece.tangents @ turn.T),
    )


def mirrored_piece(piece: Piece, middle_x: float) -> Piece:
    """A piece on the other side of the plane x = middle_x, m."""
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return replace(
        piece,
        points=piece.points * flip + np.array([2 * middle_x, 0, 0], np.float32),
        normals=piece.normals * flip,
        tangents=piece.tangents * flip,
        faces=np.ascontiguousarray(piece.faces[:, ::-1]),
    )


def before(spots: Spots, piece: Piece, *, clear_m: float) -> Piece:
    """Moves a piece to the camera until all of it is `clear_m` before the skin."""
    lack = clear_m - float(spots.room(piece.points).min())
    if lack <= 0.0:
        return piece
    return moved(piece, np.eye(3, dtype=np.float32), np.array([0.0, -lack, 0.0], np.float32))


def occluding(piece: Piece) -> Piece:
    """The piece under the label that masks are made from."""
    return piece.labelled(Label.OCCLUDER)


def axes(fingers: tuple[float, float, float], palm: tuple[float, float, float]) -> Floats:
    """(3, 3) float32: rows thumb, fingers and palm of a right hand, from where the fingers point and the palm looks."""
    along = unit(np.array(fingers, np.float32))
    out = np.array(palm, np.float32)
    out = unit(out - along * float(out @ along))
    return np.stack([np.cross(along, out), along, out]).astype(np.float32)
