"""The One-Euro filter: a low-pass whose cut-off rises with speed, so that rest is steady and motion is prompt.

Casiez, Roussel, Vogel: "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems", CHI 2012, section 3 and algorithm 1; here for arrays, with a speed that several values may share.
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
        beta: rise of the cut-off, Hz per (unit per second).
        speed_cutoff_hz: cut-off of the speed's own low-pass, Hz.
        dead_speed: speed, units per second, that counts as rest: what noise alone makes.
    """

    min_cutoff_hz: float
    beta: float
    speed_cutoff_hz: float = 1.0
    dead_speed: float = 0.0

    def __post_init__(self) -> None:
        if not (
            self.min_cutoff_hz > 0 and self.speed_cutoff_hz > 0 and self.beta >= 0 and self.dead_speed >= 0
        ):
            raise ConfigError(
                f"One-Euro cut-offs must be above 0, beta and dead_speed not below; got {self}."
            )


def smoothing_factor(cutoff_hz: Floats | float, seconds: float) -> Floats:
    """Weight of the new value in a first-order low-pass, 0..1 (the paper's equation for alpha)."""
    ratio = np.asarray(2.0 * math.pi * seconds * cutoff_hz, np.float32)
    return ratio / (ratio + np.float32(1.0))


class OneEuro:
    """Filters arrays of one constant shape (..., K), element by element.

    Args:
        params: how much.
    """

    def __init__(self, params: OneEuroParams) -> None:
        self._params = params
        self._raw: Floats | None = None
        self._value: Floats | None = None
        self._speed: Floats | None = None

    def __call__(self, raw: Floats, seconds: float) -> Floats:
        """The filtered value, `seconds` (> 0) after the call before; the first value comes back as it is."""
        if self._raw is None or self._value is None or self._speed is None:
            self._raw, self._value, self._speed = raw, raw, np.zeros_like(raw)
            return raw
        params = self._params
        weight = smoothing_factor(params.speed_cutoff_hz, seconds)
        self._speed = self._speed + weight * ((raw - self._raw) / np.float32(seconds) - self._speed)
        magnitude = np.maximum(np.abs(self._speed) - np.float32(params.dead_speed), np.float32(0.0))
        cutoff = np.float32(params.min_cutoff_hz) + np.float32(params.beta) * magnitude
        self._value = self._value + smoothing_factor(cutoff, seconds) * (raw - self._value)
        self._raw = raw
        return self._value
