"""ONNX for PyTorch: a network's file as a module, by onnx2pytorch (Apache-2.0), where that is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mien.engines.runtimes.base import NetworkFile, first_line
from mien.engines.runtimes.packages import is_installed, require
from mien.realtime.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "onnx2pytorch"
_PURPOSE = "Running an ONNX network with PyTorch"


def onnx_module(network: NetworkFile) -> Callable[[], nn.Module] | None:
    """A builder of the module for `open_runner`, or None where the package is not installed.

    The builder raises `ModelError` for an operator that the package cannot express, and `MissingExtraError` when the
    package cannot be loaded.
    """
    return (lambda: _built(network)) if is_installed(PACKAGE) else None


def _built(network: NetworkFile) -> nn.Module:
    try:
        package = require(PACKAGE, _PURPOSE)
    except RuntimeError as error:
        # What torchvision raises on import where it was built for another PyTorch.
        raise MissingExtraError(
            f"{_PURPOSE} needs the package {PACKAGE!r}, which is installed but cannot be loaded: {first_line(error)}.",
            hint="Install the torchvision that fits this PyTorch: https://pytorch.org/get-started/locally",
        ) from error
    model = require("onnx", _PURPOSE).load_model_from_string(network.onnx)
    _rename(model.graph)
    try:
        module: nn.Module = package.ConvertModel(model)
    except Exception as error:
        # NotImplementedError, KeyError and others: it has no class of its own for what it does not know.
        raise ModelError(
            f"PyTorch cannot run the network {network.name!r}: {' '.join(str(error).split())[:300]}",
            hint="Ask for another runtime.",
        ) from error
    return module


def _rename(graph: Any) -> None:  # noqa: ANN401 - an onnx.GraphProto
    """Number all names of a stranger's graph: they become attributes of the module, where they could replace others."""
    numbers: dict[str, str] = {"": ""}

    def number(name: str) -> str:
        return numbers.setdefault(name, f"v{len(numbers)}")

    for port in (*graph.input, *graph.output, *graph.initializer):
        port.name = number(port.name)
    for at, node in enumerate(graph.node):
        node.name = f"n{at}"
        node.input[:] = [number(each) for each in node.input]
        node.output[:] = [number(each) for each in node.output]
    del graph.value_info[:]
