"""A persona's trained networks as PyTorch modules, made into an engine whose picture stays on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import nn

from mien.engines.personas.pack import Networks
from mien.engines.runtimes.base import NetworkFile, Wanted
from mien.engines.runtimes.table import Opened, open_runner
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.export import read_weights
from mien.engines.swapnet.graphs import DecoderGraph, EncoderGraph
from mien.engines.swapnet.load import joined_reason, read_halves
from mien.engines.swapnet.network import Decoder, Encoder, EncoderSpec
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.terms import MARGIN
from mien.engines.swapnet.torch_engine import TorchSwapEngine
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import ModelError


def open_torch_engine(
    networks: Networks,
    size: str,
    *,
    reason: str,
    device: Literal["cpu", "cuda"] = "cuda",
    precision: Wanted = "auto",
    edit: Callable[[], CodeEdit] | None = None,
) -> TorchSwapEngine:
    """Load both halves of a network; takes a few seconds, off the live path.

    Each half is compared with a reference runtime first (`mien.engines.runtimes.table`).

    Args:
        networks: of a persona.
        size: of its decoders; its square must be a multiple of 128 px.
        reason: why this engine, for the console; the runtime's own reason follows it.
        device: "cuda" is the first NVIDIA GPU; "cpu" is for tests.
        precision: see `Wanted`.
        edit: see `SwapNetEngine`.

    Raises:
        EngineError: the persona has no decoder of this size, there is no such device, or PyTorch does not give what
            the reference gives.
        ModelError: the files are no networks of the expected shapes.
        MissingExtraError: PyTorch or onnx is not installed.

    """
    halves = read_halves(networks, size)
    encoder, decoder = Encoder(EncoderSpec(free=halves.free)), Decoder(size_named(size), halves.free)
    _fill(encoder, networks.encoder, halves.encoder.name)
    _fill(decoder, networks.decoders[size], halves.decoder.name)
    graphs = EncoderGraph(encoder), DecoderGraph(decoder)
    first, second = (
        _verified(network, graph, device, precision)
        for network, graph in zip((halves.encoder, halves.decoder), graphs, strict=True)
    )
    spec = EngineSpec(
        name=f"swapnet-{size}", runtime="torch", device=second.runner.device, precision=second.runner.precision,
        reason=joined_reason(reason, first, second), size_px=halves.size_px, margin=MARGIN, edits=True,
    )  # fmt: skip
    return TorchSwapEngine(*graphs, spec, halves.texture, halves.marks, edit)


def _fill(module: nn.Module, data: bytes, name: str) -> None:
    try:
        module.load_state_dict(read_weights(data))
    except RuntimeError as error:
        raise ModelError(
            f"The network {name!r} has not the layers of this version's: {' '.join(str(error).split())[:300]}.",
            hint="Train it again: mien train",
        ) from error


def _verified(network: NetworkFile, module: nn.Module, device: Literal["cpu", "cuda"], precision: Wanted) -> Opened:
    opened = open_runner(network, runtime="torch", device=device, precision=precision, module=lambda: module)
    opened.runner.close()
    return opened
