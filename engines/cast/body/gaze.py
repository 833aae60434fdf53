"""Which way an eyeball looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Radius of the visible iris, m (11.7 mm across in adults: Rüfer et al., Cornea 2005).
IRIS_RADIUS_M = 0.00585


def gaze_axes(gaze: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """The ball's forward, up and left directions in the head for (yaw, pitch) degrees, each (3,) float32."""
    yaw, pitch = np.radians(gaze)
    forward = np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    up = np.array([-np.sin(yaw) * np.sin(pitch), np.cos(yaw) * np.sin(pitch), np.cos(pitch)])
    return forward.astype(np.float32), up.astype(np.float32), np.cross(up, forward).astype(np.float32)
