"""A running estimate of each driver's face at rest, from which expressions are measured.

Every frame gives a guess (its shape less what its blendshapes explain); frames that show a resting, frontal face
count fully and others hardly, so a second of rest at any time settles the estimate. What `mien calibrate` stored
takes its place for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.realtime.expression import guess_rest, scores_at_rest
from mien.realtime.face import BLENDSHAPE_NAMES, Face, Neutral
from mien.realtime.frame import Floats
from mien.realtime.head import fit_head, to_head

#: Expression (root of the sum of squares of the scores over rest) at which a frame counts 1/e.
_CALM = 0.35
#: Turn from frontal, rad, at which a frame counts 1/e: landmarks on the far side are guesses by then.
_FRONTAL = 0.3
#: What the most expressive, most turned frame still counts.
_LEAST_WEIGHT = 0.01
#: Seconds of good frames after which a new one no longer counts more, so that the estimate stays put.
_MEMORY_S = 30.0
#: Longest gap between two frames that counts as seen, s.
_LONGEST_STEP_S = 0.1
#: The first frame counts as this much, s, so that a good second overrides it by far.
_FIRST_S = 0.02
#: Channels that identity moves more than expression does in the tracker's output.
_IGNORED = ("_neutral", "eyeSquintLeft", "eyeSquintRight", "browDownLeft", "browDownRight", "mouthPucker")
_COUNTED: Floats = np.array([name not in _IGNORED for name in BLENDSHAPE_NAMES], np.float32)


@dataclass(slots=True)
class _State:
    shape: Floats
    blendshapes: Floats
    weight_s: float
    media_ns: int


class NeutralEstimator:
    """Attaches `Neutral` to faces. Lives in the tracker's stage; one thread.

    Args:
        stored: a calibrated neutral; if given, every face gets it and nothing is estimated.

    """

    def __init__(self, stored: Neutral | None = None) -> None:
        self._stored = stored
        self._states: dict[int, _State] = {}

    def update(self, face: Face, media_ns: int) -> Face:
        """Learn from `face`, seen at `media_ns` of the source's time line, and give it back with its neutral."""
        if self._stored is not None:
            return replace(face, neutral=self._stored)
        fit = fit_head(face.landmarks)
        shape, scores = guess_rest(to_head(face.landmarks, fit), face.blendshapes)
        state = self._states.get(face.track_id)
        weight = rest_weight(face.blendshapes, float(fit.rotation[2, 2]))
        if state is None:
            state = _State(shape, scores, _FIRST_S * weight, media_ns)
            self._states[face.track_id] = state
        else:
            _learn(state, shape, scores, weight, media_ns)
        return replace(face, neutral=Neutral(state.shape.astype(np.float32), state.blendshapes.astype(np.float32)))

    def forget(self, track_id: int) -> None:
        """Drop what is known of one face; unknown ids are fine."""
        self._states.pop(track_id, None)


def _learn(state: _State, shape: Floats, scores: Floats, weight: float, media_ns: int) -> None:
    step_s = min(max(media_ns - state.media_ns, 0) / 1e9, _LONGEST_STEP_S) * weight
    state.media_ns = max(media_ns, state.media_ns)
    state.weight_s = min(state.weight_s + step_s, _MEMORY_S)
    share = np.float32(step_s / max(state.weight_s, 1e-9))
    state.shape = state.shape + share * (shape - state.shape)
    state.blendshapes = state.blendshapes + share * (scores - state.blendshapes)


def rest_weight(blendshapes: Floats, facing: float) -> float:
    """How much a frame says about rest, `_LEAST_WEIGHT` to 1; `facing` is the cosine of the turn from frontal."""
    excess = np.maximum(blendshapes - scores_at_rest(), 0) * _COUNTED
    turn = float(np.arccos(np.clip(facing, -1, 1)))
    calm = float(np.exp(-float(excess @ excess) / _CALM**2 - (turn / _FRONTAL) ** 2))
    return _LEAST_WEIGHT + (1 - _LEAST_WEIGHT) * calm
