"""A person's manner: how far the jaw and the lips go, how lively face and head are, which side leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.engines.cast.motion.tracks import Tracks

_REGIONS = ("brow", "eye", "cheek", "nose", "mouth", "jaw")


@dataclass(frozen=True, slots=True)
class Manner:
    """What stays the same in all that one person does; 1 is the middle of people.

    Attributes:
        jaw: opening of the jaw in speech, about 0.55 (mumbles) to 1.3 (articulates); the JA of JALI (Edwards, Landreth,
            Fiume, Singh 2016).
        lips: reach of the lips in speech, about 0.55 to 1.3; its LI.
        face: strength of emotions, about 0.7 to 1.2.
        head: strength of the head's gestures, about 0.6 to 1.3.
        blink: frequency of blinks, about 0.6 to 1.6.
        skew: left over right of brow, eye, cheek, nose, mouth and jaw, about -0.15 to 0.15.

    """

    jaw: float = 1.0
    lips: float = 1.0
    face: float = 1.0
    head: float = 1.0
    blink: float = 1.0
    skew: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def draw_manner(rng: np.random.Generator) -> Manner:
    """Someone's manner; jaw and lips go together, as people mumble or articulate with both."""
    care, lively = rng.normal(0.0, 1.0, 2)
    jaw, lips = np.clip(1.0 + 0.14 * care + rng.normal(0.0, 0.07, 2), 0.55, 1.3)
    face, head = np.clip(1.0 + 0.09 * lively + rng.normal(0.0, 0.06, 2), 0.7, 1.2)
    a, b, c, d, e, f = (float(x) for x in np.clip(rng.normal(0.0, 0.055, 6), -0.15, 0.15))
    return Manner(
        jaw=float(jaw), lips=float(lips), face=float(face), head=float(head),
        blink=float(np.clip(np.exp(rng.normal(0.0, 0.25)), 0.6, 1.6)), skew=(a, b, c, 0.5 * d, e, f),
    )  # fmt: skip


def skewed(tracks: Tracks, manner: Manner) -> Tracks:
    """The same with one side a little stronger; blinks and gaze stay equal, as both eyes share their nerve centres."""
    skew = dict(zip(_REGIONS, manner.skew, strict=True))
    out: Tracks = {}
    for name, values in tracks.items():
        region = next((each for each in _REGIONS if name.startswith(each)), None)
        sign = 1.0 if name.endswith("Left") else -1.0 if name.endswith("Right") else 0.0
        if region is None or name.startswith(("eyeBlink", "eyeLook")):
            sign = 0.0
        out[name] = values * (1.0 + sign * skew.get(region or "jaw", 0.0))
    return out
