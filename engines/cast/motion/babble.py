"""Speech-like sound that says nothing, in no one's voice: for clips without a script, or without espeak-ng."""

from __future__ import annotations

import numpy as np

from mien.engines.cast.motion.phonemes import PAUSE, Phoneme
from mien.engines.cast.motion.speech import Speech
from mien.engines.cast.motion.tracks import Floats, smooth

_RATE_HZ = 22_050
#: Vowels, how often, and their first three formants, Hz (after Peterson and Barney 1952).
_VOWELS: dict[str, tuple[float, tuple[float, float, float]]] = {
    "A:": (0.32, (750, 1300, 2600)),
    "E": (0.22, (530, 1850, 2500)),
    "i:": (0.16, (320, 2400, 3000)),
    "O:": (0.18, (500, 900, 2500)),
    "u:": (0.12, (340, 900, 2300)),
}
_CONSONANTS = ("m", "b", "n", "d", "l", "v", "w", "r", "j", "g")
_BANDWIDTHS_HZ = (90.0, 120.0, 180.0)
_SYLLABLE_S = 0.21
_CONSONANT_SHARE = 0.36
#: Quiet: a test clip should not startle anyone.
_PEAK = 0.12


def babble(rng: np.random.Generator, seconds: float, *, pitch_hz: float = 185.0) -> Speech:
    """Phrases of four to nine syllables with pauses between."""
    phonemes = _phrases(rng, seconds)
    times = np.arange(round(seconds * _RATE_HZ)) / _RATE_HZ
    return Speech(_sound(phonemes, times, pitch_hz), _RATE_HZ, phonemes)


def _phrases(rng: np.random.Generator, seconds: float) -> tuple[Phoneme, ...]:
    out: list[Phoneme] = []
    shares = np.array([share for share, _ in _VOWELS.values()])

    def say(symbol: str, length_s: float, stress: int = 0) -> None:
        start = out[-1].end_s if out else 0.0
        release = start + 0.75 * length_s if symbol in ("m", "b", "d", "g") else start + length_s
        out.append(Phoneme(symbol, start, start + length_s, stress, release))

    while not out or out[-1].end_s < seconds - 1.2:
        for _ in range(int(rng.integers(4, 10))):
            length = _SYLLABLE_S * rng.uniform(0.8, 1.35)
            if out and out[-1].end_s + length > seconds - 0.3:
                break
            say(str(rng.choice(_CONSONANTS)), _CONSONANT_SHARE * length)
            say(str(rng.choice(list(_VOWELS), p=shares)), (1 - _CONSONANT_SHARE) * length, 2 * int(rng.random() < 0.3))
        say(PAUSE, rng.uniform(0.3, 0.6))
    say(PAUSE, max(seconds - out[-1].end_s, 1e-3))
    return tuple(out)


def _sound(
    phonemes: tuple[Phoneme, ...], times: Floats, pitch_hz: float
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    loud = np.zeros_like(times)
    formants = np.tile(np.array(_VOWELS["E"][1], float)[:, None], (1, len(times)))
    for phoneme in phonemes:
        if phoneme.symbol not in _VOWELS:
            continue
        inside = slice(*np.searchsorted(times, (phoneme.start_s - 0.05, phoneme.end_s + 0.05)))
        t = times[inside]
        share = smooth((t - phoneme.start_s + 0.03) / 0.06) * smooth((phoneme.end_s + 0.03 - t) / 0.06)
        loud[inside] = np.maximum(loud[inside], share * (0.7 + 0.15 * phoneme.stress))
        formants[:, inside] += share * (np.array(_VOWELS[phoneme.symbol][1], float)[:, None] - formants[:, inside])
    pitch = pitch_hz * (1 + 0.06 * np.sin(2 * np.pi * times / 1.7) + 0.10 * (loud - 0.5))
    phase = 2 * np.pi * np.cumsum(pitch) / _RATE_HZ
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
