"""The network: one encoder for everybody, a code one can read and change, a decoder for each persona.

An autoencoder with a shared encoder and a decoder for each face is the classic swap (Perov and others, "DeepFaceLab",
2020, section 3). Here the code between them has a named half, taught by what the cast rendered, and a free half for
what names miss; it modulates every stage of the decoder (FiLM: Perez and others 2018). Upsampling is by PixelShuffle
(Shi and others 2016). All shapes are static; every operation runs on OpenVINO, ONNX Runtime, TensorRT and torch alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.sizes import FIRST_PX, Size

#: What the encoder sees: both, or one of them alone (for ablations).
Inputs = Literal["both", "pixels", "tracked"]

_SLOPE = 0.1


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What an encoder is built from.

    Attributes:
        inputs: see `Inputs`.
        free: numbers in the free half of the code.
        variational: the free half is a distribution while it is trained (Kingma and Welling 2014).

    """

    inputs: Inputs = "both"
    free: int = 128
    variational: bool = False


class Encoded(NamedTuple):
    """What the encoder says of a batch.

    Attributes:
        named: (B, `NAMED`), the named half.
        free: (B, free), the free half; of a variational encoder its mean.
        spread: (B, free), logarithm of its variance; None unless it is variational.
        front: (B, 1, `FRONT_PX`, `FRONT_PX`), logit of what is in front of the face.

    """

    named: Tensor
    free: Tensor
    spread: Tensor | None
    front: Tensor


class Residual(nn.Module):
    """Two convolutions beside an identity; the second starts at nothing, so that depth costs no stability."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return fn.leaky_relu(x + self.second(fn.leaky_relu(self.first(x), _SLOPE)), _SLOPE)


class Down(nn.Module):
    """Half the size: a strided convolution and a residual one."""

    def __init__(self, given: int, channels: int) -> None:
        super().__init__()
        self.stride = nn.Conv2d(given, channels, 3, 2, 1)
        self.residual = Residual(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, given, H, W) to (B, channels, H/2, W/2)."""
        return self.residual(fn.leaky_relu(self.stride(x), _SLOPE))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Pixels and the tracker's code to the network's code, and to a map of what is in front of the face."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stem = nn.Conv2d(3, 32, 3, 2, 1)
        self.downs = nn.ModuleList([Down(32, 64), Down(64, 112), Down(112, 160), Down(160, 128)])
        self.seen = nn.Linear(128 * 16, 256)
        self.told = nn.Sequential(
            nn.Linear(TRACKED_SIZE, 320), nn.LeakyReLU(_SLOPE), nn.Linear(320, 256), nn.LeakyReLU(_SLOPE)
        )
        self.mix = nn.Sequential(
            nn.LeakyReLU(_SLOPE), nn.Linear(512, 320), nn.LeakyReLU(_SLOPE), nn.Linear(320, 320), nn.LeakyReLU(_SLOPE)
        )
        self.named = nn.Linear(320, len(NAMED))
        self.free = nn.Linear(320, spec.free)
        self.spread = nn.Linear(320, spec.free) if spec.variational else None
        self.front = nn.Sequential(
            nn.Conv2d(112, 128, 3, 1, 1), nn.LeakyReLU(_SLOPE), nn.PixelShuffle(2),
            nn.Conv2d(32, 64, 3, 1, 1), nn.LeakyReLU(_SLOPE), nn.PixelShuffle(2), nn.Conv2d(16, 1, 3, 1, 1),
        )  # fmt: skip

    def forward(self, pixels: Tensor, tracked: Tensor) -> Encoded:
        """(B, 3, 128, 128) RGB 0..1 and (B, `TRACKED_SIZE`) to the code."""
        if self.spec.inputs == "tracked":
            pixels = torch.zeros_like(pixels)
        if self.spec.inputs == "pixels":
            tracked = torch.zeros_like(tracked)
        x = fn.leaky_relu(self.stem(pixels * 2 - 1), _SLOPE)
        x = self.downs[1](self.downs[0](x))
        front = self.front(x)
        x = self.downs[3](self.downs[2](x))
        x = self.mix(torch.cat([self.seen(x.flatten(1)), self.told(tracked)], 1))
        spread = None if self.spread is None else self.spread(x).clamp(-8, 4)
        return Encoded(self.named(x), self.free(x), spread, front)


