"""A performance: what a person's face, head and eyes do over time, written from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _pair(name: str, weight: float) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


#: Mouth shapes of a few speech sounds, as weights of facial actions; jawOpen is the loudness as well.
VISEMES: dict[str, dict[str, float]] = {
    "a": {"jawOpen": 0.62} | _pair("mouthLowerDown", 0.2) | _pair("mouthUpperUp", 0.12),
    "e": {"jawOpen": 0.36} | _pair("mouthStretch", 0.25) | _pair("mouthUpperUp", 0.15),
    "i": {"jawOpen": 0.2} | _pair("mouthStretch", 0.4) | _pair("mouthSmile", 0.15),
    "o": {"jawOpen": 0.42, "mouthFunnel": 0.5, "mouthPucker": 0.15},
    "u": {"jawOpen": 0.18, "mouthPucker": 0.65, "mouthFunnel": 0.15},
}  # fmt: skip
_CLOSURE = {"mouthPressLeft": 0.25, "mouthPressRight": 0.25, "mouthRollLower": 0.12, "mouthRollUpper": 0.1}
_SYLLABLE_S = 0.21
_BLINK_S = 0.22


@dataclass(frozen=True, slots=True)
class Syllable:
    """One beat of speech: start and length in s, vowel, loudness (0..1), and whether the lips close before it."""

    start: float
    length: float
    vowel: str
    stress: float
    closed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """Sampled motion.

    Attributes:
        times: (N,) s.
        actions: names to (N,) weights 0..1.
        yaw, pitch, roll: (N,) degrees of the head (see `pose.HeadPose`).
        gaze: (N, 2) degrees of the eyes in the head, yaw and pitch.
        sway: (N, 3) m.
        syllables: what is said, for the sound.

    """

    times: Floats
    actions: dict[str, Floats]
    yaw: Floats
    pitch: Floats
    roll: Floats
    gaze: Floats
    sway: Floats
    syllables: tuple[Syllable, ...]


def perform(seed: int, seconds: float, fps: int) -> Performance:
    """Talk, smile, blink, look and turn for a while; the same seed gives the same numbers.

    Every clip has the whole range in it, whatever its length: a look to each side, a nod, a tilt, two smiles.
    """
    rng = np.random.default_rng((seed, 0x307))
    times = np.arange(round(seconds * fps)) / fps
    share = times / seconds
    smile = _hump(share, 0.30, 0.065) + 0.9 * _hump(share, 0.80, 0.07)
    syllables = _speech(rng, seconds)
    actions = _mouth(times, syllables, smile)
    actions |= _brows(times, share, syllables)
    blinks = _blinks(rng, times, seconds)
    for side in ("Left", "Right"):
        actions[f"eyeBlink{side}"] = blinks
        actions[f"eyeSquint{side}"] = 0.45 * smile * (1 - blinks)
        actions[f"cheekSquint{side}"] = 0.7 * smile
    yaw, pitch, roll = _head(rng, times, share)
    return Performance(
        times=times, actions=actions, yaw=yaw, pitch=pitch, roll=roll, gaze=_gaze(rng, times, share, yaw, pitch),
        sway=_sway(rng, times, yaw), syllables=syllables,
    )  # fmt: skip


def _speech(rng: np.random.Generator, seconds: float) -> tuple[Syllable, ...]:
    """Phrases of four to nine syllables with pauses; silent during the first and last half second and the smiles."""
    out: list[Syllable] = []
    now = 0.5
    while now < seconds - 0.8:
        for _ in range(int(rng.integers(4, 10))):
            length = _SYLLABLE_S * rng.uniform(0.8, 1.35)
            if now + length > seconds - 0.5:
                break
            vowel = str(rng.choice(list(VISEMES), p=(0.32, 0.22, 0.16, 0.18, 0.12)))
            out.append(Syllable(now, length, vowel, float(rng.uniform(0.6, 1.1)), bool(rng.random() < 0.35)))
            now += length
        now += rng.uniform(0.3, 0.6)
        if abs(now / seconds - 0.30) < 0.035 or abs(now / seconds - 0.80) < 0.035:
            now += 0.05 * seconds
    return tuple(out)


def _mouth(times: Floats, syllables: tuple[Syllable, ...], smile: Floats) -> dict[str, Floats]:
    actions: dict[str, Floats] = {}
    for syllable in syllables:
        # Neighbouring mouth shapes overlap: each is a soft bump wider than its beat.
        middle = syllable.start + 0.55 * syllable.length
        bump = np.exp(-(((times - middle) / (0.42 * syllable.length)) ** 2)) * syllable.stress
        for name, weight in VISEMES[syllable.vowel].items():
            actions[name] = np.maximum(actions.get(name, np.zeros_like(times)), weight * bump)
        if syllable.closed:
            shut = np.exp(-(((times - syllable.start) / 0.045) ** 2))
            actions["jawOpen"] = actions["jawOpen"] * (1 - 0.9 * shut)
            for name, weight in _CLOSURE.items():
                actions[name] = np.maximum(actions.get(name, np.zeros_like(times)), weight * shut)
    for side in ("Left", "Right"):
        smiling = 0.85 * smile + 0.08
        actions[f"mouthSmile{side}"] = np.maximum(actions.get(f"mouthSmile{side}", np.zeros_like(times)), smiling)
        actions[f"mouthUpperUp{side}"] = np.maximum(
            actions.get(f"mouthUpperUp{side}", np.zeros_like(times)), 0.3 * smile
        )
    for name in ("mouthPucker", "mouthFunnel"):
        actions[name] = actions.get(name, np.zeros_like(times)) * (1 - 0.8 * np.clip(smile, 0, 1))
    return {name: np.clip(values, 0.0, 1.0) for name, values in actions.items()}


def _brows(times: Floats, share: Floats, syllables: tuple[Syllable, ...]) -> dict[str, Floats]:
    raised = 0.6 * _hump(share, 0.16, 0.03) + 0.7 * _hump(share, 0.62, 0.035)
    for syllable in syllables:
        if syllable.stress > 1.0:
            raised = np.maximum(raised, 0.3 * np.exp(-(((times - syllable.start - 0.1) / 0.16) ** 2)))
    lowered = 0.6 * _hump(share, 0.44, 0.03)
    return {
        "browInnerUp": raised * 0.8, "browOuterUpLeft": raised * 0.8, "browOuterUpRight": raised * 0.75,
        "browDownLeft": lowered, "browDownRight": lowered,
        "eyeWideLeft": 0.5 * raised, "eyeWideRight": 0.5 * raised,
    }  # fmt: skip


def _blinks(rng: np.random.Generator, times: Floats, seconds: float) -> Floats:
    """Lids: fast down, slower up; every two to four seconds."""
    out = np.zeros_like(times)
    now = 0.9
    while now < seconds - 0.4:
        phase = (times - now) / (_BLINK_S * rng.uniform(0.85, 1.1))
        closing, opening = np.clip(phase / 0.36, 0, 1), np.clip((1 - phase) / 0.46, 0, 1)
        out = np.maximum(out, _smooth(closing) * _smooth(opening))
        now += rng.uniform(1.7, 3.4)
    return out


def _head(rng: np.random.Generator, times: Floats, share: Floats) -> tuple[Floats, Floats, Floats]:
    yaw = 25.0 * _hump(share, 0.40, 0.06) - 25.0 * _hump(share, 0.535, 0.06)
    pitch = -11.0 * _hump(share, 0.645, 0.03) + 10.0 * _hump(share, 0.705, 0.035)
    roll = 11.0 * _hump(share, 0.235, 0.04) - 10.0 * _hump(share, 0.88, 0.045)
    return yaw + _drift(rng, times, 2.6), pitch + _drift(rng, times, 1.8), roll + _drift(rng, times, 1.5)


def _gaze(rng: np.random.Generator, times: Floats, share: Floats, yaw: Floats, pitch: Floats) -> Floats:
    """Jumps between points of rest; a turning head leaves the eyes partly on the camera (vestibulo-ocular reflex)."""
    target = np.zeros((len(times), 2))
    now = 0.0
    while now < times[-1]:
        aside = rng.random() < 0.35
        point = rng.normal(0.0, (9.0, 5.0)) if aside else rng.normal(0.0, (1.2, 0.8))
        target[times >= now] = point
        now += rng.uniform(0.5, 1.6)
    for centre, offset in ((0.08, (15.0, 0.0)), (0.125, (-15.0, 0.0)), (0.93, (0.0, 8.0)), (0.96, (0.0, -10.0))):
        target[np.abs(share - centre) < 0.018] = offset
    kernel = np.array([0.2, 0.6, 0.2])
    eased = np.stack([np.convolve(np.pad(target[:, k], 1, mode="edge"), kernel, mode="valid") for k in (0, 1)], axis=1)
    eased -= np.stack([0.62 * yaw, 0.6 * pitch], axis=1)
    return np.asarray(np.clip(eased, (-19.0, -13.0), (19.0, 10.0)))


def _sway(rng: np.random.Generator, times: Floats, yaw: Floats) -> Floats:
    breath = 0.0016 * np.sin(2 * np.pi * times / 3.9)
    return np.stack([_drift(rng, times, 0.004) + yaw * 0.0003, _drift(rng, times, 0.006), breath], axis=1)


def _drift(rng: np.random.Generator, times: Floats, size: float) -> Floats:
    """Slow wandering: a few sines of unrelated periods."""
    out = np.zeros_like(times)
    for period in (7.3, 3.9, 2.3, 1.3):
        out += np.sin(2 * np.pi * (times / period + rng.random())) * size * np.sqrt(period / 7.3) * 0.5
    return out


def _hump(share: Floats, centre: float, half: float) -> Floats:
    """Up, a plateau, down; within `half` of the centre it is above one half."""
    return _smooth(np.clip((half * 1.5 - np.abs(share - centre)) / half, 0.0, 1.0))


def _smooth(t: Floats) -> Floats:
    return np.asarray(t * t * (3 - 2 * t))
