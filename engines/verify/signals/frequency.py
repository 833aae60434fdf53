"""How fast the spectrum of the face falls, against that of its surroundings. A generated face may lack fine detail.

After Durall, Keuper and Keuper, "Watch your up-convolution", CVPR 2020 (the radial spectrum's high end), and Frank et
al., "Leveraging frequency analysis for deep fake image recognition", ICML 2020.
"""

from __future__ import annotations

import numpy as np

from mien.engines.verify.signals.numbers import median_known
from mien.engines.verify.signals.sight import Luma, Sight, Sights
from mien.realtime.frame import Floats

#: Side of a patch in parts of the face's width; smaller ones than this many px are not measured.
_SIDE, _LEAST_PX = 0.42, 32
#: Cycles a pixel between which the line is fitted: below lies the picture's content, above the sampling's own fall.
_FROM, _TO = 0.08, 0.45


def frequency_slope(sights: Sights) -> float:
    """Exponent of the face's radial power spectrum less that of its surroundings; negative where it falls faster."""
    return median_known(_difference(sight) for sight in sights)


def spectrum_slope(patch: Floats) -> float:
    """Exponent b of power ~ frequency ** b in a square patch, radially averaged, by least squares on the logarithms."""
    side = patch.shape[0]
    window = np.hanning(side).astype(np.float32)
    power = np.abs(np.fft.fft2((patch - patch.mean()) * window[:, None] * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    ring = np.rint(frequency * side).astype(int).ravel()
    counts = np.maximum(np.bincount(ring), 1)
    radial = np.bincount(ring, power.ravel()) / counts
    at = np.arange(len(radial)) / side
    used = (at >= _FROM) & (at <= _TO)
    slope, _ = np.polyfit(np.log(at[used]), np.log(radial[used] + 1e-3), 1)
    return float(slope)


def _difference(sight: Sight) -> float:
    side = int(_SIDE * sight.width_px)
    if sight.luma is None or side < _LEAST_PX:
        return float("nan")
    points = sight.landmarks[:468, :2] - np.array(sight.origin, np.float32)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    x, y = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    face = _patch(sight.luma, x, y, side)
    around = [
        _patch(sight.luma, *corner, side)
        for corner in ((x0 - side, y), (x1, y), (x, y0 - side), (x, y1))
    ]  # fmt: skip
    slopes = [spectrum_slope(patch) for patch in around if patch is not None]
    if face is None or not slopes:
        return float("nan")
    return spectrum_slope(face) - float(np.mean(slopes))


def _patch(luma: Luma, x: float, y: float, side: int) -> Floats | None:
    """The square at (x, y), or None where it does not lie wholly in the picture."""
    left, top = int(x), int(y)
    if min(left, top) < 0 or left + side > luma.shape[1] or top + side > luma.shape[0]:
        return None
    return luma[top : top + side, left : left + side].astype(np.float32)
