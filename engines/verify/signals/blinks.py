"""Blinks: how often, how deep, how long. A swapped face may blink less deeply or not at all; so may a tired one.

After Li, Chang and Lyu, "In Ictu Oculi", WIFS 2018, who counted blinks; the lids' gap is our tracker's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.engines.mesh.shape import SHUT_APERTURE, aperture
from mien.engines.mesh.topology import EYES
from mien.engines.verify.signals.numbers import median_known
from mien.engines.verify.signals.sight import LEAST_SIGHTS, Sights
from mien.realtime.frame import Floats
from mien.realtime.head import to_head

#: Part of the usual gap below which a lid counts as falling.
_FALLEN = 0.65
#: A longer one is a closed or lowered eye, seconds.
_LONGEST_S = 0.6
#: The gap that is usual: this percentile of all.
_USUAL = 80


@dataclass(frozen=True, slots=True)
class Blink:
    """One blink.

    Attributes:
        depth: 0 = the lids do not move, 1 = shut.
        duration_s: time below half of its depth.

    """

    depth: float
    duration_s: float


def openness(sights: Sights) -> Floats:
    """(N,) float32: how far the eyes are open, 1 = as usual, 0 = shut."""
    shapes = [to_head(sight.landmarks, sight.fit) for sight in sights]
    gaps = np.array([np.mean([aperture(eye, shape) for eye in EYES]) for shape in shapes], np.float32)
    usual = max(float(np.percentile(gaps, _USUAL)), 1.5 * SHUT_APERTURE)
    opened: Floats = np.clip((gaps - SHUT_APERTURE) / np.float32(usual - SHUT_APERTURE), 0, None).astype(np.float32)
    return opened


def find_blinks(opened: Floats, times_s: Floats) -> list[Blink]:
    """The blinks of (N,) `opened` at (N,) `times_s`; one that is cut off by the end is none."""
    found = []
    low = np.flatnonzero(opened < _FALLEN)
    for run in np.split(low, np.flatnonzero(np.diff(low) > 1) + 1):
        if not len(run) or run[0] == 0 or run[-1] == len(opened) - 1:
            continue
        deepest = int(run[np.argmin(opened[run])])
        depth = 1 - float(opened[deepest])
        begin, end = (_crossing(opened, times_s, deepest, step, 1 - depth / 2) for step in (-1, 1))
        if end - begin <= _LONGEST_S:
            found.append(Blink(depth, end - begin))
    return found


def blink_rate(sights: Sights) -> float:
    """Blinks a minute."""
    if len(sights) < LEAST_SIGHTS:
        return float("nan")
    return 60 * len(_blinks(sights)) / (sights[-1].time_s - sights[0].time_s)


def blink_depth(sights: Sights) -> float:
    """Median depth of the blinks, 0..1."""
    return median_known(blink.depth for blink in _blinks(sights))


def blink_duration(sights: Sights) -> float:
    """Median duration of the blinks, seconds."""
    return median_known(blink.duration_s for blink in _blinks(sights))


def _blinks(sights: Sights) -> list[Blink]:
    return find_blinks(openness(sights), np.array([sight.time_s for sight in sights], np.float32))


def _crossing(opened: Floats, times_s: Floats, start: int, step: int, level: float) -> float:
    """When the gap passes `level`, going from the blink's deepest point by `step`; between two pictures if so."""
    at = start
    while 0 <= at + step < len(opened) and opened[at] < level:
        at += step
    before = at - step
    if opened[at] <= level or at == start:
        return float(times_s[at])
    share = (level - float(opened[before])) / float(opened[at] - opened[before])
    return float(times_s[before] + share * (times_s[at] - times_s[before]))
