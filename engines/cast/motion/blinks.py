"""Blinks: when they come and how the lids move.

Numbers: intervals are log-normal with a median of a few seconds; the lid falls in about 90 ms and takes twice that to
open, fast first and slow at the end (Evinger, Manning, Sibony 1991; Trutoiu, Carter, Matthews, Hodgins 2011). Blinks
come with large gaze shifts (Evinger and others 1994) and at the ends of phrases (Nakano, Kitazawa 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.engines.cast.motion.tracks import Floats, smooth

_MEDIAN_S, _SPREAD = 2.6, 0.55
_SHORTEST_S, _LONGEST_S = 0.5, 8.0
_DOUBLE, _PARTIAL = 0.06, 0.12
#: How the lids' opening slows down; the larger, the longer its tail.
_TAIL = 1.7


@dataclass(frozen=True, slots=True)
class Blink:
    """One blink: when the lids start, how long they close, stay and open, how far (1 is shut)."""

    start_s: float
    closing_s: float
    shut_s: float
    opening_s: float
    depth: float

    @property
    def end_s(self) -> float:
        """When the lids are up again."""
        return self.start_s + self.closing_s + self.shut_s + self.opening_s


def draw_blinks(
    rng: np.random.Generator, seconds: float, cues: list[tuple[float, float]], *, rate: float = 1.0
) -> tuple[Blink, ...]:
    """Blinks of a stretch of time.

    Args:
        rng: where chance comes from.
        seconds: how long.
        cues: (when, probability) of blinks called by a gaze shift or the end of a phrase.
        rate: 1 for people's median.

    """
    called = sorted(when for when, chance in cues if rng.random() < chance)
    out: list[Blink] = []
    now = rng.uniform(0.3, 1.4)
    while True:
        gap = float(np.clip(np.exp(rng.normal(np.log(_MEDIAN_S / rate), _SPREAD)), _SHORTEST_S, _LONGEST_S))
        cue = next((when for when in called if now + 0.1 <= when < now + gap), None)
        start = now + gap if cue is None else cue
        if not out:
            start = min(start, 2.2)
        if start > seconds - 0.35:
            return tuple(out)
        out.append(_draw(rng, start))
        if rng.random() < _DOUBLE:
            out.append(_draw(rng, out[-1].end_s + rng.uniform(0.03, 0.12)))
        now = out[-1].end_s


def _draw(rng: np.random.Generator, start_s: float) -> Blink:
    partial = rng.random() < _PARTIAL
    return Blink(
        start_s=start_s,
        closing_s=float(np.clip(rng.normal(0.09, 0.012), 0.065, 0.13)),
        # Over a frame at 30 a second, so that a shut lid is always seen.
        shut_s=float(np.clip(rng.normal(0.042, 0.008), 0.034, 0.07)),
        opening_s=float(np.clip(rng.normal(0.19, 0.025), 0.14, 0.27)),
        depth=float(rng.uniform(0.4, 0.8) if partial else rng.uniform(0.97, 1.0)),
    )


def lids(blinks: tuple[Blink, ...], times: Floats) -> Floats:
    """(N,) eyeBlink of either eye, 0..1."""
    out = np.zeros_like(times)
    for blink in blinks:
        shut = blink.start_s + blink.closing_s
        fall = smooth((times - blink.start_s) / blink.closing_s)
        rise = np.clip((times - shut - blink.shut_s) / blink.opening_s, 0.0, 1.0)
        # Fast at first, slow at the end: a minimum-jerk step of a warped time.
        out = np.maximum(out, blink.depth * fall * (1.0 - smooth(1.0 - (1.0 - rise) ** _TAIL)))
    return out
