"""The One-Euro filter: a low-pass whose cut-off rises with speed, so that rest is steady and motion prompt.

Casiez, Roussel, Vogel: "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems", CHI 2012, section 3 and algorithm 1; here for many points at once. Three things differ from the paper:
points may share their speed with their neighbours, which tells motion (of a lid, a lip) from noise (of one point)
much better than one point can; a speed that noise alone makes counts as rest; and a value that is left behind pulls
the filter open, because motion slower than the noise would otherwise be followed by the cut-off at rest alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mien.realtime.errors import ConfigError
from mien.realtime.frame import Floats


@dataclass(frozen=True, slots=True)
class OneEuroParams:
    """How one kind of value is steadied.

    Attributes:
        min_cutoff_hz: cut-off at rest, Hz; lower is steadier and slower.
        beta: rise of the cut-off, Hz per (unit per second); at speed the error stays below 1 / (2 pi beta) units.
        speed_cutoff_hz: cut-off of the velocity's own low-pass, Hz.
        noise_speed: units per second, RMS; what noise alone makes of the low-passed velocity. Taken off in
            quadrature before the cut-off rises.
        pull: rise of the cut-off, Hz per unit that the filtered value is behind; bounds the lag of slow motion,
            whose speed is lost in the noise.
        noise_offset: units behind that noise alone makes; taken off before the cut-off rises.

    """

    min_cutoff_hz: float
    beta: float
    speed_cutoff_hz: float
    noise_speed: float
    pull: float = 0.0
    noise_offset: float = 0.0

    def __post_init__(self) -> None:
        others = (self.beta, self.noise_speed, self.pull, self.noise_offset)
        if not (self.min_cutoff_hz > 0 and self.speed_cutoff_hz > 0 and min(others) >= 0):
            raise ConfigError(f"One-Euro cut-offs must be above 0, the other numbers not below; got {self}.")


def smoothing_factor(cutoff_hz: Floats | float, seconds: float) -> Floats:
    """Weight of the new value in a first-order low-pass, 0..1 (the paper's equation for alpha)."""
    ratio = np.asarray(2.0 * math.pi * seconds * cutoff_hz, np.float32)
    return ratio / (ratio + np.float32(1.0))


class Sharing:
    """How much of its neighbours' values each point takes for its own.

    A product with a matrix that is mostly zeros, without BLAS: its threads cost milliseconds on a busy machine.

    Args:
        matrix: (N, N) float32, rows that sum to one, none of them empty.

    """

    def __init__(self, matrix: Floats) -> None:
        rows, self._columns = np.nonzero(matrix)
        self._weights = matrix[rows, self._columns]
        self._starts = np.searchsorted(rows, np.arange(len(matrix)))

    def __call__(self, values: Floats) -> Floats:
        """Give the (N,) shared values of (N,) `values`."""
        shared: Floats = np.add.reduceat(self._weights * values[self._columns], self._starts)
        return shared


class Promptness:
    """The adaptive half of the filter: velocities go in, the weight of each new value comes out.

    Args:
        params: how much.
        share: how much of its neighbours' squared speed a point takes for its own; None where each goes by itself.
        gauge: (N, K) float32 that velocities are multiplied by before they are measured: below one where a value
            is noisier than others, 0 where it does not count; None for one everywhere.

    """

    def __init__(self, params: OneEuroParams, share: Sharing | None = None, gauge: Floats | None = None) -> None:
        self._params = params
        self._share = share
        self._gauge = gauge
        self._velocity: Floats | None = None

    def __call__(self, step: Floats, behind: Floats, seconds: float) -> Floats:
        """Give (N, 1) weights, 0..1.

        Args:
            step: (N, K) change of the raw values over `seconds`.
            behind: (N, K) raw values less the filtered ones of before.
            seconds: above 0.

        """
        params = self._params
        velocity = step / np.float32(seconds)
        if self._gauge is not None:
            velocity, behind = velocity * self._gauge, behind * self._gauge
        if self._velocity is None:
            self._velocity = np.zeros_like(velocity)
        self._velocity = self._velocity + smoothing_factor(params.speed_cutoff_hz, seconds) * (
            velocity - self._velocity
        )
        squared = np.einsum("nk,nk->n", self._velocity, self._velocity)
        if self._share is not None:
            squared = self._share(squared)
            # Neighbours that lag behind do so in one direction; noise has none.
            behind = np.stack([self._share(column) for column in behind.T], axis=1)
        speed = np.sqrt(np.maximum(squared - np.float32(params.noise_speed**2), np.float32(0.0)))
        distance = np.sqrt(np.einsum("nk,nk->n", behind, behind))
        excess = np.maximum(distance - np.float32(params.noise_offset), np.float32(0.0))
        cutoff = np.float32(params.min_cutoff_hz) + np.float32(params.beta) * speed + np.float32(params.pull) * excess
        return smoothing_factor(cutoff, seconds)[:, None]


class OneEuro:
    """Filters (N, K) float32 values: N points of K coordinates. See `Promptness` for the arguments."""

    def __init__(self, params: OneEuroParams, share: Sharing | None = None, gauge: Floats | None = None) -> None:
        self._promptness = Promptness(params, share, gauge)
        self._raw: Floats | None = None
        self._value: Floats = np.empty((0, 0), np.float32)

    def __call__(self, raw: Floats, seconds: float) -> Floats:
        """Give the filtered values, `seconds` (> 0) after the call before; the first come back as they are."""
        if self._raw is None:
            self._value = raw
        else:
            behind = raw - self._value
            self._value = self._value + self._promptness(raw - self._raw, behind, seconds) * behind
        self._raw = raw
        return self._value
