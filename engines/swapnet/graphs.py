"""Encoder and decoder as they are played and exported, with what a runtime is given and gives."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.engines.swapnet.network import Decoder, Encoder


class EncoderGraph(nn.Module):
    """The encoder as it is played: the named half, the free half, and what is in front as a share 0..1."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pixels: Tensor, tracked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(1, 3, 128, 128) RGB 0..1 and (1, `TRACKED_SIZE`) to (1, `NAMED`), (1, free), (1, 1, 64, 64)."""
        encoded = self.encoder(pixels, tracked)
        return encoded.named, encoded.free, torch.sigmoid(encoded.front)


class DecoderGraph(nn.Module):
    """A decoder as it is played: one picture of five channels, as the blend takes them."""

    share: Tensor

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer("share", torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1))

    def forward(self, named: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves of the code to (1, S, S, 5) float32 0..255 and to `mien.engines.swapnet.texture.dressed`'s where.

        The five are red, green, blue, face, wet. Channels are told apart by arithmetic: slices and concatenations of so
        large an output took a tenth of the decoder's time in OpenVINO.
        """
        painted, where = self.decoder.paint(named, free)
        where = where * (1 - self.share) + torch.sigmoid(where) * self.share
        return (torch.sigmoid(painted) * 255).permute(0, 2, 3, 1), where.permute(0, 2, 3, 1)
