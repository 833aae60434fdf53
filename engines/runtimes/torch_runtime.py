"""PyTorch: runs the module itself, not its ONNX; on an NVIDIA GPU as one captured graph, compiled where asked.

The only runtime of Mien's own for a GPU; on the CPU the slowest, for machines that have it and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, Literal

from mien.engines.runtimes.base import (
    Buffers,
    Precision,
    Wanted,
    check_options,
    first_line,
    open_buffers,
)
from mien.engines.runtimes.cpu import bfloat16_feature
from mien.engines.runtimes.graph import MAX_BYTES
from mien.engines.runtimes.packages import require
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

if TYPE_CHECKING:
    from torch import Tensor, nn

TorchDevice = Literal["cpu", "cuda"]
#: Runs before a capture: libraries choose their kernels and allocate their workspaces in the first ones.
_WARM_UPS: Final = 3
_PURPOSE: Final = "Running a network with PyTorch"


class TorchRunner:
    """A `mien.engines.runtimes.base.Runner` over a module.

    Args:
        module: what to run; it is moved to `device` and set to evaluation. Gives a tensor or a tuple of them; those
            that are None are left out, as they are in an export.
        examples: float32 by name, in the order of the module's arguments.
        outputs: names for what it gives, in its order.
        device: "cuda" is the first NVIDIA GPU.
        threads: on the CPU; PyTorch has one number for the whole process, which is put back by `close`. 0 leaves it.
        precision: see `Wanted`; bfloat16 is by autocast.
        compiled: by `torch.compile`, which takes from seconds to minutes, before the graph is captured.
        name: for messages.

    Raises:
        ConfigError: a number of threads or a precision that is none.
        EngineError: there is no such device, bfloat16 was asked for and it has none, or the module fails.
        MissingExtraError: PyTorch is not installed.

    """

    def __init__(
        self,
        module: nn.Module,
        examples: Mapping[str, Floats],
        outputs: Sequence[str],
        *,
        device: TorchDevice = "cpu",
        threads: int = 0,
        precision: Wanted = "auto",
        compiled: bool = False,
        name: str = "network",
    ) -> None:
        check_options(threads, precision)
        self.name = "torch-compiled" if compiled else "torch"
        torch = require("torch", _PURPOSE)
        self.device = "cuda:0" if device == "cuda" else "cpu"
        self.precision: Precision = _arithmetic(torch, device, precision)
        self._network_name = name
        self._former_threads = torch.get_num_threads()
        if threads and device == "cpu":
            torch.set_num_threads(threads)
        self._pass: _CpuPass | _CudaPass | None = None
        try:
            placed = as_it_runs(module, self.device, compiled=compiled)
            made: type[_CpuPass | _CudaPass] = _CudaPass if device == "cuda" else _CpuPass
            self._pass = made(placed, examples, outputs, bfloat16=self.precision == "bfloat16")
            self._buffers: Buffers | None = Buffers(name, self._pass.inputs, self._pass.outputs)
            self._buffers.fill(examples)
            self._pass.run()
        except (RuntimeError, TypeError, ValueError) as error:
            torch.set_num_threads(self._former_threads)
            if isinstance(error, EngineError):
                raise
            raise EngineError(f"PyTorch cannot run the network {name!r} on {device}: {first_line(error)}") from error

    def __call__(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run once. See `mien.engines.runtimes.base.Runner`."""
        buffers = open_buffers(self._buffers, self.name)
        buffers.fill(inputs)
        assert self._pass is not None
        try:
            self._pass.run()
        except RuntimeError as error:
            raise EngineError(f"PyTorch failed on the network {self._network_name!r}: {first_line(error)}") from error
        return dict(buffers.outputs)

    def close(self) -> None:
        """Free the module and its buffers, and put the process's number of threads back."""
        if self._buffers is not None and self.device == "cpu":
            require("torch", _PURPOSE).set_num_threads(self._former_threads)
        self._buffers = None
        self._pass = None


