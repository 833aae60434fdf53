"""DeepFaceLab's "whole face": the crop that DFM models are trained on, from MediaPipe's landmarks.

DeepFaceLab aligns 68 points of the iBUG scheme to a mean face by a similarity, and cuts a square around it. Of the 68
it uses 17 to 35 (brows and nose), and the corners of eyes and mouth; those of the jaw are left out. The numbers of the
mean face are facts of these models: dlib's mean face, as it stands in DeepFaceLab (`facelib/LandmarksProcessor.py`) and
DeepFaceLive (`xlib/face/FLandmarks2D.py`). DeepFaceLive plays with a square of 2.2 times the mean face's unit, moved up
by 0.08 of it; 2.131 and 0.07 are DeepFaceLab's own, in training.

MediaPipe has other points. Each of the 25 is the landmark, or the middle of the two, that lies where the iBUG point is
defined: inner brows half-way between their edges, the nose's ridge from its root to its tip, the nostrils' base. On the
canonical face and the shipped portraits they come to within 0.023 units RMS of the mean face, 2.3 px of a 224 px crop;
most of that is the faces' own shape.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from mien.realtime.template import LandmarkTemplate

#: DeepFaceLive's own; see the module's text.
COVERAGE: Final = 2.2
SHIFT_UP: Final = 0.08
#: The point's number among the 68; its place on the mean face, x and y; MediaPipe's landmarks.
POINTS: Final[tuple[tuple[int, float, float, tuple[int, ...]], ...]] = (
    (17, 0.000213256, 0.106454, (70,)),
    (18, 0.0752622, 0.038915, (63,)),
    (19, 0.18113, 0.0187482, (105, 52)),
    (20, 0.29077, 0.0344891, (66, 65)),
    (21, 0.393397, 0.0773906, (107, 55)),
    (22, 0.586856, 0.0773906, (336, 285)),
    (23, 0.689483, 0.0344891, (296, 295)),
    (24, 0.799124, 0.0187482, (334, 282)),
    (25, 0.904991, 0.038915, (293,)),
    (26, 0.98004, 0.106454, (300,)),
    (27, 0.490127, 0.203352, (168,)),
    (28, 0.490127, 0.307009, (197,)),
    (29, 0.490127, 0.409805, (5, 195)),
    (30, 0.490127, 0.515625, (4,)),
    (31, 0.36688, 0.587326, (240,)),
    (32, 0.426036, 0.609345, (97,)),
    (33, 0.490127, 0.628106, (2,)),
    (34, 0.554217, 0.609345, (326,)),
    (35, 0.613373, 0.587326, (460,)),
    (36, 0.121737, 0.216423, (33,)),
    (39, 0.334606, 0.231733, (133,)),
    (42, 0.645647, 0.231733, (362,)),
    (45, 0.858516, 0.216423, (263,)),
    (48, 0.254149, 0.780233, (61,)),
    (54, 0.726104, 0.780233, (291,)),
)


@cache
def whole_face() -> LandmarkTemplate:
    """The template of a "whole face" crop."""
    mean_face = np.array([(x, y) for _, x, y, _ in POINTS])
    # The square's middle is the unit's, moved up; its side is `COVERAGE` units.
    places = (mean_face - [0.5, 0.5 - SHIFT_UP]) / COVERAGE + 0.5
    return LandmarkTemplate(tuple(landmarks for *_, landmarks in POINTS), places.astype(np.float32))
