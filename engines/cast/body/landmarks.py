"""MediaPipe's 478 landmarks on the mesh: 468 tied to triangles, ten on the irises' rims; exact in any picture."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.body.gaze import IRIS_RADIUS_M, gaze_axes

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

#: Made by `python -m mien.engines.cast.body.fit_landmarks`.
ANCHORS_FILE = Path(__file__).with_name("landmarks.npz")
SKIN_LANDMARKS = 468
#: MediaPipe's order on each iris, as the picture shows them: centre, right, up, left, down.
_AROUND_IRIS = ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))


def landmark_points(body: Body, points: Floats, gaze: tuple[float, float], turn: Floats, shift: Floats) -> Floats:
    """(478, 3) float32 m in the world.

    Args:
        body: at rest.
        points: (V, 3) float32, its vertices in the world.
        gaze: (yaw, pitch) of the eyes in the head, degrees.
        turn: (3, 3) rotation of the head.
        shift: (3,) shift of the head, m.

    """
    skin = skin_landmarks(body, points)
    forward, up, left = gaze_axes(gaze)
    irises = []
    # 468 to 472 lie on the eye to the picture's left, which is the person's right.
    for eye in reversed(body.eyes):
        depth = np.sqrt(eye.radius**2 - IRIS_RADIUS_M**2)
        for across, high in _AROUND_IRIS:
            local = eye.centre + forward * depth + (left * across + up * high) * IRIS_RADIUS_M
            irises.append(turn @ local + shift)
    return np.concatenate([skin, np.array(irises)]).astype(np.float32)


def skin_landmarks(body: Body, points: Floats) -> Floats:
    """(468, 3) float32: the landmarks on the skin, between the body's (V, 3) points wherever they are."""
    face, bary = _anchors()
    return np.asarray((points[body.faces[face]] * bary[:, :, None]).sum(1), np.float32)


@lru_cache(maxsize=1)
def _anchors() -> tuple[Ints, Floats]:
    with np.load(ANCHORS_FILE, allow_pickle=False) as data:
        return data["face"].astype(np.int32), data["bary"].astype(np.float32)
