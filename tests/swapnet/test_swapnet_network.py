from __future__ import annotations

import pytest
import torch

from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.network import Decoder, Encoder, EncoderSpec, gflop
from mien.engines.swapnet.sizes import SIZES, Size, size_named
from mien.realtime.errors import ConfigError

#: Greatest cost of encoder and decoder together, billions of operations.
BUDGET = {"small": 2.5, "base": 6.0, "large": 20.0}
#: All that ships: one encoder, two decoders of each of two sizes, in half precision.
MOST_SHIPPED_MB = 25


def parameters(module: torch.nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def inputs(count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, 128, 128, generator=generator), torch.randn(count, TRACKED_SIZE, generator=generator)


@pytest.mark.parametrize("name", list(SIZES))
def test_a_decoder_paints_its_size_and_two_masks(name: str) -> None:
    decoder = Decoder(SIZES[name], 16)
    pixels, masks, moved = decoder(torch.randn(2, len(NAMED)), torch.randn(2, 16))
    assert moved.shape == (2, 2, SIZES[name].size_px // 2, SIZES[name].size_px // 2)
    assert pixels.shape == (2, 3, SIZES[name].size_px, SIZES[name].size_px)
    assert masks.shape == (2, 2, SIZES[name].size_px, SIZES[name].size_px)
    assert 0 <= float(pixels.detach().min()) <= float(pixels.detach().max()) <= 1


@pytest.mark.parametrize(("name", "most"), list(BUDGET.items()))
def test_a_size_keeps_its_budget(name: str, most: float) -> None:
    encoder, decoder = Encoder(EncoderSpec()), Decoder(SIZES[name], 128)
    code = encoder(*inputs())
    cost = gflop(encoder, inputs()) + gflop(decoder, (code.named, code.free))
    assert 0.2 * most < cost <= most


def test_what_ships_fits_its_budget() -> None:
    decoders = [Decoder(SIZES[n], 128) for n in ("small", "base")]
    weights = parameters(Encoder(EncoderSpec())) + 2 * sum(parameters(each) - each.texture.numel() for each in decoders)
    # A texture is a PNG, as text: 0.4 bytes a number, and at most three quarters are allowed for here.
    textures = 2 * sum(each.texture.numel() for each in decoders)
    assert (2 * weights + 0.75 * textures) / 1e6 <= MOST_SHIPPED_MB


def test_an_encoder_gives_both_halves_and_what_is_in_front() -> None:
    encoded = Encoder(EncoderSpec(free=32))(*inputs(2))
    assert encoded.named.shape == (2, len(NAMED))
    assert encoded.free.shape == (2, 32)
    assert encoded.spread is None
    assert encoded.front.shape == (2, 1, 64, 64)


def test_a_variational_encoder_gives_a_spread_too() -> None:
    encoded = Encoder(EncoderSpec(variational=True))(*inputs(2))
    assert encoded.spread is not None
    assert encoded.spread.shape == encoded.free.shape


@pytest.mark.parametrize(("given", "blind_to"), [("pixels", 1), ("tracked", 0)])
def test_an_ablation_does_not_see_the_other_input(given: str, blind_to: int) -> None:
    encoder = Encoder(EncoderSpec(inputs=given)).eval()  # type: ignore[arg-type]
    first, other = list(inputs()), list(inputs())
    other[blind_to] = torch.zeros_like(other[blind_to])
    assert torch.equal(encoder(*first).named, encoder(*other).named)
    other[1 - blind_to] = torch.zeros_like(other[1 - blind_to])
    assert not torch.equal(encoder(*first).named, encoder(*other).named)


def test_an_unknown_size_and_a_wrong_one_are_refused() -> None:
    with pytest.raises(ConfigError, match="no size 'huge'"):
        size_named("huge")
    with pytest.raises(ConfigError, match="3 stages give 64 px"):
        Size(128, (8, 8, 8), 256)
