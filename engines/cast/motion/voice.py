"""A quiet speech-like sound for a clip: harmonics under moving formants. It says nothing, in no one's voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.motion.performance import Syllable

Floats = NDArray[np.float64]

#: First three formants of five vowels, Hz (after Peterson and Barney 1952).
_FORMANTS = {
    "a": (750, 1300, 2600),
    "e": (530, 1850, 2500),
    "i": (320, 2400, 3000),
    "o": (500, 900, 2500),
    "u": (340, 900, 2300),
}
_BANDWIDTHS_HZ = (90.0, 120.0, 180.0)
_PITCH_HZ = 185.0
#: Quiet: a test clip should not startle anyone.
_PEAK = 0.12


def speak(syllables: tuple[Syllable, ...], seconds: float, rate_hz: int) -> NDArray[np.float32]:
    """(N,) float32 mono, -1..1."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    loud = np.zeros_like(times)
    formants = np.tile(np.array(_FORMANTS["e"], float)[:, None], (1, len(times)))
    for syllable in syllables:
        inside = slice(*np.searchsorted(times, (syllable.start - 0.05, syllable.start + syllable.length + 0.05)))
        t = times[inside]
        middle, width = syllable.start + 0.55 * syllable.length, 0.36 * syllable.length
        bump = np.exp(-(((t - middle) / width) ** 4)) * syllable.stress
        loud[inside] = np.maximum(loud[inside], bump)
        share = np.clip(bump, 0, 1)
        formants[:, inside] += share * (np.array(_FORMANTS[syllable.vowel], float)[:, None] - formants[:, inside])
    pitch = _PITCH_HZ * (1 + 0.06 * np.sin(2 * np.pi * times / 1.7) + 0.10 * (loud - 0.5))
    phase = 2 * np.pi * np.cumsum(pitch) / rate_hz
    sound = np.zeros_like(times)
    for harmonic in range(1, 18):
        sound += _resonance(harmonic * pitch, formants) * np.sin(harmonic * phase) / harmonic**0.9
    sound *= loud
    return np.asarray(sound / max(1e-9, float(np.abs(sound).max())) * _PEAK, dtype=np.float32)


def _resonance(frequency: Floats, formants: Floats) -> Floats:
    gain = np.full_like(frequency, 0.02)
    for centre, bandwidth, weight in zip(formants, _BANDWIDTHS_HZ, (1.0, 0.5, 0.25), strict=True):
        gain += weight / (1 + ((frequency - centre) / bandwidth) ** 2)
    return gain
