"""What an encoder that learns on from recordings is held to: what it said before.

Recordings have no true code. Left to the pictures alone, the named half of the code would come to mean whatever paints
best, and edits, limits and the map of what is in front would mean nothing any more. So where the truth is not known,
the encoder that a run began with says it (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network",
2015); the free half is free to learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mien.engines.swapnet.batch import Batch
from mien.engines.swapnet.network import Encoder, EncoderSpec


class Teacher:
    """An encoder that no longer learns.

    Args:
        spec: what it reads.
        weights: its own.
        device: where it answers.

    """

    def __init__(self, spec: EncoderSpec, weights: Mapping[str, Tensor], device: torch.device) -> None:
        self._encoder = Encoder(spec)
        self._encoder.load_state_dict(dict(weights))
        self._encoder.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._encoder.eval()

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Batch:
        """The batch with its code and its map of what is in front filled in where they are not known."""
        unknown = torch.isnan(batch.named)
        if not unknown.any():
            return batch
        said = self._encoder(batch.pixels, batch.tracked)
        named = torch.where(unknown, said.named.float(), batch.named)
        recorded = unknown.any(dim=1)[:, None, None, None]
        return replace(batch, named=named, front=torch.where(recorded, said.front.float().sigmoid(), batch.front))
