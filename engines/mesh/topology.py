"""Which landmarks and triangles of MediaPipe's face mesh are what. Fixed; computed once from the canonical face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats
from mien.realtime.head import head_model

Index = NDArray[np.int32]

#: The face's outline from the forehead's middle, clockwise in the picture of a frontal face.
OVAL: tuple[int, ...] = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
    150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
#: Inner contour of the lips: upper from the picture's left corner to the right, lower likewise, without corners.
INNER_LIP_CORNERS = (78, 308)
INNER_LIP_UPPER: tuple[int, ...] = (191, 80, 81, 82, 13, 312, 311, 310, 415)
INNER_LIP_LOWER: tuple[int, ...] = (95, 88, 178, 87, 14, 317, 402, 318, 324)
MOUTH_CORNERS = (61, 291)
#: Outer contour of the lips, clockwise.
OUTER_LIP: tuple[int, ...] = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EyeMarks:
    """Landmarks of one eye; `right` is the subject's, at the left of the picture.

    Attributes:
        outer: corner at the temple.
        inner: corner at the nose.
        upper: seven of the upper lid's edge from outer to inner.
        lower: seven of the lower lid's edge, each under its partner.
        upper_fold: seven of the lid's fold above the edge, outer to inner.
        lower_fold: seven below the lower edge.
        iris: index of the iris's centre; the four after it are its edge (right, up, left, down).
        blink: ARKit's name of the blink of this eye.

    """

    outer: int
    inner: int
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    upper_fold: tuple[int, ...]
    lower_fold: tuple[int, ...]
    iris: int
    blink: str

    @property
    def contour(self) -> tuple[int, ...]:
        """The lid's edge all around: outer corner, upper lid, inner corner, lower lid back."""
        return (self.outer, *self.upper, self.inner, *reversed(self.lower))


RIGHT_EYE = EyeMarks(
    33, 133, (246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155),
    (247, 30, 29, 27, 28, 56, 190), (25, 110, 24, 23, 22, 26, 112), 468, "eyeBlinkRight",
)  # fmt: skip
LEFT_EYE = EyeMarks(
    263, 362, (466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382),
    (467, 260, 259, 257, 258, 286, 414), (255, 339, 254, 253, 252, 256, 341), 473, "eyeBlinkLeft",
)  # fmt: skip
EYES = (RIGHT_EYE, LEFT_EYE)

#: How much larger than the face the skirt's outer ring is. It only gives the warp something to read past the edge.
SKIRT_SCALE = 1.35


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """Triangles for drawing.

    Attributes:
        triangles: (T, 3) int32 into 468 landmarks followed by 36 of the skirt; all turn the same way, front-facing.
        inner_lip: (20,) int32, the inner lip contour, closed.
        mouth: (M, 3) int32, triangles between the lips, into the landmarks.
        near_outline: (468,) float32, 1 at the outline, falling to 0 four triangles further in.

    """

    triangles: Index
    inner_lip: Index
    mouth: Index
    near_outline: Floats


@cache
def topology() -> Topology:
    """The face's topology; computed once."""
    skin = head_model().triangles
    lip = (
        INNER_LIP_CORNERS[0], *INNER_LIP_UPPER, INNER_LIP_CORNERS[1], *reversed(INNER_LIP_LOWER),
    )  # fmt: skip
    mouth = skin[np.isin(skin, lip).all(axis=1)]
    return Topology(
        triangles=np.concatenate([skin, _skirt_triangles()]).astype(np.int32),
        inner_lip=np.array(lip, np.int32),
        mouth=mouth.astype(np.int32),
        near_outline=_near_outline(skin),
    )


def _skirt_triangles() -> Index:
    """Two triangles for each edge of the outline, turning as the skin's do (negative area with y down)."""
    inner = np.array(OVAL, np.int32)
    outer = 468 + np.arange(len(OVAL), dtype=np.int32)
    inner_next, outer_next = np.roll(inner, -1), np.roll(outer, -1)
    return np.concatenate(
        [np.stack([inner, inner_next, outer], 1), np.stack([inner_next, outer_next, outer], 1)]
    ).astype(np.int32)


def _near_outline(skin: Index) -> Floats:
    """Weight by the number of edges to the outline: 1, 0.75, 0.5, 0.25, 0."""
    weight = np.zeros(468, np.float32)
    weight[list(OVAL)] = 1.0
    for step in (0.72, 0.42, 0.18):
        reached = weight > 0
        touched = skin[reached[skin].any(axis=1)].ravel()
        fresh = np.unique(touched[~reached[touched]])
        weight[fresh] = step
    return weight


def with_skirt(points: Floats) -> Floats:
    """Append the 36 skirt points to (468 or 478, D) points: the outline, pushed out from its middle. Gives (504, D)."""
    outline = points[list(OVAL)]
    middle = outline.mean(axis=0)
    return np.concatenate([points[:468], middle + (outline - middle) * np.float32(SKIRT_SCALE)])
