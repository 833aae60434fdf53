"""What a face looks like without its pose, place and expression: enough to know again who left a moment ago.

It is no identification: nothing is stored beyond the run, and a mesh of landmarks says too little of a person.
Measured on six people's clips, turns up to 22 degrees, distances in head space's centimetres between a reference from
the first third of a clip and means over the rest:

    | mean over  | same person: median, 95 %, most | other person: least, 5 %, median |
    | 1 frame    | 0.067, 0.125, 0.176             | 0.087, 0.120, 0.170              |
    | 10 frames  | 0.062, 0.110, 0.132             | 0.085, 0.120, 0.167              |
    | 30 frames  | 0.059, 0.092, 0.106             | 0.092, 0.120, 0.166              |

So one frame says little, and a second tells most pairs of people apart, but not all: played through
`IdentityKeeper`, each of the six is known again after 0.5 s, 1.5 s and 30 s, and of the 30 ordered pairs of different
people one is taken for the other. A beard shaved or glasses put on between were not measured.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from mien.realtime.expression import guess_rest
from mien.realtime.face import SKIN_LANDMARK_COUNT
from mien.realtime.frame import Floats
from mien.realtime.head import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS, HeadFit, head_model, to_head

#: Means of ten frames and more that are nearer than this, cm, are taken for the same person.
SAME_CM = 0.11
#: A face that is known stays itself up to this distance: what was next to certain needs stronger proof against it.
STILL_SAME_CM = 0.12
#: A single frame further than this is not the person, whatever its place.
NEVER_CM = 0.2
#: Frames turned further than this say nothing reliable: the far side is the model's guess. Cosine of 25 degrees.
LEAST_FACING = 0.906
#: Weight falls to 1/e this far above and below the eyes, cm: mouth and jaw move, brows and the hair line rise.
_BAND_CM = 3.0


@cache
def _weights() -> Floats:
    """(468, 1): roots of weights that sum to one over the points and their two coordinates."""
    height = head_model().landmarks[:, 1]
    away = height[:SKIN_LANDMARK_COUNT] - height[[*RIGHT_EYE_CORNERS, *LEFT_EYE_CORNERS]].mean()
    weight = np.exp(-((away / np.float32(_BAND_CM)) ** 2))
    roots: Floats = np.sqrt(weight / (2 * weight.sum())).astype(np.float32)[:, None]
    return roots


def signature(landmarks: Floats, blendshapes: Floats, fit: HeadFit) -> Floats:
    """Give (936,) float32: the face at rest as guessed from one frame, scaled so that distances are RMS cm."""
    # Depth is left out: the model guesses it, and it says less of a person than of the pose.
    rest, _ = guess_rest(to_head(landmarks, fit), blendshapes)
    return (rest[:SKIN_LANDMARK_COUNT, :2] * _weights()).astype(np.float32).ravel()


def distance(one: Floats, other: Floats) -> float:
    """How different two signatures are, cm."""
    return float(np.linalg.norm(one - other))
