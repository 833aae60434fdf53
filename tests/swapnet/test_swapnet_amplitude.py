from __future__ import annotations

from pathlib import Path

import pytest
import torch
from swapnet_parts import toy_shards
from torch import Tensor, nn

from mien.engines.swapnet.amplitude import MOST_GAIN, amplify, code_gains
from mien.engines.swapnet.code import NAMED, NAMED_INDEX, TRACKED_SIZE
from mien.engines.swapnet.dataset import Samples
from mien.engines.swapnet.network import Encoded


class Shy(nn.Module):
    """Stands for an encoder that says a known part of the truth: the toy shards tell it."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.named = nn.Linear(TRACKED_SIZE, len(NAMED))
        self.named.weight.data = share * torch.eye(len(NAMED), TRACKED_SIZE)
        nn.init.zeros_(self.named.bias)

    def forward(self, _pixels: Tensor, tracked: Tensor) -> Encoded:
        return Encoded(self.named(tracked), torch.zeros(len(tracked), 4), None, torch.zeros(len(tracked), 1, 64, 64))


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    toy_shards(tmp_path, ("toy",))
    return Samples(tmp_path, ("toy",))


def test_what_is_said_by_three_quarters_is_said_whole(samples: Samples) -> None:
    encoder = Shy(0.75)
    gains = code_gains(encoder, samples, torch.device("cpu"))  # type: ignore[arg-type]
    assert gains[NAMED_INDEX["jawOpen"]] == pytest.approx(1 / 0.75, abs=0.02)
    # What the samples never move, and the head's place in the picture, stay.
    assert gains[NAMED_INDEX["mouthPucker"]] == 1
    assert gains[NAMED_INDEX["headYaw"]] == 1
    amplify(encoder, gains)  # type: ignore[arg-type]
    assert code_gains(encoder, samples, torch.device("cpu"))[NAMED_INDEX["jawOpen"]] == pytest.approx(1, abs=0.01)  # type: ignore[arg-type]


def test_no_gain_is_below_one_or_above_the_most(samples: Samples) -> None:
    for share, gain in ((1.6, 1.0), (0.2, MOST_GAIN)):
        found = code_gains(Shy(share), samples, torch.device("cpu"))  # type: ignore[arg-type]
        assert found[NAMED_INDEX["jawOpen"]] == gain
