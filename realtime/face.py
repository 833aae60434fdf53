"""A tracked face, as every stage after the tracker sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mien.realtime.frame import Floats, FrameError

#: Landmarks of MediaPipe's face mesh: 468 of the skin, then 2 x 5 of the irises.
LANDMARK_COUNT = 478
SKIN_LANDMARK_COUNT = 468

#: MediaPipe FaceLandmarker's blendshape categories in its own output order (ARKit's names; `_neutral` first).
BLENDSHAPE_NAMES: tuple[str, ...] = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft",
    "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft",
    "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
BLENDSHAPE_INDEX: dict[str, int] = {name: index for index, name in enumerate(BLENDSHAPE_NAMES)}


@dataclass(frozen=True, slots=True, eq=False)
class Neutral:
    """A driver at rest: what an expression is measured from.

    Attributes:
        shape: (478, 3) float32, the resting landmarks in head space (see `mien.realtime.head`): centred, upright,
            frontal, scaled so that the canonical face's width is the unit of `head.canonical_landmarks`.
        blendshapes: (52,) float32 in 0..1, the resting code (a resting smirk is not zero).

    """

    shape: Floats
    blendshapes: Floats

    def __post_init__(self) -> None:
        _check("neutral shape", self.shape, (LANDMARK_COUNT, 3))
        _check("neutral blendshapes", self.blendshapes, (len(BLENDSHAPE_NAMES),))


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of one frame.

    Attributes:
        track_id: stable over time for one person; positive, never used again for another in one run.
        landmarks: (478, 3) float32, px of the frame (x right, y down, z towards the scene in the same scale as x,
            relative to the head's centre). May lie outside the frame.
        blendshapes: (52,) float32 in 0..1 in the order of `BLENDSHAPE_NAMES`.
        pose: (4, 4) float32, MediaPipe's facial transformation: canonical face space (cm, x right, y up, z to the
            camera) to camera space.
        neutral: the same person at rest, if calibrated or estimated by now.

    """

    track_id: int
    landmarks: Floats
    blendshapes: Floats
    pose: Floats
    neutral: Neutral | None = field(default=None)
    # Asked for several times a frame.
    _box: tuple[float, float, float, float] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        _check("landmarks", self.landmarks, (LANDMARK_COUNT, 3))
        _check("blendshapes", self.blendshapes, (len(BLENDSHAPE_NAMES),))
        _check("pose", self.pose, (4, 4))

    def blendshape(self, name: str) -> float:
        """The score of one blendshape by its ARKit name, 0..1."""
        return float(self.blendshapes[BLENDSHAPE_INDEX[name]])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) around the skin's landmarks, px."""
        if self._box is None:
            x, y = self.landmarks[:SKIN_LANDMARK_COUNT, :2].T
            object.__setattr__(self, "_box", (float(x.min()), float(y.min()), float(x.max()), float(y.max())))
            assert self._box is not None
        return self._box

    def __repr__(self) -> str:
        x0, y0, x1, y1 = self.box
        return f"Face(id {self.track_id}, {x1 - x0:.0f}x{y1 - y0:.0f} px at ({x0:.0f}, {y0:.0f}))"


def _check(name: str, value: Floats, shape: tuple[int, ...]) -> None:
    if value.shape != shape or value.dtype != np.float32:
        raise FrameError(f"{name} must be {shape} float32, got {value.shape} {value.dtype}.")
