"""`mien.engines.cuda.device.Device` over NVIDIA's cuda.core and the driver's bindings that come with it."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.engines.cuda.device import Bytes, refused
from mien.engines.cuda.kernel import Launch
from mien.engines.cuda.kernels import KERNELS
from mien.engines.runtimes.packages import require
from mien.realtime.errors import EngineError

_PURPOSE = "Painting on a GPU"


class CudaCoreDevice:
    """See `mien.engines.cuda.device.Device`. Raises `EngineError` where there is no GPU."""

    binding = "cuda.core"

    def __init__(self) -> None:
        self._core = core = require("cuda.core", _PURPOSE)
        self._driver = require("cuda.bindings.driver", _PURPOSE)
        self._threads = threading.local()
        self._kernels: dict[str, Any] = {}
        self._closed = False
        self._device: Any = None
        with self._current("open the first GPU"):
            self._device = core.Device(0)
            self._make_current()
            self.name = f"{self._device.name}, sm_{self._device.arch}"
            self._stream = self._device.create_stream(options=core.StreamOptions(nonblocking=True))
            self._ahead = self._device.create_stream(options=core.StreamOptions(nonblocking=True))

    @property
    def stream(self) -> int:
        """See `Device`."""
        return int(self._stream.handle)

    def load(self, image: bytes) -> None:
        """See `Device`."""
        with self._current("load the kernels"):
            module = self._core.ObjectCode.from_fatbin(image)
            self._kernels = {name: module.get_kernel(name) for name in KERNELS}

    def alloc(self, size: int) -> int:
        """See `Device`."""
        with self._current(f"allocate {size} bytes"):
            return int(self._done(self._driver.cuMemAlloc(size)))

    def free(self, address: int) -> None:
        """See `Device`."""
        with self._current("free memory"):
            self._done(self._driver.cuMemFree(address))

    def pinned(self, size: int) -> Bytes:
        """See `Device`."""
        with self._current(f"lock {size} bytes of memory"):
            address = int(self._done(self._driver.cuMemAllocHost(size)))
        memory = (ctypes.c_ubyte * size).from_address(address)
        weakref.finalize(memory, self._driver.cuMemFreeHost, address)
        return np.frombuffer(memoryview(memory), np.uint8)

    def upload(self, address: int, values: NDArray[Any]) -> None:
        """See `Device`."""
        with self._current("copy to the GPU"):
            self._done(self._driver.cuMemcpyHtoDAsync(address, values.ctypes.data, values.nbytes, self.stream))

    def upload_ahead(self, address: int, values: NDArray[Any]) -> object:
        """See `Device`."""
        with self._current("copy to the GPU ahead"):
            stream = int(self._ahead.handle)
            self._done(self._driver.cuMemcpyHtoDAsync(address, values.ctypes.data, values.nbytes, stream))
            return self._ahead.record(options=self._core.EventOptions(timing_enabled=False))

    def follow(self, mark: Any) -> None:  # noqa: ANN401 - cuda.core's event
        """See `Device`."""
        with self._current("wait for a copy"):
            self._stream.wait(mark)

    def wait(self, mark: Any) -> None:  # noqa: ANN401 - as above
        """See `Device`."""
        with self._current("wait for a copy"):
            mark.sync()

    def download(self, values: NDArray[Any], address: int) -> None:
        """See `Device`."""
        with self._current("copy from the GPU"):
            self._done(self._driver.cuMemcpyDtoHAsync(values.ctypes.data, address, values.nbytes, self.stream))

    def copy(self, target: int, source: int, size: int) -> None:
        """See `Device`."""
        with self._current("copy on the GPU"):
            self._done(self._driver.cuMemcpyDtoDAsync(target, source, size, self.stream))

    def launch(self, launch: Launch) -> None:
        """See `Device`."""
        with self._current(f"run {launch.kernel}"):
            config = self._core.LaunchConfig(grid=launch.grid, block=launch.block)
            self._core.launch(self._stream, config, self._kernels[launch.kernel], *launch.arguments)

    def mark(self) -> object:
        """See `Device`."""
        with self._current("mark the time"):
            return self._stream.record(options=self._core.EventOptions(timing_enabled=True))

    def elapsed_ms(self, since: Any, until: Any) -> float:  # noqa: ANN401 - cuda.core's event
        """See `Device`."""
        with self._current("tell the time"):
            return float(until - since)

    def synchronize(self) -> None:
        """See `Device`."""
        with self._current("finish"):
            self._stream.sync()

    def close(self) -> None:
        """See `Device`."""
        if not self._closed:
            self._closed = True
            self._kernels = {}
            with self._current("close"):
                self._ahead.close()
                self._stream.close()

    @contextmanager
    def _current(self, action: str) -> Iterator[None]:
        try:
            if self._device is not None:
                self._make_current()
            yield
        except EngineError:
            raise
        # cuda.core raises CUDAError, RuntimeError and ValueError, by what refused.
        except Exception as error:
            raise refused(action, error) from error

    def _make_current(self) -> None:
        """A context is current in one thread, and frames are painted in another than the one that opened the GPU."""
        if not getattr(self._threads, "current", False):
            self._device.set_current()
            self._threads.current = True

    def _done(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - the driver's own types
        """The value of a call of the driver, or its error."""
        if answer[0] != self._driver.CUresult.CUDA_SUCCESS:
            raise EngineError(f"CUDA's driver answered {answer[0].name}.")
        return answer[1] if len(answer) > 1 else None
