"""Mouth shapes of speech: phonemes to actions over time.

Shapes melt into each other as in Cohen and Massaro, "Modeling coarticulation in synthetic visual speech" (1993): every
sound has a target and, for each part of the mouth, a dominance that fades with distance in time; a value is the mean of
the targets weighted by it. What must be reached whatever the neighbours want is put on top as in JALI (Edwards,
Landreth, Fiume, Singh 2016): lips shut in p, b and m, the lower lip under the teeth in f and v.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.motion.manner import Manner
from mien.engines.cast.motion.phonemes import PAUSE, Phoneme
from mien.engines.cast.motion.speech import Speech
from mien.engines.cast.motion.tracks import Floats, Tracks, both, smooth


@dataclass(frozen=True, slots=True)
class Shape:
    """A sound's target.

    Attributes:
        weights: of actions, 0..1.
        jaw: dominance over the jaw, about 0.1 (takes its neighbours' opening) to 1.
        lips: dominance over lips and tongue.
        ahead_s: how long before the sound its lips begin to form.

    """

    weights: dict[str, float] = field(default_factory=dict)
    jaw: float = 0.5
    lips: float = 0.5
    ahead_s: float = 0.055


def _bare(lower: float, upper: float) -> dict[str, float]:
    """Teeth shown by the lower and the upper lip."""
    return both("mouthLowerDown", lower) | both("mouthUpperUp", upper)


SHAPES: dict[str, Shape] = {
    "rest": Shape({"jawOpen": 0.01}, jaw=0.45, lips=0.35),
    "a": Shape({"jawOpen": 0.62} | both("mouthStretch", 0.12) | _bare(0.24, 0.14), jaw=1.0, lips=0.6),
    "ae": Shape({"jawOpen": 0.5} | both("mouthStretch", 0.3) | both("mouthSmile", 0.06) | _bare(0.24, 0.18), 0.9, 0.6),
    "e": Shape({"jawOpen": 0.36} | both("mouthStretch", 0.3) | both("mouthSmile", 0.1) | _bare(0.2, 0.16), 0.7, 0.6),
    "i": Shape({"jawOpen": 0.24} | both("mouthStretch", 0.32) | both("mouthSmile", 0.14) | _bare(0.18, 0.12), 0.5, 0.5),
    "ee": Shape(
        {"jawOpen": 0.17} | both("mouthStretch", 0.4) | both("mouthSmile", 0.22) | both("mouthDimple", 0.1)
        | _bare(0.2, 0.12),
        0.7, 0.8,
    ),
    "uh": Shape({"jawOpen": 0.28} | both("mouthStretch", 0.08) | _bare(0.14, 0.06), jaw=0.35, lips=0.25),
    "ah": Shape({"jawOpen": 0.44} | both("mouthStretch", 0.12) | _bare(0.18, 0.1), jaw=0.8, lips=0.4),
    "er": Shape({"jawOpen": 0.22, "mouthFunnel": 0.28, "mouthPucker": 0.06} | _bare(0.1, 0.04), 0.5, 0.6),
    "aw": Shape({"jawOpen": 0.46, "mouthFunnel": 0.46, "mouthPucker": 0.1}, 0.9, 0.9, ahead_s=0.11),
    "o": Shape({"jawOpen": 0.34, "mouthFunnel": 0.46, "mouthPucker": 0.26}, 0.8, 0.9, ahead_s=0.11),
    "u": Shape({"jawOpen": 0.22, "mouthFunnel": 0.26, "mouthPucker": 0.4}, 0.5, 0.8, ahead_s=0.11),
    "oo": Shape({"jawOpen": 0.15, "mouthFunnel": 0.24, "mouthPucker": 0.66}, 0.7, 1.0, ahead_s=0.14),
    "w": Shape({"jawOpen": 0.1, "mouthFunnel": 0.2, "mouthPucker": 0.72}, 0.8, 1.3, ahead_s=0.12),
    "p": Shape({"jawOpen": 0.1}, jaw=0.9, lips=0.25),
    "f": Shape({"jawOpen": 0.1} | both("mouthUpperUp", 0.16), jaw=0.9, lips=0.5),
    "th": Shape({"jawOpen": 0.18, "tongueOut": 0.36} | _bare(0.14, 0.1), 0.8, 1.1, ahead_s=0.045),
    "t": Shape({"jawOpen": 0.13} | both("mouthStretch", 0.12) | _bare(0.18, 0.08), jaw=0.55, lips=0.2),
    "l": Shape({"jawOpen": 0.2} | _bare(0.18, 0.08), jaw=0.4, lips=0.2),
    "k": Shape({"jawOpen": 0.2} | _bare(0.1, 0.05), jaw=0.3, lips=0.1),
    "h": Shape({"jawOpen": 0.26}, jaw=0.12, lips=0.05),
    "s": Shape({"jawOpen": 0.06} | both("mouthStretch", 0.2) | both("mouthSmile", 0.08) | _bare(0.3, 0.14), 1.2, 0.6),
    "sh": Shape(
        {"jawOpen": 0.08, "mouthFunnel": 0.5, "mouthPucker": 0.14} | _bare(0.2, 0.16), 1.2, 1.1, ahead_s=0.09
    ),
    "r": Shape({"jawOpen": 0.16, "mouthFunnel": 0.32, "mouthPucker": 0.16}, 0.5, 0.8, ahead_s=0.09),
    "y": Shape({"jawOpen": 0.14} | both("mouthStretch", 0.24) | both("mouthSmile", 0.12) | _bare(0.14, 0.08), 0.5, 0.5),
}  # fmt: skip

#: Beginnings of espeak's mnemonics, the longest that fits counts, and the shapes that the sound goes through.
_SOUNDS: dict[str, tuple[str, ...]] = {
    PAUSE: ("rest",), "aI@": ("a", "i", "uh"), "aU@": ("a", "u", "uh"), "aI": ("a", "i"), "aU": ("a", "u"),
    "a": ("ae",), "a#": ("uh",), "aa": ("ae",), "A": ("a",), "A@": ("a", "er"), "e": ("e",), "eI": ("e", "ee"),
    "e@": ("e", "er"), "E": ("e",), "I": ("i",), "i": ("i",), "i:": ("ee",), "i@": ("ee", "uh"), "y": ("oo",),
    "@": ("uh",), "@L": ("uh", "l"), "3": ("er",), "V": ("ah",), "0": ("aw",), "O": ("aw",), "OI": ("aw", "i"),
    "OY": ("aw", "i"), "o": ("o",), "o@": ("o", "er"), "oU": ("o", "u"), "U": ("u",), "U@": ("u", "er"), "u": ("u",),
    "u:": ("oo",), "Y": ("oo",), "W": ("o",), "p": ("p",), "b": ("p",), "m": ("p",), "f": ("f",), "v": ("f",),
    "T": ("th",), "D": ("th",), "t": ("t",), "d": ("t",), "n": ("t",), "N": ("k",), "l": ("l",), "k": ("k",),
    "g": ("k",), "x": ("k",), "q": ("k",), "?": ("h",), "h": ("h",), "s": ("s",), "z": ("s",), "ts": ("s",),
    "dz": ("s",), "S": ("sh",), "Z": ("sh",), "C": ("y",), "tS": ("sh",), "dZ": ("sh",), "r": ("r",), "R": ("k",),
    "w": ("w",), "j": ("y",), ";": ("y",),
}  # fmt: skip
#: A slack mouth for what the table does not know.
_UNKNOWN = ("uh",)
_JAW = ("jawOpen",)
#: Fading of dominance after a sound: lips carry on longer than they look ahead for unrounded sounds.
_CARRY_S = 0.06
_JAW_S = 0.06
_FOREVER_S = 1e4
#: Of a sound's middle: where its dominance is full.
_CORE = 0.5
_LONGEST_MARGIN_S = 0.06
_LIP_CLOSE_S, _LIP_OPEN_S = 0.06, 0.05
#: Lips stay shut for at least one frame at 30 a second.
_SHORTEST_SEAL_S = 0.045
_SEALED_JAW = 0.07
_SEAL = both("mouthPress", 0.26) | {"mouthRollLower": 0.12, "mouthRollUpper": 0.1}
_UNDER_TEETH = {"mouthRollLower": 0.58} | both("mouthUpperUp", 0.24)
_LOUDER = {0: 0.86, 1: 1.0, 2: 1.14}


def shapes_of(symbol: str) -> tuple[str, ...]:
    """Names of the shapes, in `SHAPES`, that a phoneme of espeak goes through."""
    for length in range(len(symbol), 0, -1):
        if symbol[:length] in _SOUNDS:
            return _SOUNDS[symbol[:length]]
    return _UNKNOWN


def still(name: str) -> dict[str, float]:
    """One of `SHAPES` as a held pose, with what is put on top of it in speech."""
    weights = dict(SHAPES[name].weights)
    if name == "p":
        weights |= _SEAL | {"jawOpen": _SEALED_JAW, "mouthClose": _SEALED_JAW}
    if name == "f":
        weights |= _UNDER_TEETH
    return weights


def mouth(speech: Speech, times: Floats, manner: Manner) -> Tracks:
    """Actions of jaw, lips and tongue at (N,) times, s of the speech."""
    first, last = speech.phonemes[0].start_s, speech.phonemes[-1].end_s
    spans = [("rest", first - _FOREVER_S, first, 1.0), ("rest", last, last + _FOREVER_S, 1.0)]
    spans += [span for phoneme in speech.phonemes for span in _spans(phoneme)]
    names = sorted({name for shape in SHAPES.values() for name in shape.weights})
    shapes = [SHAPES[name] for name, *_ in spans]
    start, end, gain = (np.array([span[k] for span in spans]) for k in (1, 2, 3))
    gain = gain * (0.8 + 0.35 * np.sqrt(speech.loudness((start + end) / 2)))
    targets = np.array([[shape.weights.get(name, 0.0) for name in names] for shape in shapes])
    ahead = np.array([shape.ahead_s for shape in shapes])
    jaw = _dominance(times, start, end, np.full_like(ahead, _JAW_S), _JAW_S, np.array([s.jaw for s in shapes]))
    lips = _dominance(times, start, end, ahead, _CARRY_S, np.array([s.lips for s in shapes]))
    tracks: Tracks = {}
    for index, name in enumerate(names):
        if name in _JAW:
            tracks[name] = jaw @ (targets[:, index] * gain) * manner.jaw
        else:
            tracks[name] = lips @ targets[:, index] * manner.lips
    return _with_constraints(tracks, speech.phonemes, times)


def _spans(phoneme: Phoneme) -> list[tuple[str, float, float, float]]:
    """(shape, start, end, gain): a diphthong's shapes share its time, the first has more of it."""
    names = shapes_of(phoneme.symbol)
    edges = np.linspace(0.0, 1.0, len(names) + 1) ** 0.8
    at = phoneme.start_s + edges * (phoneme.end_s - phoneme.start_s)
    gain = _LOUDER[phoneme.stress]
    return [(name, float(low), float(high), gain) for name, low, high in zip(names, at[:-1], at[1:], strict=True)]


def _dominance(
    times: Floats, start: Floats, end: Floats, ahead_s: Floats, carry_s: float, strength: Floats
) -> NDArray[np.float64]:
    """(N, P) shares of P sounds at each time; their sum over sounds is 1."""
    margin = np.minimum((1 - _CORE) / 2 * (end - start), _LONGEST_MARGIN_S)
    before = np.maximum(0.0, start + margin - times[:, None]) / ahead_s
    after = np.maximum(0.0, times[:, None] - end + margin) / carry_s
    # A floor far from all sounds, so that nothing divides by zero in long silences.
    weight = strength * np.exp(-np.minimum(before + after, 60.0))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _with_constraints(tracks: Tracks, phonemes: tuple[Phoneme, ...], times: Floats) -> Tracks:
    seal = _closing(times, [(each.start_s, each.release_s) for each in phonemes if shapes_of(each.symbol) == ("p",)])
    under = _closing(times, [(each.start_s, each.end_s) for each in phonemes if shapes_of(each.symbol) == ("f",)])
    free = 1.0 - np.maximum(seal, under)
    out = {name: values * free for name, values in tracks.items() if name != "jawOpen"}
    jaw = tracks["jawOpen"]
    jaw = jaw + (np.minimum(jaw, _SEALED_JAW) - jaw) * seal
    out["jawOpen"] = jaw + (np.minimum(jaw, 0.11) - jaw) * under * 0.9
    # The cast's mouthClose undoes the jaw's opening at the lips exactly: equal weights touch.
    out["mouthClose"] = out["jawOpen"] * seal
    for name, weight in _SEAL.items():
        out[name] = np.maximum(out.get(name, 0.0), weight * seal)
    for name, weight in _UNDER_TEETH.items():
        out[name] = np.maximum(out.get(name, 0.0), weight * under * (1 - seal))
    # Rounding is kept in part through a closure: the lips of "boo" are round before they open.
    for name in ("mouthPucker", "mouthFunnel"):
        out[name] = np.maximum(out[name], 0.4 * tracks[name] * seal)
    return out


def _closing(times: Floats, spans: list[tuple[float, float]]) -> Floats:
    """(N,) 1 within the spans (start, release), with soft flanks outside of them."""
    out = np.zeros_like(times)
    for start, release in spans:
        start = min(start, release - _SHORTEST_SEAL_S)
        shut = smooth((times - start + _LIP_CLOSE_S) / _LIP_CLOSE_S) * smooth(
            (release + _LIP_OPEN_S - times) / _LIP_OPEN_S
        )
        out = np.maximum(out, shut)
    return out
