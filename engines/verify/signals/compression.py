"""Edges of the codec's blocks in the face against its surroundings. A face that went through another codec has others.

After Li, Yuan and Yu, "Passive detection of doctored JPEG image via block artifact grid extraction", Signal Processing
2009. Codecs of today smooth their edges, and a whole picture that is compressed again loses the difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.verify.signals.numbers import decibels, median_known
from mien.engines.verify.signals.sight import Sight, Sights
from mien.realtime.frame import Floats

_BLOCK_PX = 8
_LEAST_PIXELS = 400


def blockiness(sights: Sights) -> float:
    """Steps at the edges of 8 px blocks over those between, inside the face over outside, dB."""
    return median_known(_difference(sight) for sight in sights)


def _difference(sight: Sight) -> float:
    if sight.luma is None:
        return float("nan")
    luma = sight.luma.astype(np.float32)
    inside = sight.depth > 0
    within, without = (_edges_db(luma, where, sight.origin) for where in (inside, ~inside))
    return within - without


def _edges_db(luma: Floats, where: NDArray[np.bool_], origin: tuple[int, int]) -> float:
    """Mean step over both directions between pixels of different blocks over that between pixels of one, dB."""
    at_edges, between = [], []
    for axis, start in ((1, origin[0]), (0, origin[1])):
        steps = np.abs(np.diff(luma, axis=axis))
        place = start + 1 + np.arange(steps.shape[axis])
        edge = place % _BLOCK_PX == 0
        edge = np.broadcast_to(edge if axis else edge[:, None], steps.shape)
        both = where[:, 1:] & where[:, :-1] if axis else where[1:] & where[:-1]
        at_edges.append(steps[both & edge])
        between.append(steps[both & ~edge])
    one, other = np.concatenate(at_edges), np.concatenate(between)
    if min(one.size, other.size) < _LEAST_PIXELS:
        return float("nan")
    return decibels(float(one.mean()), float(other.mean()))
