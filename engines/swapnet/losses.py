"""What a swap network is judged by while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as fn

if TYPE_CHECKING:
    from mien.engines.swapnet.batch import Answer
    from mien.engines.swapnet.network import Encoded

#: Outside of the mask nothing is shown; a little weight keeps the border calm.
_OUTSIDE = 0.05
#: How much more a difference between neighbours' lookups counts than one that they share.
_TORN = 4.0
#: Side of the windows in which as much detail is asked for as there is, px, and what counts as none.
_WINDOW_PX, _NO_DETAIL = 8, 0.004
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each loss counts.

    Attributes:
        detail: how much more the eyes and the mouth count in every picture loss.
        gradient: of differences between neighbours, which keep edges sharp.
        structure: of 1 - SSIM over three scales (Wang, Simoncelli, Bovik 2003).
        mask: of the masks' cross-entropy.
        detail_energy: of how much detail there is, wherever in a small window it lies.
        place: of the distance, in half sides, between where a pixel is looked up in the texture and where it lies.
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
    detail_energy: float = 0.5
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
        "detail": weights.detail_energy * energy_loss(shown(pixels, answer), answer.pixels, focus),
        "mask": weights.mask * fn.binary_cross_entropy_with_logits(masks, torch.cat([answer.mask, answer.wet], 1)),
    }


def shown(pixels: Tensor, answer: Answer) -> Tensor:
    """What is drawn where the mask shows it, the truth elsewhere: nothing is to be learnt from the rest."""
    return pixels * answer.mask + answer.pixels * (1 - answer.mask)


def energy_loss(pixels: Tensor, truth: Tensor, focus: Tensor) -> Tensor:
    """Mean difference of the strength of the luma's Laplacian in windows of 8 px, weighted by (B, 1, S, S) `focus`.

    Colour and gradient are least wrong where what cannot be placed exactly is averaged away; this asks for as much of
    it as the truth has.
    """
    one, other = (
        (fn.avg_pool2d(laplacian(each).square(), _WINDOW_PX, _WINDOW_PX // 2) + _NO_DETAIL**2).sqrt()
        for each in (pixels, truth)
    )
    return ((one - other).abs() * fn.avg_pool2d(focus, _WINDOW_PX, _WINDOW_PX // 2)).mean()


def laplacian(pixels: Tensor) -> Tensor:
    """(B, 1, S, S) of the luma of (B, 3, S, S) RGB."""
    grey = luma(pixels)
    padded = fn.pad(grey, (1, 1, 1, 1), mode="replicate")
    return padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:] - 4 * grey


def place_loss(moved: Tensor, places: Tensor, weights: Weights) -> Tensor:
    """Mean distance of where pixels are looked up from where they lie, as far as that is known.

    Args:
        moved: (B, 2, S/2, S/2), see `network.Painted`.
        places: (B, 3, S/2, S/2), see `dataset.Answer`.
        weights: how much it counts.

    """
    known = places[:, 2:]
    off = moved - places[:, :2]
    # A map that is off as a whole moves a brow; one that is off in another way at each pixel tears it.
    across, down = known[..., 1:] * known[..., :-1], known[..., 1:, :] * known[..., :-1, :]
    torn = ((off[..., 1:] - off[..., :-1]).abs() * across).sum() + (
        (off[..., 1:, :] - off[..., :-1, :]).abs() * down
    ).sum()
    return weights.place * ((off.abs() * known).sum() + _TORN * torn) / (2 * known.sum()).clamp(min=1)


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
