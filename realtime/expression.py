"""How landmarks move with MediaPipe's blendshapes: a linear model in head space, learnt from rendered people only.

`assets/expression_basis.npz` is made by `python -m mien.engines.mesh.fit_basis`: synthetic heads are rendered with
random expressions, tracked, and their landmarks regressed on the tracker's own scores. It is used where one frame
must say how the same face would look at rest; frames that show rest directly always count for more.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

from mien.realtime.face import BLENDSHAPE_NAMES, LANDMARK_COUNT, Face, Neutral
from mien.realtime.frame import Floats

#: Scores that a face at rest has in the tracker's eyes; what lies below is not expression. The rest is 0.
_AT_REST: dict[str, float] = {
    "eyeBlinkLeft": 0.3, "eyeBlinkRight": 0.3, "eyeSquintLeft": 0.6, "eyeSquintRight": 0.6, "browDownLeft": 0.2,
    "browDownRight": 0.2, "browInnerUp": 0.1, "browOuterUpLeft": 0.1, "browOuterUpRight": 0.1, "mouthPucker": 0.3,
    "mouthShrugLower": 0.1, "mouthPressLeft": 0.1, "mouthPressRight": 0.1,
}  # fmt: skip


@cache
def expression_basis() -> Floats:
    """(52, 478, 3) float32, cm in head space for a score of 1; read once, read-only."""
    with resources.files("mien.realtime").joinpath("assets/expression_basis.npz").open("rb") as file:
        basis: Floats = np.load(file, allow_pickle=False)["basis"].astype(np.float32)
    basis.flags.writeable = False
    return basis


@cache
def scores_at_rest() -> Floats:
    """(52,) float32, the scores up to which a face counts as resting; read-only."""
    rest = np.array([_AT_REST.get(name, 0.0) for name in BLENDSHAPE_NAMES], np.float32)
    rest.flags.writeable = False
    return rest


def displacement(scores: Floats) -> Floats:
    """(478, 3) float32, cm: where (52,) scores move the landmarks of an average face. May be negative scores."""
    moved: Floats = (scores @ expression_basis().reshape(len(BLENDSHAPE_NAMES), -1)).reshape(LANDMARK_COUNT, 3)
    return moved


def guess_rest(shape: Floats, blendshapes: Floats) -> tuple[Floats, Floats]:
    """From one frame, (478, 3) landmarks in head space and (52,) scores, guess both at rest."""
    excess = np.maximum(blendshapes - scores_at_rest(), 0)
    return shape - displacement(excess), blendshapes - excess


def neutral_of(face: Face, shape: Floats) -> Neutral:
    """A face at rest: as it is known, or guessed from its (478, 3) landmarks in head space of this one frame."""
    if face.neutral is not None:
        return face.neutral
    rest, scores = guess_rest(shape, face.blendshapes)
    return Neutral(rest.astype(np.float32), scores.astype(np.float32))
