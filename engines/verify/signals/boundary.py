"""The face against what is just outside its outline: noise, and the seam itself. A pasted face brings its own noise.

Noise after Immerkaer, "Fast noise variance estimation", CVIU 1996, in the smoothest cells of each side; the idea of
looking at both sides of a blend after Li et al., "Face X-ray for more general face forgery detection", CVPR 2020.
"""

from __future__ import annotations

import cv2
import numpy as np

from mien.engines.verify.signals.numbers import decibels, median_known
from mien.engines.verify.signals.sight import Sight, Sights
from mien.realtime.frame import Floats

#: Widths in parts of the face's: of each side that is compared, of the seam, and of the gap beside the seam.
_SIDE, _SEAM, _GAP = 0.18, 0.02, 0.03
#: Cells in which the noise is measured, px, and the share of them that is smooth enough.
_CELL_PX, _SMOOTH = 8, 20
#: Fewer pixels on one side say nothing.
_LEAST_PIXELS = 400
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def boundary_noise(sights: Sights) -> float:
    """Noise inside the outline over that outside, dB; 0 where both are alike, negative where the face is smoother."""
    return median_known(_noise_db(sight) for sight in sights if sight.luma is not None)


def boundary_seam(sights: Sights) -> float:
    """Fine detail on the outline over that on both of its sides, dB."""
    return median_known(_seam_db(sight) for sight in sights if sight.luma is not None)


def noise_level(luma: Floats, mask: Floats) -> float:
    """Standard deviation of the noise in the smoothest cells that lie wholly in `mask` (0 or 1); NaN for too few."""
    rough = np.abs(cv2.filter2D(luma, cv2.CV_32F, _IMMERKAER)) * np.float32(np.sqrt(np.pi / 2) / 6)
    cells = _cells(rough)[_cells(mask) == 1.0]
    if cells.size * _CELL_PX**2 < _LEAST_PIXELS:
        return float("nan")
    return float(np.percentile(cells, _SMOOTH))


def _noise_db(sight: Sight) -> float:
    luma, side = _luma(sight), _SIDE * sight.width_px
    gap = _GAP * sight.width_px
    inside = ((sight.depth > gap) & (sight.depth < side)).astype(np.float32)
    outside = ((sight.depth < -gap) & (sight.depth > -side)).astype(np.float32)
    return decibels(noise_level(luma, inside), noise_level(luma, outside))


def _seam_db(sight: Sight) -> float:
    detail = np.abs(cv2.Laplacian(_luma(sight), cv2.CV_32F, ksize=3))
    away = np.abs(sight.depth) / np.float32(max(sight.width_px, 1.0))
    seam, flanks = detail[away < _SEAM], detail[(away > _GAP) & (away < _SIDE)]
    if min(seam.size, flanks.size) < _LEAST_PIXELS // 4:
        return float("nan")
    return decibels(float(seam.mean()), float(flanks.mean()))


def _luma(sight: Sight) -> Floats:
    return np.asarray(sight.luma, np.float32)


def _cells(values: Floats) -> Floats:
    """Means of whole cells of `_CELL_PX` squared."""
    rows, columns = (side // _CELL_PX for side in values.shape)
    cut = values[: rows * _CELL_PX, : columns * _CELL_PX]
    means: Floats = cut.reshape(rows, _CELL_PX, columns, _CELL_PX).mean(axis=(1, 3))
    return means
