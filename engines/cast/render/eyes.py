"""Eyeballs on the device: their paint, and where they are and look in one frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Eyeball
from mien.engines.cast.body.gaze import IRIS_RADIUS_M, gaze_axes
from mien.engines.cast.render.buffers import Eye
from mien.engines.cast.render.device import Handle, floats, vec3, vectors
from mien.engines.cast.render.figure import Posture

Floats = NDArray[np.float32]

_LID_PLACES = 16


class EyeKit:
    """One eye: `paint` is (S, S, 3) float32 linear albedo, azimuthal around the gaze (see `parts.eye.paint_eye`)."""

    def __init__(self, eye: Eyeball, paint: Floats) -> None:
        self.eye, self._paint = eye, vectors(paint)

    def at(self, gaze: tuple[float, float], posture: Posture) -> Handle:
        """A `buffers.Eye` that looks `gaze` (yaw, pitch; degrees in the head)."""
        eye, turn = self.eye, posture.turn
        axes = gaze_axes(gaze)
        out = Eye()
        out.centre, out.radius = vec3(turn @ eye.centre + posture.shift), eye.radius
        out.gaze, out.up, out.side = (vec3(turn @ axis) for axis in axes)
        out.head_up, out.head_side = vec3(turn @ np.array([0, 0, 1.0])), vec3(turn @ np.array([1.0, 0, 0]))
        out.iris_angle = float(np.arcsin(IRIS_RADIUS_M / eye.radius))
        out.paint = self._paint
        out.upper, out.lower = (floats(self._heights(lid, posture)) for lid in (eye.upper, eye.lower))
        return out

    def _heights(self, lid: NDArray[np.int32], posture: Posture) -> Floats:
        local = (posture.points[lid] - posture.shift) @ posture.turn - self.eye.centre
        order = np.argsort(local[:, 0])
        places = np.linspace(-1, 1, _LID_PLACES) * self.eye.radius / 1.05
        return np.asarray(np.interp(places, local[order, 0], local[order, 2]), np.float32)
