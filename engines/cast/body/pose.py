"""Turning the head: rigid above the chin, still at the shoulders, blended along the neck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Degrees; positive yaw turns to the person's left, pitch looks up, roll tips to the person's left shoulder.

    `sway` moves head and shoulders together, m.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    sway: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def matrix(self) -> Floats:
        """(3, 3) float32 rotation."""
        a, b, c = np.radians([self.yaw, self.pitch, self.roll])
        yaw = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        pitch = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
        roll = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
        return np.asarray(yaw @ roll @ pitch, dtype=np.float32)


def neck_pivot(body: Body) -> Floats:
    """(3,) float32: the point that the head turns about, between skull and neck, m."""
    return np.asarray(body.brow_centre + np.array([0.0, 0.085, -0.085]), dtype=np.float32)


def neck_weights(body: Body) -> Floats:
    """(V,) float32: how much of the head's turn each vertex follows, 1 on the head to 0 at the shoulders."""
    return neck_weights_at(body, body.rest)


def neck_weights_at(body: Body, points: Floats) -> Floats:
    """(N,) float32: the same for any (N, 3) points of the resting body's space, such as hair on shoulders."""
    at = points - body.brow_centre
    # The head ends lower in front (chin) than behind (nape), so the blend lies on a tilted plane.
    height = at[:, 2] - 0.3 * at[:, 1]
    t = np.clip((height + 0.245) / 0.125, 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def rigid(body: Body, pose: HeadPose) -> tuple[Floats, Floats]:
    """Rotation (3, 3) and shift (3,) that carry the head's points to the world."""
    turn, pivot = pose.matrix(), neck_pivot(body)
    return turn, (pivot - turn @ pivot + np.asarray(pose.sway, np.float32)).astype(np.float32)


def turned(points: Floats, weights: Floats, turn: Floats, shift: Floats, sway: Floats) -> Floats:
    """(V, 3) float32: points after the turn, blended by the weights; all of them sway."""
    moved = points @ turn.T + shift
    return np.asarray(moved * weights[:, None] + (points + sway) * (1 - weights[:, None]), dtype=np.float32)
