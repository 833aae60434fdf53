"""Gives the named half of the code back the amplitude that it loses while it is learnt.

An encoder that is judged by its squared error says what it expects, and of an expression that it reads unsurely that is
always less than what is there (regression to the mean): a smile arrives as three quarters of one. A gain for each name
makes the code vary as much as the truth does. It is a gain about zero: a resting face lies there, and has to stay so.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from mien.engines.swapnet.code import NAMED
from mien.engines.swapnet.dataset import Samples
from mien.engines.swapnet.network import Encoder
from mien.realtime.frame import Floats

#: What is read worst is not amplified as much as it lacks: its noise would be too.
MOST_GAIN: Final = 1.5
_MOST_SAMPLES, _BATCH = 768, 16
#: A name that the samples hardly ever move keeps its gain of 1.
_LEAST_STD = 0.02


@torch.no_grad()
def codes_said(encoder: Encoder, samples: Samples, chosen: NDArray[np.int64], device: torch.device) -> Floats:
    """(N, `NAMED`) float32, what an encoder says of some samples, seen as the live path sees them."""
    rng = np.random.default_rng(0)
    said = []
    for first in range(0, len(chosen), _BATCH):
        batch = samples.batch(chosen[first : first + _BATCH].tolist(), None, rng, None)
        said.append(encoder(batch.pixels.to(device), batch.tracked.to(device)).named.float().cpu().numpy())
    return np.concatenate(said)


@torch.no_grad()
def code_gains(encoder: Encoder, samples: Samples, device: torch.device) -> Floats:
    """(`NAMED`,) float32, 1..`MOST_GAIN`: deviation of the truth over that of what the encoder says of it.

    Args:
        encoder: trained, on `device`.
        samples: what it learnt from, not what judges it; seen as the live path sees them.
        device: torch's.

    """
    chosen = np.linspace(0, len(samples) - 1, min(len(samples), _MOST_SAMPLES)).round().astype(int)
    guess, truth = codes_said(encoder, samples, chosen, device), samples.named(chosen)
    gains = np.ones(len(NAMED), np.float32)
    for index in range(len(NAMED)):
        known = np.isfinite(truth[:, index])
        if known.sum() < 2 or truth[known, index].std() < _LEAST_STD:
            continue
        ratio = truth[known, index].std() / max(float(guess[known, index].std()), 1e-6)
        gains[index] = np.clip(ratio, 1.0, MOST_GAIN)
    # The head's angles are where the face lies in the picture, and are read well; they stay as they are.
    gains[[NAMED.index(name) for name in ("headYaw", "headPitch")]] = 1.0
    return gains


@torch.no_grad()
def amplify(encoder: Encoder, gains: Floats) -> None:
    """Multiply the named half of what an encoder says, in place: by its last layer, at no cost when it plays."""
    factor = torch.from_numpy(gains).to(encoder.named.weight)
    encoder.named.weight.mul_(factor[:, None])
    encoder.named.bias.mul_(factor)
