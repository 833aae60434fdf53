"""What a landmark model says of one face in one frame, before it has a name and before any smoothing."""

from __future__ import annotations

from dataclasses import dataclass

from mien.realtime.face import SKIN_LANDMARK_COUNT
from mien.realtime.frame import Floats

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face as the model gave it.

    Attributes:
        landmarks: (478, 3) float32, px of the frame, as in `Face`.
        blendshapes: (52,) float32, 0..1.
        pose: (4, 4) float32, canonical face space (cm) to camera space.

    """

    landmarks: Floats
    blendshapes: Floats
    pose: Floats

    @property
    def box(self) -> Box:
        """(x0, y0, x1, y1) around the skin's landmarks, px."""
        return box_of(self.landmarks)


def box_of(landmarks: Floats) -> Box:
    """(x0, y0, x1, y1) around the skin's landmarks of (478, 3) `landmarks`."""
    xy = landmarks[:SKIN_LANDMARK_COUNT, :2]
    (x0, y0), (x1, y1) = xy.min(axis=0), xy.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return both / (areas - both)