def missing_cuda() -> str:
    """Why PyTorch has no GPU here, with what helps; empty if it has. Imports PyTorch, which takes a second."""
    torch = require("torch", _PURPOSE)
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} is a build without CUDA (see https://pytorch.org/get-started/locally)"
    return f"PyTorch {torch.__version__} finds no NVIDIA GPU (is the driver installed? try `nvidia-smi`)"


def with_state(build: Callable[[], nn.Module], state: bytes, name: str) -> Callable[[], nn.Module]:
    """A builder of the module with its weights.

    Args:
        build: makes the module, its weights as they come.
        state: a safetensors file, whose hash the caller has checked; exactly the module's tensors.
        name: for messages.

    The builder raises `ModelError` when the weights are not such a file or are another module's, and
    `MissingExtraError` when safetensors is not installed.

    """

    def built() -> nn.Module:
        if len(state) > MAX_BYTES:
            raise ModelError(
                f"The weights {name!r} have {len(state) / 2**20:.1f} MB; allowed are {MAX_BYTES // 2**20}."
            )
        require("safetensors", "Reading weights")
        loader = require("safetensors.torch", "Reading weights")
        module = build()
        try:
            module.load_state_dict(loader.load(state))
        except Exception as error:
            # SafetensorError for a broken file, RuntimeError for another module's tensors.
            raise ModelError(f"The weights {name!r} do not fit: {' '.join(str(error).split())[:300]}") from error
        return module

    return built


class _CpuPass:
    """One forward pass from fixed arrays to fixed arrays."""

    def __init__(
        self, module: nn.Module, examples: Mapping[str, Floats], outputs: Sequence[str], *, bfloat16: bool
    ) -> None:
        torch = self._torch = require("torch", _PURPOSE)
        self._module = module
        self._bfloat16 = bfloat16
        self._given = [torch.from_numpy(each.copy()) for each in examples.values()]
        self.inputs = {name: each.numpy() for name, each in zip(examples, self._given, strict=True)}
        found = _named(self._forward(), outputs)
        self._results = [torch.empty(each.shape, dtype=torch.float32) for each in found.values()]
        self.outputs = {name: each.numpy() for name, each in zip(found, self._results, strict=True)}

    def run(self) -> None:
        for result, found in zip(self._results, _flat(self._forward()), strict=True):
            result.copy_(found)

    def _forward(self) -> Any:  # noqa: ANN401
        with self._torch.inference_mode(), _autocast(self._torch, "cpu", self._bfloat16):
            return self._module(*self._given)


class _CudaPass:
    """The same on a GPU: pinned memory on this side, one CUDA graph on the other."""

    def __init__(
        self, module: nn.Module, examples: Mapping[str, Floats], outputs: Sequence[str], *, bfloat16: bool
    ) -> None:
        torch = self._torch = require("torch", _PURPOSE)
        self._module = module
        self._bfloat16 = bfloat16
        self._pinned = [torch.from_numpy(each.copy()).pin_memory() for each in examples.values()]
        self.inputs = {name: each.numpy() for name, each in zip(examples, self._pinned, strict=True)}
        self._given = [each.to("cuda:0") for each in self._pinned]
        self._stream = torch.cuda.Stream()
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                found = _named(self._forward(), outputs)
        self._stream.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile (a second persona that loads beside the running one).
        with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
            # Converted within the graph, so that what is copied back is float32 already.
            self._found = [each.float().contiguous() for each in _flat(self._forward())]
        self._results = [torch.empty(each.shape, dtype=torch.float32).pin_memory() for each in self._found]
        self.outputs = {name: each.numpy() for name, each in zip(found, self._results, strict=True)}

    def run(self) -> None:
        with self._torch.inference_mode(), self._torch.cuda.stream(self._stream):
            for there, here in zip(self._given, self._pinned, strict=True):
                there.copy_(here, non_blocking=True)
            self._graph.replay()
            for result, found in zip(self._results, self._found, strict=True):
                result.copy_(found, non_blocking=True)
        self._stream.synchronize()

    def _forward(self) -> Any:  # noqa: ANN401
        with self._torch.inference_mode(), _autocast(self._torch, "cuda", self._bfloat16):
            return self._module(*self._given)


def as_it_runs(module: Any, device: Any, *, compiled: bool = False) -> Any:  # noqa: ANN401 - torch's own types
    """The module for evaluation on a device of torch's, compiled by its first call if `compiled`.

    Raises RuntimeError as PyTorch does, also for a compiler that is missing, by that first call.
    """
    torch = require("torch", _PURPOSE)
    # Convolutions of oneDNN and cuDNN are a third faster in this layout.
    placed = module.eval().to(device, memory_format=torch.channels_last)
    # Shapes never change. Without graphs of its own: each runtime captures one around it.
    return torch.compile(placed, dynamic=False) if compiled else placed


def _autocast(torch: Any, device: TorchDevice, bfloat16: bool) -> Any:  # noqa: ANN401
    # Without its cache: weights that were cast outside a captured graph would not be part of it.
    return torch.autocast(device, torch.bfloat16, cache_enabled=False) if bfloat16 else nullcontext()


def _arithmetic(torch: Any, device: TorchDevice, precision: Wanted) -> Precision:  # noqa: ANN401
    if device == "cuda":
        absent = missing_cuda()
        if absent:
            raise EngineError(f"PyTorch cannot run on a GPU: {absent}.", hint="Or ask for the device `cpu`.")
        has = bool(torch.cuda.is_bf16_supported(including_emulation=False))
    else:
        has = bool(bfloat16_feature())
    if precision == "int8" or (precision == "bfloat16" and not has):
        raise EngineError(
            f"PyTorch has no {precision} on this machine's {device}.", hint='Leave the precision at "auto".'
        )
    return "bfloat16" if precision != "float32" and has else "float32"


def _flat(given: Any) -> list[Tensor]:  # noqa: ANN401
    return [each for each in (given if isinstance(given, tuple | list) else (given,)) if each is not None]


def _named(given: Any, outputs: Sequence[str]) -> dict[str, Tensor]:  # noqa: ANN401
    found = _flat(given)
    if len(found) != len(outputs):
        raise EngineError(f"The module gives {len(found)} outputs; {len(outputs)} are named: {', '.join(outputs)}.")
    return dict(zip(outputs, found, strict=True))
