"""Scores of a network against held-out renders, inside the mask, where it is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mien.engines.swapnet.batch import Material
from mien.engines.swapnet.losses import laplacian, luma, ssim_map
from mien.engines.swapnet.network import Decoder, Encoder

_BATCH = 8
_DB_OF_SHARPNESS, _SHARP_ENOUGH = 5.0, 0.7


class Score(NamedTuple):
    """Means over samples and personas.

    Attributes:
        psnr: dB, inside the mask.
        ssim: inside the mask.
        sharpness: energy of the Laplacian inside the mask over the truth's.
        mask_iou: of the mask at 0.5.
        front_iou: of what is in front of the driver at 0.5; NaN where nothing is.
        named: mean absolute error of the named half.

    """

    psnr: float
    ssim: float
    sharpness: float
    mask_iou: float
    front_iou: float
    named: float

    @property
    def merit(self) -> float:
        """What the best state of a run has most of: dB, and 0.5 for each tenth of the truth's sharpness up to 0.7.

        The error alone is least where all that cannot be placed to the pixel is averaged away.
        """
        return self.psnr + _DB_OF_SHARPNESS * min(self.sharpness, _SHARP_ENOUGH)


@torch.no_grad()
def validate(
    encoder: Encoder,
    decoders: Mapping[str, Decoder],
    samples: Material,
    size_px: int,
    most: int,
    device: torch.device,
) -> Score:
    """Score on at most `most` samples, evenly over all of them, the decoders of those whose answers they have."""
    chosen = np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int).tolist()
    rng = np.random.default_rng(0)
    rows: list[tuple[float, ...]] = []
    fronts: list[float] = []
    off: list[float] = []
    for first in range(0, len(chosen), _BATCH):
        batch = samples.batch(chosen[first : first + _BATCH], size_px, rng, None)
        encoded = encoder(batch.pixels.to(device), batch.tracked.to(device))
        for name, answer in batch.answers.items():
            painted = decoders[name](encoded.named, encoded.free)
            pixels, mask = painted.pixels.float().cpu().clamp(0, 1), painted.masks[:, :1].float().cpu()
            rows += picture_scores(pixels, mask, answer.pixels, answer.mask)
        front = (encoded.front.float().cpu() > 0).float()
        fronts += _iou(front, (batch.front > 0.5).float())
        off.append(float((encoded.named.float().cpu() - batch.named).abs().nanmean()))
    psnr, ssim, sharp, iou = np.mean(np.array(rows), axis=0)
    with np.errstate(invalid="ignore"):
        front_iou = float(np.nanmean(fronts)) if np.isfinite(fronts).any() else float("nan")
    return Score(float(psnr), float(ssim), float(sharp), float(iou), front_iou, float(np.mean(off)))


def picture_scores(pixels: Tensor, mask: Tensor, truth: Tensor, true_mask: Tensor) -> list[tuple[float, ...]]:
    """(PSNR, SSIM, sharpness, IoU of the mask) of each of (B, 3, S, S) RGB 0..1 and (B, 1, S, S) mask logits."""
    inside = (true_mask > 0.5).float()
    area = inside.sum((1, 2, 3)).clamp(min=1)
    error = ((pixels - truth).square() * inside).sum((1, 2, 3)) / (3 * area)
    psnr = -10 * torch.log10(error.clamp(min=1e-10))
    few = inside[..., ::2, ::2]
    ssim = (ssim_map(luma(pixels), luma(truth)) * few).sum((1, 2, 3)) / few.sum((1, 2, 3)).clamp(min=1)
    sharp = (laplacian(pixels).square() * inside).sum((1, 2, 3)) / (laplacian(truth).square() * inside).sum((1, 2, 3))
    iou = _iou((mask > 0).float(), inside)
    return [(float(a), float(b), float(c), d) for a, b, c, d in zip(psnr, ssim, sharp, iou, strict=True)]


def _iou(one: Tensor, other: Tensor) -> list[float]:
    shared = (one * other).sum((1, 2, 3))
    either = ((one + other) > 0).float().sum((1, 2, 3))
    return [float(s / e) if e > 0 else float("nan") for s, e in zip(shared, either, strict=True)]
