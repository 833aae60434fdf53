"""A drawn face against the exact one: distances inside the mask, and where a tracker sees the landmarks."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats, Pixels

Mask = NDArray[np.uint8]

#: Outer corners of the eyes.
_EYES = (33, 263)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WINDOW = (7, 7)


class PairedScore(NamedTuple):
    """One picture.

    Attributes:
        psnr: dB, of BGR inside the mask.
        ssim: of luma inside the mask, windows of 7 px (Wang and others 2004).
        sharpness: energy of the luma's Laplacian inside the mask over the truth's; 1 is as sharp.
        iou: of the drawn mask and the true one at one half.

    """

    psnr: float
    ssim: float
    sharpness: float
    iou: float


def paired_score(drawn: Pixels, mask: Mask, truth: Pixels, true_mask: Mask, inside: Mask | None = None) -> PairedScore:
    """Compare (S, S, 3) uint8 BGR pictures and their (S, S) uint8 masks.

    Args:
        drawn: by an engine.
        mask: what it shows of it.
        truth: rendered.
        true_mask: the face in it.
        inside: where pictures are compared; the true mask by default.

    Raises:
        ValueError: nothing lies inside, or sizes differ.

    """
    if not drawn.shape[:2] == mask.shape == truth.shape[:2] == true_mask.shape:
        raise ValueError(f"sizes differ: {drawn.shape}, {mask.shape}, {truth.shape}, {true_mask.shape}.")
    where = (true_mask if inside is None else inside) > 127
    if not where.any():
        raise ValueError("nothing lies inside the mask.")
    error = float(np.square(drawn[where].astype(np.float64) - truth[where]).mean())
    psnr = 10 * math.log10(255**2 / max(error, 1e-6))
    one, other = (cv2.cvtColor(each, cv2.COLOR_BGR2GRAY).astype(np.float32) for each in (drawn, truth))
    edges = [float(np.square(cv2.Laplacian(each, cv2.CV_32F)[where]).mean()) for each in (one, other)]
    both, either = (mask > 127) & (true_mask > 127), (mask > 127) | (true_mask > 127)
    ssim = float(_ssim(one.astype(np.float32), other.astype(np.float32))[where].mean())
    return PairedScore(psnr, ssim, edges[0] / max(edges[1], 1e-6), float(both.sum() / max(either.sum(), 1)))


def landmark_error(seen: Floats, true: Floats) -> float:
    """Mean distance of (478, 2 or 3) landmarks, px, in percent of the distance of the true outer eye corners."""
    eyes = float(np.linalg.norm(true[_EYES[0], :2] - true[_EYES[1], :2]))
    return 100 * float(np.linalg.norm(seen[:, :2] - true[:, :2], axis=1).mean()) / max(eyes, 1e-6)


def _ssim(one: Floats, other: Floats) -> Floats:
    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.blur(values, _WINDOW, borderType=cv2.BORDER_REFLECT_101), np.float32)

    mean_one, mean_other = mean(one), mean(other)
    both, squares = mean_one * mean_other, mean_one**2 + mean_other**2
    variances = mean(one * one) + mean(other * other) - squares
    shared = mean(one * other) - both
    ssim = ((2 * both + _C1) * (2 * shared + _C2)) / ((squares + _C1) * (variances + _C2))
    return np.asarray(ssim, np.float32)
