"""Small real networks for the tests of the runtimes: made by PyTorch, exported as its users export them."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as fn  # noqa: E402

from mien.engines.runtimes.base import NetworkFile  # noqa: E402
from mien.realtime.frame import Floats  # noqa: E402

INPUTS = {"pixels": (1, 3, 32, 32), "code": (1, 12)}
OUTPUTS = {"rgb": (1, 3, 64, 64), "mask": (1, 1, 64, 64), "named": (1, 5)}


class Tiny(nn.Module):
    """A convolution, FiLM, PixelShuffle and a linear head: the operators of a decoder; one result is None."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, 2, 1)
        self.film = nn.Linear(12, 32)
        self.up = nn.Conv2d(16, 64, 3, 1, 1)
        self.last = nn.Conv2d(16, 16, 3, 1, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, pixels: Tensor, code: Tensor) -> tuple[Tensor, Tensor, None, Tensor]:
        gain, shift = self.film(code)[:, :, None, None].chunk(2, 1)
        x = fn.leaky_relu(self.first(pixels), 0.1) * (1 + gain) + shift
        up = fn.leaky_relu(fn.pixel_shuffle(self.up(x), 2), 0.1)
        out = fn.pixel_shuffle(self.last(up), 2)
        return torch.sigmoid(out[:, :3]), out[:, 3:], None, self.head(x.mean((2, 3)))


class Cancelling(nn.Module):
    """Large numbers that leave a small difference, which eight bits of bfloat16 cannot hold."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(12, 512), nn.Linear(512, 12)
        with torch.no_grad():
            self.up.weight.uniform_(-1e-2, 1e-2)
            self.up.bias.fill_(30.0)
            self.down.weight.uniform_(-1, 1)
            self.down.weight[:, 256:] = -self.down.weight[:, :256]
            self.down.bias.fill_(0.0)

    def forward(self, code: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(code)))


def module(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Tiny().eval()


def exported(made: nn.Module, inputs: dict[str, tuple[int, ...]], outputs: list[str]) -> bytes:
    with warnings.catch_warnings():
        # PyTorch 2.13's own exporter uses what PyTorch 2.13 deprecates.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        program = torch.onnx.export(
            made.eval(),
            tuple(torch.rand(shape) for shape in inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=outputs,
            external_data=False,
            verbose=False,
        )
    return program.model_proto.SerializeToString()


@cache
def network() -> NetworkFile:
    return NetworkFile(exported(module(), INPUTS, list(OUTPUTS)), "tiny")


@cache
def cancelling() -> NetworkFile:
    torch.manual_seed(1)
    return NetworkFile(exported(Cancelling(), {"code": (1, 12)}, ["out"]), "cancelling")


def sample(seed: int = 3) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    return {name: random.random(shape, np.float32) for name, shape in INPUTS.items()}


def expected(given: dict[str, Floats], seed: int = 0) -> dict[str, Floats]:
    with torch.inference_mode():
        rgb, mask, _, named = module(seed)(*(torch.from_numpy(given[name].copy()) for name in INPUTS))
    return {"rgb": rgb.numpy(), "mask": mask.numpy(), "named": named.numpy()}
