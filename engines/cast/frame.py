"""What is asked of the renderer and what it gives back: a shot, a view, a picture with its passes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.camera.light import Rig
from mien.realtime.errors import ConfigError

Floats = NDArray[np.float32]

#: Nearer than this the camera would stand in the face.
_NEAREST_M = 0.3


@dataclass(frozen=True, slots=True)
class Shot:
    """What one frame shows.

    Attributes:
        actions: ARKit's names to weights.
        pose: of the head.
        gaze: (yaw, pitch) of the eyes in the head, degrees; positive to the person's left and up.

    """

    actions: dict[str, float] = field(default_factory=dict)
    pose: HeadPose = field(default_factory=HeadPose)
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class View:
    """A camera: size in px, samples per pixel edge, and where it stands.

    Attributes:
        width: px.
        height: px.
        samples: each pixel is the mean of samples^2.
        span: metres seen from top to bottom at the person's distance.
        distance: to the person, m.
        aim: the point in the picture's middle, relative to the middle between the eyes at rest, m.
        azimuth: degrees that the camera stands to the person's left of straight ahead.
        elevation: degrees that it stands above the eyes.

    """

    width: int
    height: int
    samples: int = 2
    span: float = 0.385
    distance: float = 1.35
    aim: tuple[float, float, float] = (0.0, 0.0, -0.034)
    azimuth: float = 0.0
    elevation: float = 0.0

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or not 1 <= self.samples <= 8:
            raise ConfigError("A view needs a width and a height of 1 px or more, and 1 to 8 samples.")
        if not (self.span > 0 and self.distance >= _NEAREST_M):
            raise ConfigError(f"A view's span must be above 0 m and its distance {_NEAREST_M} m or more.")

    def axes(self, eyes: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Where the camera stands, and its right, up and forward, each (3,) float32; `eyes` is between the eyes."""
        a, e = np.radians([self.azimuth, self.elevation])
        back = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
        right = np.array([np.cos(a), np.sin(a), 0.0])
        target = eyes + np.asarray(self.aim)
        axes = (target + back * self.distance, right, np.cross(right, -back), -back)
        origin, right, up, forward = (axis.astype(np.float32) for axis in axes)
        return origin, right, up, forward

    def project(self, points: Floats, eyes: Floats) -> Floats:
        """(N, 2) float32 px of (N, 3) points in the world; the middle of the first pixel is (0.5, 0.5)."""
        origin, right, up, forward = self.axes(eyes)
        away = points - origin
        scale = self.height * self.distance / self.span / (away @ forward)
        x, y = self.width / 2 + away @ right * scale, self.height / 2 - away @ up * scale
        return np.stack([x, y], 1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A frame and everything that is known about it.

    Attributes:
        colour: (H, W, 3) float32 display-linear RGB 0..1, over the background.
        alpha: (H, W) float32, share of each pixel that the person or an object covers.
        depth: (H, W) float32 m along the camera's axis; 0 where nothing is.
        normals: (H, W, 3) float32 in the camera's space (x right, y up, z to the camera); 0 where nothing is.
        labels: (H, W) uint8, `parts.piece.Label`.
        occluder: (H, W) float32, share that loose objects cover.
        landmarks: (478, 2) float32 px, MediaPipe's order; the middle of the first pixel is (0.5, 0.5).
        shot: what was asked for: code, pose and gaze.
        view: the camera.
        rig: the light.

    """

    colour: Floats
    alpha: Floats
    depth: Floats
    normals: Floats
    labels: NDArray[np.uint8]
    occluder: Floats
    landmarks: Floats
    shot: Shot
    view: View
    rig: Rig
