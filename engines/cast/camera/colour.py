"""Colour science that light, backdrops and the webcam share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Triple = tuple[float, float, float]

#: Share of each linear sRGB primary in luminance (IEC 61966-2-1).
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_TO_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
#: The approximation's own bounds.
COLDEST_K, HOTTEST_K = 1667.0, 25000.0


def black_body(kelvin: float) -> Floats:
    """(3,) float32: the colour of a glowing body in linear sRGB, its luminance 1; D65 daylight is near 6500 K.

    Chromaticity by the cubic splines of Kim et al., "Design of advanced color temperature control system for HDTV
    applications", J. Korean Physical Society 41 (2002); colours outside sRGB are clipped.
    """
    t = float(np.clip(kelvin, COLDEST_K, HOTTEST_K))
    if t <= 4000.0:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222.0:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000.0:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    rgb = np.maximum(_TO_SRGB @ np.array([x / y, 1.0, (1.0 - x - y) / y]), 0.0)
    return np.asarray(rgb / (LUMA @ rgb), dtype=np.float32)


def hue(turn: float, saturation: float) -> Floats:
    """(3,) float32: a coloured LED, its largest part 1. turn 0..1 runs red, green, blue; saturation 0..1."""
    phase = np.abs((turn * 6.0 - np.array([0.0, 2.0, 4.0]) + 3.0) % 6.0 - 3.0)
    return np.asarray(1.0 - saturation + saturation * np.clip(2.0 - phase, 0.0, 1.0), dtype=np.float32)


def f32(values: ArrayLike) -> Floats:
    """The same values as a float32 array; without a copy if they are one."""
    return np.asarray(values, dtype=np.float32)


def triple(rgb: Floats) -> Triple:
    """Three plain floats."""
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def encoded(linear: Floats) -> Floats:
    """The transfer curve of sRGB (IEC 61966-2-1), linear 0..1 to 0..1, float32; values outside are clipped."""
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x, 1 / 2.4) - 0.055).astype(np.float32)


def decoded(display: Floats) -> Floats:
    """The inverse of `encoded`, 0..1 to linear 0..1, float32."""
    x = np.clip(display, 0.0, 1.0)
    return np.where(x <= 0.04045, x / 12.92, np.power((x + 0.055) / 1.055, 2.4)).astype(np.float32)
