"""Phonemes with their times: from espeak-ng's events and the sound that they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.motion.tracks import Floats

Samples = NDArray[np.float32]

#: A pause's symbol.
PAUSE = "_"
#: espeak marks a voiceless stop at its burst; the closure before it is silent and counts as part of the sound.
_VOICELESS_STOPS = frozenset({"p", "t", "k", "tS", "t2", "c", "q"})
#: Share of a voiced stop until its burst, read off spectrograms of espeak 1.52; m is shut nearly to its end.
_VOICED_RELEASE = {"b": 0.6, "d": 0.6, "g": 0.6, "dZ": 0.5, "m": 0.9}
_LONGEST_CLOSURE_S, _SHORTEST_CLOSURE_S = 0.11, 0.045
#: Of the loudest level: what a closure stays below.
_QUIET = 0.05
_HOP_S = 0.005
_STRESS = {"'": 2, ",": 1}


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One sound.

    Attributes:
        symbol: espeak's ASCII mnemonic without stress marks ("tS", "@", "i:"); `PAUSE` for silence.
        start_s: when its articulation begins: for stops the start of the closure.
        end_s: when the next begins.
        stress: 0 none, 1 secondary, 2 primary.
        release_s: when a stop's closure opens; `end_s` for other sounds.

    """

    symbol: str
    start_s: float
    end_s: float
    stress: int
    release_s: float


def timed(events: list[tuple[int, str]], samples: Samples, rate_hz: int) -> tuple[Phoneme, ...]:
    """Phonemes from (sample, name) events in order; each ends where the next begins, pauses in a row are one."""
    level = _level(samples, rate_hz)
    out: list[Phoneme] = []
    ends = [at for at, _ in events[1:]] + [len(samples)]
    for (at, name), end in zip(events, ends, strict=True):
        stress = max((mark for sign, mark in _STRESS.items() if sign in name[:2]), default=0)
        symbol = name.lstrip("',%=")
        symbol = PAUSE if symbol.startswith(PAUSE) or not symbol else symbol
        if end <= at:
            continue
        start_s, end_s, release_s = at / rate_hz, end / rate_hz, end / rate_hz
        if symbol in _VOICELESS_STOPS:
            release_s = start_s
            start_s = _closure_start(start_s, out, level)
            out[-1:] = [_until(each, start_s) for each in out[-1:]]
        elif symbol in _VOICED_RELEASE:
            release_s = start_s + _VOICED_RELEASE[symbol] * (end_s - start_s)
        if symbol == PAUSE and out and out[-1].symbol == PAUSE:
            start_s = out.pop().start_s
        out.append(Phoneme(symbol, start_s, end_s, stress, release_s))
    return tuple(out)


def _level(samples: Samples, rate_hz: int) -> Floats:
    """Root mean square of each 5 ms over the loudest."""
    hop = round(_HOP_S * rate_hz)
    cut = samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64)
    level = np.sqrt((cut**2).mean(axis=1)) if len(cut) else np.zeros(1)
    return np.asarray(level / max(float(level.max()), 1e-9))


def _closure_start(burst_s: float, before: list[Phoneme], level: Floats) -> float:
    """Where the silence before a burst begins, within what the sound before can spare."""
    last = min(int(burst_s / _HOP_S) - 1, len(level) - 1)
    first = last
    while first > 0 and level[first - 1] < _QUIET and (last - first) * _HOP_S < _LONGEST_CLOSURE_S:
        first -= 1
    start_s = min(first * _HOP_S, burst_s - _SHORTEST_CLOSURE_S)
    spared = before[-1].start_s + 0.4 * (burst_s - before[-1].start_s) if before else 0.0
    return max(start_s, spared, 0.0)


def _until(phoneme: Phoneme, end_s: float) -> Phoneme:
    return Phoneme(phoneme.symbol, phoneme.start_s, end_s, phoneme.stress, min(phoneme.release_s, end_s))