class Up(nn.Module):
    """Twice the size, then a residual convolution, then what the code asks of every channel."""

    def __init__(self, given: int, channels: int, code: int) -> None:
        super().__init__()
        self.shuffle = nn.Conv2d(given, 4 * channels, 3, 1, 1)
        self.residual = Residual(channels)
        self.film = nn.Linear(code, 2 * channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """(B, given, H, W) and (B, code) to (B, channels, 2H, 2W)."""
        x = fn.leaky_relu(fn.pixel_shuffle(self.shuffle(x), 2), _SLOPE)
        gain, shift = self.film(code)[:, :, None, None].chunk(2, 1)
        return self.residual(x * (1 + gain) + shift)  # type: ignore[no-any-return]


class Painted(NamedTuple):
    """What a decoder says of a batch.

    Attributes:
        pixels: (B, 3, S, S) RGB, 0..1 but for what the texture adds.
        masks: (B, 2, S, S), logits of the face, and of what is wet: the eyes and the mouth's inside.
        moved: (B, 2, S/2, S/2), see `Decoder.paint`.

    """

    pixels: Tensor
    masks: Tensor
    moved: Tensor


class Decoder(nn.Module):
    """A persona: the code to its face and masks.

    Convolutions paint what is smooth. Brows, lashes and pores come from a texture that is learnt with them and looked
    up where they say (deferred neural rendering: Thies, Zollhoefer, Niessner 2019): they would need millions of
    samples to put single hairs where the head moves them. The lookup is the blend's, not the network's.
    """

    def __init__(self, size: Size, free: int) -> None:
        super().__init__()
        self.size, self.free_size = size, free
        first, *rest = size.channels
        self.code = nn.Sequential(nn.Linear(len(NAMED) + free, 256), nn.LeakyReLU(_SLOPE))
        self.first = nn.Linear(256, first * FIRST_PX**2)
        self.ups = nn.ModuleList(
            [Up(given, channels, 256) for given, channels in zip(size.channels, rest, strict=False)]
        )
        # Three colours and two masks, four pixels of each.
        self.last = nn.Conv2d(size.channels[-1], 20, 3, 1, 1)
        self.where = nn.Conv2d(size.channels[-1], 3, 3, 1, 1)
        nn.init.zeros_(self.where.weight)
        nn.init.zeros_(self.where.bias)  # type: ignore[arg-type]
        self.texture = nn.Parameter(torch.zeros(3, size.texture_px, size.texture_px))

    def paint(self, named: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves of the code to five logits a pixel (B, 5, S, S), and where in the texture it finds itself.

        The five are red, green and blue without the texture, the face and what is wet. Where is (B, 3, S/2, S/2): how
        far right and down of its own place, half sides of the square, and the logit of how much of the texture to take.
        """
        code = self.code(torch.cat([named, free], 1))
        x = fn.leaky_relu(self.first(code).view(-1, self.size.channels[0], FIRST_PX, FIRST_PX), _SLOPE)
        for up in self.ups:
            x = up(x, code)
        return fn.pixel_shuffle(self.last(x), 2), self.where(x)

    def forward(self, named: Tensor, free: Tensor, places: Tensor | None = None) -> Painted:
        """Both halves of the code to the persona's face.

        Args:
            named: (B, `NAMED`).
            free: (B, free).
            places: (B, 3, S/2, S/2), see `mien.engines.swapnet.places`: where they are known, the texture is looked up
                there, so that it learns from the pixels that show it. A lookup that is off by a pixel would teach it
                to be blurred by as much.

        """
        painted, where = self.paint(named, free)
        pixels, masks, where = torch.sigmoid(painted[:, :3]), painted[:, 3:], where.float()
        moved = where[:, :2]
        if places is not None:
            moved = torch.where(places[:, 2:] > 0, places[:, :2], moved)
        share = torch.cat([moved, torch.sigmoid(where[:, 2:])], 1)
        share = fn.interpolate(share, pixels.shape[-2:], mode="bilinear", align_corners=False)
        looked_up = share[:, :2] + own_places(self.size.size_px).to(share)
        found = fn.grid_sample(
            self.texture.float().expand(len(pixels), -1, -1, -1), looked_up.permute(0, 2, 3, 1),
            padding_mode="border", align_corners=True,
        )  # fmt: skip
        return Painted(pixels.float() + share[:, 2:] * found, masks, where[:, :2])


def own_places(size_px: int) -> Tensor:
    """(1, 2, S, S) float32: right and down of the middle of each pixel, -1 and 1 at the first and the last."""
    line = torch.linspace(-1, 1, size_px)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


def gflop(module: nn.Module, inputs: tuple[Tensor, ...]) -> float:
    """Billions of multiplications and additions, counted apart, of one pass; convolutions and matrices alone."""
    total = 0.0

    def count(layer: nn.Module, _given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += 2 * out.numel() * layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
        elif isinstance(layer, nn.Linear):
            total += 2 * out.numel() * layer.in_features

    hooks = [each.register_forward_hook(count) for each in module.modules()]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total / 1e9
