"""Colour: a persona's patch moves towards the driver's light and skin.

Colour follows E. Reinhard et al., Color Transfer between Images (2001): mean and spread of the persona's skin move
towards the driver's. Three changes make it hold in video. The statistics are in CIE Lab and smoothed over time. The
spread is moved by half and within bounds, because a smooth rendered skin that is stretched to a camera's noise looks
mottled. And the Lab map is fitted, over the patch's own colours, by one affine map of BGR, which runs ten times
faster than two conversions and does not round through 8-bit Lab.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.blend_terms import STRENGTH, TIME_CONSTANT_S, sample_step
from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import Floats, Pixels

Mask = NDArray[np.uint8]

#: After a gap this long the statistics start afresh, seconds.
GAP_S: Final = 1.0

# Bounds for the change of spread, low and high: lightness, then the two colour axes, which mottle first.
_SPREAD_LIMITS = np.array([[0.7, 0.75, 0.75], [1.4, 1.2, 1.2]], np.float32)
# Statistics need this many samples.
_LEAST_SAMPLES = 48


@dataclass(frozen=True, slots=True, eq=False)
class LabStatistics:
    """Mean and standard deviation of L (0..100), a and b (about -127..127); each (3,) float32."""

    mean: Floats
    std: Floats


def lab_statistics(pixels: Pixels, mask: Mask) -> LabStatistics | None:
    """Colour statistics of `pixels` (h, w, 3) uint8 BGR where `mask` (h, w) uint8 is at least 128.

    Taken on a grid of at most about 56x56 samples. None when the mask holds too few of them to mean anything.
    """
    samples = _samples(pixels, mask)
    return None if samples is None else _statistics(_lab(samples))


class ColourMatcher:
    """Moves a patch's colours towards the driver's; one for each swapped person, called once a frame.

    Make a new one, or `reset`, when the persona changes. A gap in time resets it too.

    Args:
        strength: 0..1, the part of the difference in mean colour that is taken over.
        time_constant_s: of the exponential smoothing of both statistics.

    Raises:
        ValueError: a parameter out of its range.

    """

    def __init__(self, *, strength: float = STRENGTH, time_constant_s: float = TIME_CONSTANT_S) -> None:
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength must be 0 to 1, got {strength}.")
        if time_constant_s < 0.0:
            raise ValueError(f"time_constant_s must not be negative, got {time_constant_s}.")
        #: May be changed between two frames; 0..1.
        self.strength = strength
        self._time_constant_s = time_constant_s
        self._driver: LabStatistics | None = None
        self._patch: LabStatistics | None = None
        self._media_ns = 0

    def reset(self) -> None:
        """Forget the statistics: the next frame's are taken as they are."""
        self._driver = self._patch = None

    def __call__(self, seen: Pixels, patch: Pixels, mask: Mask, media_ns: int) -> Floats | None:
        """Give the (3, 4) float32 map of BGR for `patch`: ``out = map[:, :3] @ bgr + map[:, 3]``.

        Args:
            seen: (h, w, 3) uint8 BGR, the driver, in the patch's aligned frame.
            patch: (h, w, 3) uint8 BGR, the persona.
            mask: (h, w) uint8; statistics are taken where it is at least 128.
            media_ns: the frame's time; a step back or a gap starts the smoothing afresh.

        Returns:
            None when the mask is too small to tell anything.

        """
        driver, samples = lab_statistics(seen, mask), _samples(patch, mask)
        if driver is None or samples is None:
            return None
        lab = _lab(samples)
        self._follow(driver, _statistics(lab), media_ns)
        assert self._driver is not None
        assert self._patch is not None
        wanted = _moved(lab, self._patch, self._driver, self.strength)
        return _fit_bgr(samples, wanted)

    def _follow(self, driver: LabStatistics, patch: LabStatistics, media_ns: int) -> None:
        passed_s = (media_ns - self._media_ns) / NS_PER_S
        self._media_ns = media_ns
        if self._driver is None or self._patch is None or not 0.0 <= passed_s <= GAP_S:
            self._driver, self._patch = driver, patch
            return
        share = 1.0 - math.exp(-passed_s / self._time_constant_s) if self._time_constant_s > 0 else 1.0
        self._driver = _between(self._driver, driver, share)
        self._patch = _between(self._patch, patch, share)


def _samples(pixels: Pixels, mask: Mask) -> Floats | None:
    """(n, 3) float32 BGR in 0..1 of the grid's samples inside the mask, or None for too few."""
    step = sample_step(*mask.shape)
    found = pixels[::step, ::step][mask[::step, ::step] >= 128]
    if len(found) < _LEAST_SAMPLES:
        return None
    return np.asarray(found, np.float32) / np.float32(255)


def _lab(samples: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(samples[None], cv2.COLOR_BGR2Lab)[0], np.float32)


def _statistics(lab: Floats) -> LabStatistics:
    # OpenCV's: NumPy takes ten times as long along the long axis of three columns.
    mean, std = cv2.meanStdDev(lab[None])
    return LabStatistics(np.asarray(mean[:, 0], np.float32), np.asarray(std[:, 0], np.float32))


def _between(old: LabStatistics, new: LabStatistics, share: float) -> LabStatistics:
    part = np.float32(share)
    return LabStatistics(old.mean + (new.mean - old.mean) * part, old.std + (new.std - old.std) * part)


def _moved(lab: Floats, patch: LabStatistics, driver: LabStatistics, strength: float) -> Floats:
    """Move Lab samples as the statistics say."""
    low, high = _SPREAD_LIMITS
    # The square root of the ratio is half the way, in ratios; a floor keeps a flat patch from being blown up.
    ratio = np.sqrt((driver.std + np.float32(0.5)) / (patch.std + np.float32(0.5)))
    mean = patch.mean + np.float32(strength) * (driver.mean - patch.mean)
    return np.asarray((lab - patch.mean) * np.clip(ratio, low, high) + mean, np.float32)


def _fit_bgr(samples: Floats, wanted_lab: Floats) -> Floats:
    """Fit the affine BGR map that takes `samples` to `wanted_lab`, by least squares; (3, 4) float32 for 0..255.

    Fitted as a change from the identity with a small ridge, so that a patch of one colour only gets a shift.
    """
    wanted = np.clip(cv2.cvtColor(wanted_lab[None], cv2.COLOR_Lab2BGR)[0], 0, 1)
    change = wanted - samples
    middle, shift = (np.asarray(cv2.reduce(each, 0, cv2.REDUCE_AVG)[0], np.float32) for each in (samples, change))
    centred = samples - middle
    ridge = np.float32(len(samples) * (3 / 255) ** 2) * np.eye(3, dtype=np.float32)
    turn = np.linalg.solve(centred.T @ centred + ridge, centred.T @ (change - shift)).T
    colour = np.empty((3, 4), np.float32)
    colour[:, :3] = np.eye(3, dtype=np.float32) + turn
    colour[:, 3] = 255 * (shift - turn @ middle)
    return colour
