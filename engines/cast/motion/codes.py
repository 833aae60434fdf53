"""Single expressions for training pairs, drawn so that a crowd of them looks like what people's faces do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mien.engines.cast.motion.emotion import FACES, mirrored, varied
from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG, gaze_actions
from mien.engines.cast.motion.observed import observed
from mien.engines.cast.motion.tracks import ACTIONS, both, settled
from mien.engines.cast.motion.visemes import SHAPES, still

Weights = dict[str, float]

#: Greatest yaw, pitch and roll, degrees.
MOST_DEG = (40.0, 25.0, 20.0)
#: How often each kind is drawn.
_KINDS = ("observed", "speech", "emotion", "both", "extreme", "rest")
_SHARES = (0.26, 0.22, 0.24, 0.14, 0.10, 0.04)
#: Most poses are near the front; the rest fill the range.
_NEAR_DEG, _WIDE_DEG, _WIDE_SHARE = (8.0, 5.5, 4.0), (20.0, 12.0, 9.0), 0.35
_LIDS = ("open", "shut", "part", "wink", "wide")
_LID_SHARES = (0.64, 0.11, 0.15, 0.05, 0.05)
#: Actions that come from gaze and lids.
_OWN = ("eyeLook", "eyeBlink")
#: What an action needs to be seen: lips cannot close over a shut jaw, a tongue does not pass shut teeth.
_NEEDS = {"mouthClose": ("jawOpen", 1.0), "tongueOut": ("jawOpen", 0.5)}
#: Lips reach over a jaw that is a little open, not over one that hangs.
_MOST_CLOSED = 0.4
#: How often a face is made, against the others: smiling is by far the most frequent expression (Calvo and others 2014).
_SMILING, _SMILES_WEIGH = ("smile", "joy", "laugh"), 5.0


class Code(NamedTuple):
    """One expression.

    Attributes:
        actions: names to weights 0..1; eyeLook* already follow `gaze_deg`.
        pose_deg: (yaw, pitch, roll) of the head, as `HeadPose` takes them.
        gaze_deg: (yaw, pitch) of the eyes in the head.

    """

    actions: Weights
    pose_deg: tuple[float, float, float]
    gaze_deg: tuple[float, float]


def draw_code(rng: np.random.Generator) -> Code:
    """An expression, a pose and a gaze."""
    kind = str(rng.choice(_KINDS, p=_SHARES))
    weights = _uneven(rng, _drawn(rng, kind))
    pose = _pose(rng)
    gaze = _gaze(rng, pose)
    for name, value in (_lids(rng) | gaze_actions(*gaze)).items():
        weights[name] = max(weights.get(name, 0.0), value)
    actions = {name: float(value) for name, value in settled({k: np.asarray(v) for k, v in weights.items()}).items()}
    return Code(actions, pose, gaze)


def _drawn(rng: np.random.Generator, kind: str) -> Weights:
    if kind == "observed":
        # A little more than what was seen: the tracker is shy, and pairs may be strong.
        values = observed().draw(rng, 1)[0] * rng.uniform(0.9, 1.6)
        return {name: float(min(1.0, value)) for name, value in zip(observed().names, values, strict=True)}
    if kind == "speech":
        return _speech(rng)
    if kind == "emotion":
        return _emotion(rng, 1.0)
    if kind == "both":
        return _joined(_speech(rng), _emotion(rng, 0.7))
    if kind == "extreme":
        return _extreme(rng)
    return {name: float(abs(rng.normal(0.0, 0.03))) for name in ACTIONS if not name.startswith(_OWN)}


def _speech(rng: np.random.Generator) -> Weights:
    """Between two shapes, as most moments of speech are, by someone who mumbles or articulates."""
    first, second = (still(str(name)) for name in rng.choice(list(SHAPES), 2))
    share, reach = rng.beta(0.5, 0.5), rng.uniform(0.55, 1.35)
    return {
        name: float(reach * (share * first.get(name, 0.0) + (1 - share) * second.get(name, 0.0)))
        for name in dict.fromkeys([*first, *second])
    }


def _emotion(rng: np.random.Generator, most: float) -> Weights:
    """One face, or two mixed, at any strength."""
    weights = np.array([_SMILES_WEIGH if face in _SMILING else 1.0 for face in FACES])
    names = rng.choice(list(FACES), 2, replace=False, p=weights / weights.sum())
    strength = most * rng.beta(2.0, 0.9, 2) * (1.15, 0.7 * (rng.random() < 0.35))
    one, other = (
        {name: float(value * by) for name, value in varied(rng, str(face)).items()}
        for face, by in zip(names, strength, strict=True)
    )
    return _joined(one, other)


def _extreme(rng: np.random.Generator) -> Weights:
    """One action up to its full strength, often on both sides, with little else; sometimes a second one."""
    names = [name for name in ACTIONS if not name.startswith(_OWN)]
    weights: Weights = {}
    for name in rng.choice(names, 2 if rng.random() < 0.4 else 1, replace=False):
        value = float(min(1.0, rng.uniform(0.55, 1.25)))
        if name == "mouthClose":
            value *= _MOST_CLOSED
        weights[str(name)] = value
        if rng.random() < 0.65:
            weights[mirrored(str(name))] = float(np.clip(value + rng.normal(0.0, 0.08), 0.0, 1.0))
        if name in _NEEDS:
            needed, by = _NEEDS[str(name)]
            weights[needed] = max(weights.get(needed, 0.0), by * value)
    return weights


def _joined(one: Weights, other: Weights) -> Weights:
    return {
        name: 1.0 - (1.0 - min(1.0, one.get(name, 0.0))) * (1.0 - min(1.0, other.get(name, 0.0)))
        for name in dict.fromkeys([*one, *other])
    }


def _uneven(rng: np.random.Generator, weights: Weights) -> Weights:
    """No face is symmetric: each region leans a little, one in eight a lot."""
    out = dict(weights)
    for region in ("brow", "eye", "cheek", "nose", "mouth"):
        lean = float(rng.normal(0.0, 0.08) if rng.random() > 0.12 else rng.uniform(-0.9, 0.9))
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            for name in [each for each in weights if each.startswith(region) and each.endswith(side)]:
                out[name] = weights[name] * float(np.clip(1.0 + sign * lean, 0.0, 1.25))
    return out


def _lids(rng: np.random.Generator) -> Weights:
    kind = str(rng.choice(_LIDS, p=_LID_SHARES))
    if kind == "shut":
        return both("eyeBlink", float(rng.uniform(0.9, 1.0)), float(rng.uniform(0.9, 1.0)))
    if kind == "part":
        level = float(rng.uniform(0.15, 0.85))
        return both("eyeBlink", level, float(np.clip(level + rng.normal(0.0, 0.05), 0.0, 1.0)))
    if kind == "wink":
        shut, other = float(rng.uniform(0.7, 1.0)), float(rng.uniform(0.0, 0.25))
        wink = both("eyeBlink", shut, other) | both("eyeSquint", 0.4 * shut, 0.0) | both("cheekSquint", 0.5 * shut, 0.0)
        return wink if rng.random() < 0.5 else {mirrored(name): value for name, value in wink.items()}
    if kind == "wide":
        return both("eyeWide", float(rng.uniform(0.3, 1.0)), float(rng.uniform(0.3, 1.0)))
    return both("eyeBlink", float(abs(rng.normal(0.0, 0.03))), float(abs(rng.normal(0.0, 0.03))))


def _pose(rng: np.random.Generator) -> tuple[float, float, float]:
    size = np.array(_WIDE_DEG if rng.random() < _WIDE_SHARE else _NEAR_DEG)
    while True:
        yaw, pitch, roll = (float(x) for x in rng.normal(0.0, size))
        if abs(yaw) <= MOST_DEG[0] and abs(pitch) <= MOST_DEG[1] and abs(roll) <= MOST_DEG[2]:
            return yaw, pitch, roll


def _gaze(rng: np.random.Generator, pose: tuple[float, float, float]) -> tuple[float, float]:
    """At the camera (the eyes turn back what the head turned), near it, along with the head, or anywhere."""
    kind = rng.random()
    if kind < 0.4:
        yaw, pitch = rng.normal(0.0, (2.0, 1.5)) - np.array(pose[:2])
    elif kind < 0.85:
        yaw, pitch = rng.normal(0.0, (7.0, 4.0)) - rng.uniform(0.0, 0.7) * np.array(pose[:2])
    else:
        yaw, pitch = rng.uniform((-SIDE_DEG, -DOWN_DEG), (SIDE_DEG, UP_DEG))
    return float(np.clip(yaw, -SIDE_DEG, SIDE_DEG)), float(np.clip(pitch, -DOWN_DEG, UP_DEG))
