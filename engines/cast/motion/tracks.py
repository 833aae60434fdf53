"""What all of the motion shares: the actions' names, their values over time, and a few curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import BLENDSHAPE_NAMES

Floats = NDArray[np.float64]
#: Action names to (N,) float64 weights.
Tracks = dict[str, Floats]

#: The 51 actions that the tracker and the cast share.
SHARED: tuple[str, ...] = BLENDSHAPE_NAMES[1:]
#: Everything the cast can do: the shared ones and the tongue.
ACTIONS: tuple[str, ...] = (*SHARED, "tongueOut")

#: Actions that cannot both be there: the weaker one gives way by what the stronger one has.
_RIVALS = (
    ("jawLeft", "jawRight"),
    ("mouthLeft", "mouthRight"),
    ("mouthSmileLeft", "mouthFrownLeft"),
    ("mouthSmileRight", "mouthFrownRight"),
    ("mouthFunnel", "mouthRollLower"),
    ("mouthFunnel", "mouthRollUpper"),
    ("browInnerUp", "browDownLeft"),
    ("browInnerUp", "browDownRight"),
    ("eyeLookUpLeft", "eyeLookDownLeft"),
    ("eyeLookUpRight", "eyeLookDownRight"),
    ("eyeLookInLeft", "eyeLookOutLeft"),
    ("eyeLookInRight", "eyeLookOutRight"),
)
#: How much of the weaker rival goes: brows may be drawn together while raised (sadness), a jaw has only one place.
_GIVES_WAY = {"browDownLeft": 0.35, "browDownRight": 0.35, "browInnerUp": 0.35}
_SPREADING = ("mouthSmile", "mouthStretch", "mouthDimple")


def both(name: str, weight: float, other: float | None = None) -> dict[str, float]:
    """An action of both sides: left, and right if it differs."""
    return {f"{name}Left": weight, f"{name}Right": weight if other is None else other}


def smooth(t: Floats) -> Floats:
    """Minimum-jerk step: 0 up to t = 0, 1 from t = 1, without a jump of speed or acceleration (Flash, Hogan 1985)."""
    t = np.clip(t, 0.0, 1.0)
    return np.asarray(t * t * t * (10.0 - 15.0 * t + 6.0 * t * t))


def envelope(times: Floats, start_s: float, onset_s: float, hold_s: float, offset_s: float) -> Floats:
    """(N,) 0..1: rises for `onset_s`, stays for `hold_s`, falls for `offset_s`."""
    rise = smooth((times - start_s) / onset_s)
    return np.asarray(rise * (1.0 - smooth((times - start_s - onset_s - hold_s) / offset_s)))


def wander(rng: np.random.Generator, times: Floats, period_s: float, count: int = 1) -> Floats:
    """(count, N) smooth noise of mean 0 and variance 1: sines of many periods around `period_s`."""
    parts = 9
    frequency = np.exp(rng.normal(0.0, 0.5, (count, parts, 1))) / period_s
    phase = rng.random((count, parts, 1))
    return np.asarray(np.sin(2 * np.pi * (times * frequency + phase)).sum(axis=1) * np.sqrt(2.0 / parts))


def add(tracks: Tracks, more: Tracks) -> None:
    """Lay `more` over `tracks`: what both have is joined as 1 - (1 - a)(1 - b), so that 1 is never passed."""
    for name, values in more.items():
        have = tracks.get(name)
        tracks[name] = np.asarray(values) if have is None else np.asarray(1.0 - (1.0 - have) * (1.0 - values))


def settled(tracks: Tracks) -> Tracks:
    """The same within 0..1 and without contradictions; any shapes that broadcast together.

    The lips close no further than the jaw is open, a shut lid neither widens nor looks about, a jaw or mouth goes to
    one side, a pucker takes the smile's width.
    """
    out = {name: np.clip(values, 0.0, 1.0) for name, values in tracks.items()}
    for first, second in _RIVALS:
        if first in out and second in out:
            a, b = out[first], out[second]
            out[first] = np.where(a < b, np.maximum(0.0, a - b * _GIVES_WAY.get(first, 1.0)), a)
            out[second] = np.where(b <= a, np.maximum(0.0, b - a * _GIVES_WAY.get(second, 1.0)), b)
    if "mouthClose" in out:
        out["mouthClose"] = np.minimum(out["mouthClose"], out.get("jawOpen", np.zeros(())))
    for side in ("Left", "Right"):
        lid = out.get(f"eyeBlink{side}")
        if lid is not None:
            for name in ("eyeWide", "eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeSquint"):
                if f"{name}{side}" in out:
                    out[f"{name}{side}"] = out[f"{name}{side}"] * (1.0 - lid)
        for name in _SPREADING:
            if f"{name}{side}" in out and "mouthPucker" in out:
                out[f"{name}{side}"] = out[f"{name}{side}"] * (1.0 - 0.8 * out["mouthPucker"])
    return out
