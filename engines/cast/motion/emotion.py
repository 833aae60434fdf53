"""Emotions and other faces that people make, as sets of actions with their own course in time.

The sets follow the facial action coding system's prototypes (Ekman, Friesen, Hager 2002: AU 6+12 for joy, 1+4+15 for
sadness, ...) in ARKit's names. Genuine expressions rise in a third to a whole second and fall more slowly (Ekman,
Friesen 1982); micro-expressions are over within half a second (Yan and others 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.engines.cast.motion.tracks import Floats, Tracks, add, both, envelope, wander

#: Every face at its apex.
FACES: dict[str, dict[str, float]] = {
    "smile": both("mouthSmile", 0.72) | both("cheekSquint", 0.5) | both("eyeSquint", 0.28) | both("mouthDimple", 0.12),
    "joy": both("mouthSmile", 0.92) | both("cheekSquint", 0.8) | both("eyeSquint", 0.45) | both("mouthUpperUp", 0.3)
    | both("mouthLowerDown", 0.12) | {"jawOpen": 0.12, "browInnerUp": 0.08} | both("mouthDimple", 0.2),
    "laugh": both("mouthSmile", 0.95) | both("cheekSquint", 0.9) | both("eyeSquint", 0.6) | both("mouthUpperUp", 0.5)
    | both("mouthLowerDown", 0.4) | both("noseSneer", 0.15) | {"jawOpen": 0.52},
    "sadness": both("mouthFrown", 0.72) | both("browDown", 0.2) | both("eyeSquint", 0.18) | both("mouthPress", 0.15)
    | both("eyeBlink", 0.14) | {"browInnerUp": 0.85, "mouthShrugLower": 0.42, "mouthShrugUpper": 0.14},
    "anger": both("browDown", 0.95) | both("eyeSquint", 0.5) | both("eyeWide", 0.25) | both("noseSneer", 0.42)
    | both("mouthPress", 0.6) | both("mouthFrown", 0.3) | {"jawForward": 0.3, "mouthRollLower": 0.2},
    "rage": both("browDown", 1.0) | both("eyeWide", 0.4) | both("noseSneer", 0.9) | both("mouthUpperUp", 0.7)
    | both("mouthLowerDown", 0.7) | both("mouthStretch", 0.7) | {"jawOpen": 0.4, "jawForward": 0.35},
    "surprise": both("browOuterUp", 0.85) | both("eyeWide", 0.7) | {"browInnerUp": 0.9, "jawOpen": 0.45}
    | {"mouthFunnel": 0.14},
    "awe": both("browOuterUp", 0.6) | both("eyeWide", 0.85)
    | {"browInnerUp": 0.75, "jawOpen": 0.85, "mouthFunnel": 0.3},
    "disgust": both("noseSneer", 0.92) | both("mouthUpperUp", 0.6) | both("browDown", 0.5) | both("cheekSquint", 0.45)
    | both("eyeSquint", 0.45) | both("mouthFrown", 0.35) | {"mouthShrugLower": 0.3, "jawOpen": 0.06},
    "fear": both("eyeWide", 0.9) | both("browOuterUp", 0.35) | both("browDown", 0.25) | both("mouthStretch", 0.7)
    | both("mouthLowerDown", 0.3) | {"browInnerUp": 0.95, "jawOpen": 0.22},
    "contempt": {"mouthSmileLeft": 0.34, "mouthDimpleLeft": 0.62, "mouthPressLeft": 0.35, "mouthUpperUpLeft": 0.12}
    | {"eyeSquintLeft": 0.25, "cheekSquintLeft": 0.2, "browOuterUpRight": 0.25},
    "doubt": {"browOuterUpLeft": 0.8, "browDownRight": 0.55, "eyeSquintRight": 0.35, "mouthLeft": 0.25}
    | {"mouthShrugLower": 0.3, "mouthPressRight": 0.2},
    "thinking": both("browDown", 0.3) | both("eyeSquint", 0.3) | both("mouthPress", 0.3)
    | {"mouthLeft": 0.4, "mouthPucker": 0.25, "mouthShrugLower": 0.22, "mouthRollLower": 0.1},
    "interest": both("browOuterUp", 0.5) | both("eyeWide", 0.25) | both("mouthSmile", 0.18) | {"browInnerUp": 0.5},
    "concern": both("browDown", 0.35) | both("mouthFrown", 0.2) | both("mouthPress", 0.2) | {"browInnerUp": 0.55},
    "shrug": both("mouthFrown", 0.5) | both("browOuterUp", 0.4)
    | {"mouthShrugLower": 0.85, "mouthShrugUpper": 0.6, "browInnerUp": 0.35, "jawForward": 0.1},
    "kiss": {"mouthPucker": 0.95, "mouthFunnel": 0.12},
    "whistle": {"mouthPucker": 0.7, "mouthFunnel": 0.6, "jawOpen": 0.1},
    "puffed": {"cheekPuff": 0.9, "mouthPucker": 0.18} | both("mouthPress", 0.4),
    "wince": both("eyeSquint", 0.85) | both("eyeBlink", 0.45) | both("browDown", 0.6) | both("mouthStretch", 0.65)
    | both("mouthLowerDown", 0.4) | both("cheekSquint", 0.6) | both("noseSneer", 0.35) | {"jawOpen": 0.08},
    "bitten": {"mouthRollLower": 0.85, "mouthRollUpper": 0.2} | both("mouthDimple", 0.25) | both("mouthPress", 0.25),
    "pressed": {"mouthRollLower": 0.5, "mouthRollUpper": 0.6} | both("mouthPress", 0.6) | both("mouthDimple", 0.3),
    "jaw_left": {"jawLeft": 0.7, "mouthLeft": 0.4, "jawOpen": 0.12},
    "jaw_right": {"jawRight": 0.7, "mouthRight": 0.4, "jawOpen": 0.12},
    "yawn": both("eyeBlink", 0.6) | both("eyeSquint", 0.5) | both("browDown", 0.25) | both("mouthStretch", 0.2)
    | {"jawOpen": 0.95, "browInnerUp": 0.25},
    "tongue": both("mouthSmile", 0.2) | {"tongueOut": 0.9, "jawOpen": 0.4},
}  # fmt: skip
#: What flits over a face that talks, and how it looks when it lasts.
MICRO = ("smile", "surprise", "concern", "doubt", "disgust", "contempt", "pressed", "sadness", "interest")
#: Small trembling of a face at rest, as standard deviation.
_TREMOR = {
    "browInnerUp": 0.022, "browDownLeft": 0.014, "browDownRight": 0.014, "mouthPressLeft": 0.018,
    "mouthPressRight": 0.018, "mouthSmileLeft": 0.016, "mouthSmileRight": 0.016, "eyeSquintLeft": 0.018,
    "eyeSquintRight": 0.018, "mouthLeft": 0.012, "mouthRight": 0.012, "mouthShrugLower": 0.012, "cheekSquintLeft": 0.01,
    "cheekSquintRight": 0.01, "jawLeft": 0.007, "jawRight": 0.007, "noseSneerLeft": 0.008, "noseSneerRight": 0.008,
}  # fmt: skip
_MIRRORED = {"Left": "Right", "Right": "Left"}


@dataclass(frozen=True, slots=True)
class Mood:
    """A face for a while: which of `FACES`, when it starts, its course in s, its strength (1 is the apex)."""

    face: str
    start_s: float
    onset_s: float = 0.45
    hold_s: float = 0.8
    offset_s: float = 0.8
    strength: float = 1.0


def varied(rng: np.random.Generator, face: str, *, spread: float = 0.2) -> dict[str, float]:
    """One way to make a face: each action a little more or less, one side ahead, half of the one-sided mirrored."""
    weights = FACES[face]
    if rng.random() < 0.5:
        weights = {mirrored(name): value for name, value in weights.items()}
    lean = rng.normal(0.0, 0.4 * spread)
    out = {}
    noise: dict[str, float] = {}
    for name, value in weights.items():
        pair = name.removesuffix("Left").removesuffix("Right")
        common = noise.setdefault(pair, float(rng.normal(0.0, spread)))
        side = lean if name.endswith("Left") else -lean if name.endswith("Right") else 0.0
        out[name] = float(np.clip(value * (1.0 + common + side), 0.0, 1.0))
    return out


def mirrored(name: str) -> str:
    """The action of the other side: Left for Right."""
    for side, other in _MIRRORED.items():
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def feel(rng: np.random.Generator, times: Floats, moods: list[Mood], *, strength: float = 1.0) -> Tracks:
    """Actions of all moods together; the eyes' region starts a little before the mouth's."""
    out: Tracks = {}
    for mood in moods:
        lead = float(rng.uniform(0.0, 0.06))
        flutter = 1.0 + 0.05 * wander(rng, times, 0.9)[0]
        weights = varied(rng, mood.face, spread=0.12)
        upper, lower = (
            envelope(times, mood.start_s + shift, mood.onset_s, mood.hold_s, mood.offset_s) * flutter
            for shift in (0.0, lead)
        )
        course = {
            name: np.clip(
                value * mood.strength * strength * (upper if name.startswith(("brow", "eye")) else lower), 0, 1
            )
            for name, value in weights.items()
        }
        add(out, course)
    return out


def tremor(rng: np.random.Generator, times: Floats) -> Tracks:
    """Small motion that never stops; each action at rest is above 0 about half of the time."""
    noise = wander(rng, times, 1.4, len(_TREMOR))
    return {
        name: np.maximum(0.0, size * noise[k]) for k, (name, size) in enumerate(_TREMOR.items())
    }  # fmt: skip
