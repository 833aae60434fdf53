"""One pair: two pictures under one code, and what is known of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A driver as a webcam sees them, and the persona doing the same before the same camera.

    Attributes:
        driver: (S, S, 3) uint8 BGR.
        driver_labels: (S, S) uint8, `parts.piece.Label`.
        occluder: (S, S) uint8, how much of each pixel an object before the face covers, 255 all.
        persona: (S, S, 3) uint8 BGR, clean and without any object.
        persona_alpha: (S, S) uint8, 255 where the persona covers the pixel.
        persona_labels: (S, S) uint8.
        driver_landmarks: (478, 2) float32 px.
        persona_landmarks: (478, 2) float32 px.
        actions: ARKit's names to weights 0..1; a name that is missing is 0.
        pose: yaw, pitch, roll of the head, degrees.
        gaze: yaw, pitch of the eyes in the head, degrees.
        driver_seed: who drives.
        about: the rest (camera, light, object), plain JSON values.

    """

    driver: Pixels
    driver_labels: Pixels
    occluder: Pixels
    persona: Pixels
    persona_alpha: Pixels
    persona_labels: Pixels
    driver_landmarks: Floats
    persona_landmarks: Floats
    actions: dict[str, float]
    pose: tuple[float, float, float]
    gaze: tuple[float, float]
    driver_seed: int
    about: dict[str, Any]
