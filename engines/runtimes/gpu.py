"""What a runtime that brings no memory of its own needs of an NVIDIA GPU: memory on both sides, a stream, a graph."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mien.engines.runtimes.packages import require
from mien.engines.runtimes.torch_runtime import missing_cuda
from mien.realtime.errors import EngineError
from mien.realtime.frame import Floats

if TYPE_CHECKING:
    from torch import Tensor

_PURPOSE = "Holding a network's memory on the GPU"


@dataclass(frozen=True, slots=True)
class GpuIdentity:
    """What makes two GPUs the same for a network that was compiled for one of them.

    Attributes:
        name: "NVIDIA GeForce RTX 4070".
        compute: its compute capability, "8.9".
        multiprocessors: how many it has.
        memory_bytes: all of its memory.

    """

    name: str
    compute: str
    multiprocessors: int
    memory_bytes: int


class Mirror(Protocol):
    """One float32 array that lies on both sides.

    Attributes:
        host: page-locked memory here.
        address: of the same on the GPU.

    """

    host: Floats
    address: int

    def upload(self) -> None:
        """Copy it to the GPU, on the GPU's stream; returns before it is done."""

    def download(self) -> None:
        """Copy it from the GPU, on the GPU's stream; returns before it is done."""


class Gpu(Protocol):
    """The first NVIDIA GPU, and one stream of it that is not the default one.

    Called on one thread at a time.

    Attributes:
        stream: its handle (a cudaStream_t).

    """

    stream: int

    def mirror(self, shape: tuple[int, ...]) -> Mirror:
        """Memory for one array, all zeros on both sides."""

    def synchronize(self) -> None:
        """Wait until all that was put on the stream is done."""

    def capture(self, enqueue: Callable[[], None]) -> Callable[[], None]:
        """Record what `enqueue` puts on the stream as a CUDA graph; calling the result puts it there again."""


class TorchGpu:
    """`Gpu` by PyTorch, which is already the other runtime on a GPU.

    Raises:
        EngineError: there is no GPU that PyTorch can use.
        MissingExtraError: PyTorch is not installed.

    """

    def __init__(self) -> None:
        if absent := missing_gpu():
            raise EngineError(f"An NVIDIA GPU is needed: {absent}.")
        torch = self._torch = require("torch", _PURPOSE)
        self._stream = torch.cuda.Stream()
        self.stream: int = self._stream.cuda_stream

    def mirror(self, shape: tuple[int, ...]) -> Mirror:
        """See `Gpu`."""
        torch = self._torch
        pinned = torch.zeros(shape, dtype=torch.float32).pin_memory()
        with torch.cuda.stream(self._stream):
            there = torch.zeros(shape, dtype=torch.float32, device="cuda:0")
        return _TorchMirror(pinned, there, lambda: torch.cuda.stream(self._stream))

    def synchronize(self) -> None:
        """See `Gpu`."""
        self._stream.synchronize()

    def capture(self, enqueue: Callable[[], None]) -> Callable[[], None]:
        """See `Gpu`."""
        torch = self._torch
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile (the engine that runs while this one loads).
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            enqueue()

        def replay() -> None:
            with torch.cuda.stream(self._stream):
                graph.replay()

        return replay


class _TorchMirror:
    def __init__(self, pinned: Tensor, there: Tensor, on_stream: Callable[[], AbstractContextManager[object]]) -> None:
        self._pinned, self._there, self._on_stream = pinned, there, on_stream
        self.host: Floats = pinned.numpy()
        self.address = there.data_ptr()

    def upload(self) -> None:
        with self._on_stream():
            self._there.copy_(self._pinned, non_blocking=True)

    def download(self) -> None:
        with self._on_stream():
            self._pinned.copy_(self._there, non_blocking=True)


def missing_gpu() -> str:
    """Why there is no NVIDIA GPU that PyTorch can use, with what helps; empty if there is one.

    Raises:
        MissingExtraError: there is a driver, and PyTorch is not installed.

    """
    # PyTorch takes a second to import: not on a laptop that cannot have a GPU.
    if shutil.which("nvidia-smi") is None and not Path("/proc/driver/nvidia").exists():
        return "this machine has no NVIDIA driver"
    return missing_cuda()


def gpu_identity() -> GpuIdentity:
    """Which GPU `TorchGpu` is.

    Raises:
        EngineError: there is none that PyTorch can use.
        MissingExtraError: PyTorch is not installed.

    """
    if absent := missing_gpu():
        raise EngineError(f"An NVIDIA GPU is needed: {absent}.")
    torch = require("torch", _PURPOSE)
    found = torch.cuda.get_device_properties(0)
    return GpuIdentity(found.name, f"{found.major}.{found.minor}", found.multi_processor_count, found.total_memory)
