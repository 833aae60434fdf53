"""The opponent: tells a persona's renders from a decoder's pictures, patch by patch."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as fn
from torch.nn.utils.parametrizations import spectral_norm


class Discriminator(nn.Module):
    """Patches of 34 px are real or not (Isola and others 2017), under spectral norm (Miyato and others 2018)."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 4 * channels)
        self.downs = nn.ModuleList([spectral_norm(nn.Conv2d(given, made, 4, 2, 1)) for given, made in pairwise(widths)])
        self.last = spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, S, S) RGB 0..1 to (B, 1, S/8, S/8) scores, greater for real, and to the features of each layer."""
        features: list[Tensor] = []
        x = pixels * 2 - 1
        for down in self.downs:
            x = fn.leaky_relu(down(x), 0.2)
            features.append(x)
        return self.last(x), features


def opponents_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim and Ye 2017)."""
    return fn.relu(1 - real).mean() + fn.relu(1 + made).mean()


def features_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Mean distance of features, so that the decoder learns from what the opponent looks at."""
    total = made[0].new_zeros(())
    for one, other in zip(real, made, strict=True):
        total = total + (one.detach() - other).abs().mean()
    return total / len(made)
