"""What a swap network is judged by while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as fn

from mien.engines.swapnet.engine import MARGIN
from mien.realtime.aligner import HEAD_HEIGHT_CM
from mien.realtime.face import SKIN_LANDMARK_COUNT
from mien.realtime.head import head_model

if TYPE_CHECKING:
    from mien.engines.swapnet.dataset import Answer
    from mien.engines.swapnet.network import Encoded

#: Outside of the mask nothing is shown; a little weight keeps the border calm.
_OUTSIDE = 0.05
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each loss counts.

    Attributes:
        detail: how much more the eyes and the mouth count in every picture loss.
        gradient: of differences between neighbours, which keep edges sharp.
        structure: of 1 - SSIM over three scales (Wang, Simoncelli, Bovik 2003).
        mask: of the masks' cross-entropy.
        place: of the distance, in half sides, between where a landmark is looked up in the texture and its own place.
        named: of the squared error of the named half.
        front: of the cross-entropy of what is before the face.
        divergence: of the free half from a normal distribution, variational encoders only.
        adversarial: of what the discriminator says, from the warm-up on.
        features: of the discriminator's features (Wang and others 2018, pix2pixHD).

    """

    detail: float = 4.0
    gradient: float = 1.0
    structure: float = 0.1
    mask: float = 0.1
    place: float = 2.0
    named: float = 0.5
    front: float = 0.1
    divergence: float = 1e-4
    adversarial: float = 0.02
    features: float = 0.1


def picture_losses(pixels: Tensor, masks: Tensor, answer: Answer, weights: Weights) -> dict[str, Tensor]:
    """Each loss of (B, 3, S, S) RGB and (B, 2, S, S) masks' logits against a persona's answer, already weighted."""
    focus = (_OUTSIDE + (1 - _OUTSIDE) * answer.mask) * (1 + (weights.detail - 1) * answer.detail)
    focus = focus / focus.mean()
    off = pixels - answer.pixels
    across, down = off[..., 1:] - off[..., :-1], off[..., 1:, :] - off[..., :-1, :]
    gradient = (across.abs() * focus[..., 1:]).mean() + (down.abs() * focus[..., 1:, :]).mean()
    return {
        "colour": (off.abs() * focus).mean(),
        "gradient": weights.gradient * gradient,
        "structure": weights.structure * (1 - structure(pixels, answer.pixels, focus)),
        "mask": weights.mask * fn.binary_cross_entropy_with_logits(masks, torch.cat([answer.mask, answer.wet], 1)),
    }


def place_loss(moved: Tensor, landmarks: Tensor, weights: Weights) -> Tensor:
    """Mean distance of where (B, 468, 2) landmarks, -1..1 of the square, are looked up from the canonical face's.

    Args:
        moved: (B, 2, S/2, S/2), see `network.Painted`.
        landmarks: right and down of the middle, half sides.
        weights: how much it counts.

    """
    # From the first pixel's middle to its edge, which is what this call counts from.
    inner = 1 - 1 / (2 * moved.shape[-1])
    at = fn.grid_sample(moved, inner * landmarks[:, None], align_corners=False, padding_mode="border")[:, :, 0]
    off = at.transpose(1, 2) + landmarks - canonical_places().to(landmarks)
    return weights.place * off.abs().mean()


@cache
def canonical_places() -> Tensor:
    """(468, 2) float32: the canonical face seen from the front, in half sides of the network's square."""
    points = head_model().landmarks[:SKIN_LANDMARK_COUNT, :2]
    middle = (points.min(0) + points.max(0)) / 2
    return torch.from_numpy((points - middle) / (MARGIN * HEAD_HEIGHT_CM / 2))


def code_losses(encoded: Encoded, named: Tensor, front: Tensor, weights: Weights) -> dict[str, Tensor]:
    """Losses of what the encoder says, against (B, `NAMED`) truth (NaN where unknown) and (B, 1, 64, 64) maps."""
    known = torch.isfinite(named)
    off = torch.where(known, encoded.named - torch.nan_to_num(named), 0.0)
    losses = {
        "named": weights.named * off.square().sum() / known.sum().clamp(min=1),
        "front": weights.front * fn.binary_cross_entropy_with_logits(encoded.front, front),
    }
    if encoded.spread is not None:
        divergence = 0.5 * (encoded.free.square() + encoded.spread.exp() - 1 - encoded.spread).sum(1).mean()
        losses["divergence"] = weights.divergence * divergence
    return losses


def structure(one: Tensor, other: Tensor, focus: Tensor | None = None, scales: int = 3) -> Tensor:
    """Mean SSIM of the luma of (B, 3, S, S) RGB 0..1 over scales, weighted by (B, 1, S, S) `focus`."""
    one, other = luma(one), luma(other)
    total = one.new_zeros(())
    for scale in range(scales):
        if scale:
            one, other = fn.avg_pool2d(one, 2), fn.avg_pool2d(other, 2)
            focus = None if focus is None else fn.avg_pool2d(focus, 2)
        local = ssim_map(one, other)
        few = None if focus is None else focus[..., ::2, ::2]
        total = total + (local.mean() if few is None else (local * few).mean() / few.mean())
    return total / scales


def luma(pixels: Tensor) -> Tensor:
    """(B, 1, S, S) of (B, 3, S, S) RGB, with the weights of Rec. 601."""
    red, green, blue = pixels.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(1).contiguous()


def ssim_map(one: Tensor, other: Tensor) -> Tensor:
    """(B, 1, S/2, S/2) structural similarity of lumas in windows of 7 px around every other (Wang and others 2004)."""
    # The five means in one go, by row and then by column, at every other place: whole, they took half of a step.
    maps = torch.cat([one, other, one * one, other * other, one * other], 1)
    maps = fn.pad(maps, (3, 3, 3, 3), mode="reflect")
    maps = fn.avg_pool2d(fn.avg_pool2d(maps, (7, 1), (2, 1)), (1, 7), (1, 2))
    mean_one, mean_other, square_one, square_other, shared = maps.chunk(5, 1)
    both, squares = mean_one * mean_other, mean_one.square() + mean_other.square()
    return ((2 * both + _C1) * (2 * (shared - both) + _C2)) / (
        (squares + _C1) * (square_one + square_other - squares + _C2)
    )
