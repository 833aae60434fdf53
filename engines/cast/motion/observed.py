"""Numbers taken from tracked people (see `fit_statistics`): how actions go together, and how fast heads turn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import erf

import numpy as np

from mien.engines.cast.motion.tracks import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """A Gaussian copula of actions (factor model) with their quantiles, and a few numbers of blinks and heads.

    Attributes:
        names: the C actions that the tracker was seen to move.
        levels: (Q,) probabilities of the quantiles.
        quantiles: (C, Q) of each action above its person's rest, 0..1.
        loadings: (C, K) of normal scores on K factors; what is left of each variance is its own.
        blink_ms: quartiles of the time that lids stay more than half closed.
        head_speed_deg_s: axis to (median, 95 %) of the absolute angular speed.

    """

    names: tuple[str, ...]
    levels: Floats
    quantiles: Floats
    loadings: Floats
    blink_ms: tuple[float, float, float]
    head_speed_deg_s: dict[str, tuple[float, float]]

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, C) values 0..1 with the quantiles and correlations of the people."""
        own = np.sqrt(np.maximum(0.0, 1.0 - (self.loadings**2).sum(axis=1)))
        scores = rng.normal(size=(count, self.loadings.shape[1])) @ self.loadings.T
        scores += rng.normal(size=(count, len(self.names))) * own
        share = normal_share(scores)
        columns = [np.interp(share[:, k], self.levels, self.quantiles[k]) for k in range(len(self.names))]
        return np.stack(columns, axis=1)


#: The normal distribution's integral, looked up: numpy has none of its own.
_GRID = np.linspace(-4.5, 4.5, 901)
_SHARE = np.array([0.5 * (1.0 + erf(x / 2**0.5)) for x in _GRID])


def normal_share(scores: Floats) -> Floats:
    """Cumulative distribution of the standard normal, 0..1, to within 1e-4."""
    return np.asarray(np.interp(scores, _GRID, _SHARE))


def normal_score(share: Floats) -> Floats:
    """Its inverse, within -4.5..4.5."""
    return np.asarray(np.interp(share, _SHARE, _GRID))


@cache
def observed() -> Observed:
    """The table beside this module; read once."""
    text = resources.files("mien.engines.cast.motion").joinpath("observed.json").read_text(encoding="utf-8")
    table = json.loads(text)
    speed = {axis: (float(pair[0]), float(pair[1])) for axis, pair in table["head_speed_deg_s"].items()}
    low, middle, high = (float(x) for x in table["blink_ms"])
    arrays = {key: np.array(table[key], float) for key in ("levels", "quantiles", "loadings")}
    for array in arrays.values():
        array.flags.writeable = False
    return Observed(tuple(table["names"]), **arrays, blink_ms=(low, middle, high), head_speed_deg_s=speed)
