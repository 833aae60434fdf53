"""Colours of skin and lips along the Monk Skin Tone scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.look import Look

Floats = NDArray[np.float32]

#: The ten swatches of the Monk Skin Tone scale, sRGB: E. Monk, "The Monk Skin Tone Scale", 2019; skintone.google.
MONK_SWATCHES = (
    "f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420",
)  # fmt: skip
#: From swatch to albedo, channel by channel, at the ten tones. A swatch is what a lit face looks like on a screen:
#: as a diffuse reflectance the light ones are brighter and greyer than any skin, which reflects at most about two
#: thirds in red and lacks green and blue by its blood, and the darkest are below skin's own surface reflection, so
#: dark that a tracker lost some of those faces in dim rooms.
_TO_ALBEDO = np.array(
    [
        [0.76, 0.595, 0.53],
        [0.74, 0.585, 0.52],
        [0.67, 0.53, 0.51],
        [0.66, 0.53, 0.535],
        [0.66, 0.54, 0.585],
        [0.95, 0.88, 1.12],
        [1.00, 1.07, 1.18],
        [1.18, 1.30, 1.28],
        [2.5, 1.80, 1.62],
        [3.9, 2.95, 2.70],
    ]
)


def linear(code: str) -> NDArray[np.float64]:
    """(3,) linear RGB of a six-digit sRGB code."""
    srgb = np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)]) / 255.0
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


_ALBEDOS = np.stack([linear(code) for code in MONK_SWATCHES]) * _TO_ALBEDO


def monk_tone(melanin: float) -> int:
    """Which of the ten tones, 1 to 10, a melanin of 0..1 falls into; each has the same share of the range."""
    return min(int(melanin * len(MONK_SWATCHES)), len(MONK_SWATCHES) - 1) + 1


def skin_tone(look: Look) -> Floats:
    """(3,) linear RGB albedo: the tone at the middle of each tenth of melanin, between them a blend."""
    places = (np.arange(len(_ALBEDOS)) + 0.5) / len(_ALBEDOS)
    logs = np.log(_ALBEDOS)
    tone = np.exp([np.interp(look.melanin, places, logs[:, channel]) for channel in range(3)])
    golden = (look.undertone - 0.5) * np.array([0.0, 0.05, -0.20])
    blood = (look.redness - 0.4) * np.array([0.02, -0.10, -0.07]) * (1.0 - 0.5 * look.melanin)
    return np.asarray(tone * np.exp(golden + blood), dtype=np.float32)


def lip_tone(look: Look) -> Floats:
    """(3,) linear RGB albedo of bare lips: full of blood where skin is fair, brown where it is dark."""
    share = look.melanin**1.4
    rose = np.array([0.80, 0.44, 0.47]) * (1.0 - share) + np.array([0.86, 0.70, 0.76]) * share
    blood = np.array([0.030, 0.004, 0.010]) * share
    men = 1.0 + 0.12 * look.gender * np.array([0.0, 1.0, 0.8])
    return np.asarray(skin_tone(look) * rose * men + blood, dtype=np.float32)
