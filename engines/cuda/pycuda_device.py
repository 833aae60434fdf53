"""`mien.engines.cuda.device.Device` over pycuda: the primary context is retained, and current only within a call.

Never `pycuda.autoinit`: its own context would share nothing with torch, and a context that is still current when its
thread ends takes the process down.
"""

from __future__ import annotations

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

# CU_STREAM_NON_BLOCKING: waits for no work of the default stream, which libraries use.
_NON_BLOCKING = 1


class PycudaDevice:
    """See `mien.engines.cuda.device.Device`. Raises `EngineError` where there is no GPU."""

    binding = "pycuda"

    def __init__(self) -> None:
        self._cuda = cuda = require("pycuda.driver", "Painting on a GPU")
        try:
            cuda.init()
            device = cuda.Device(0)
            major, minor = device.compute_capability()
            self.name = f"{device.name()}, sm_{major}{minor}"
            self._context: Any = device.retain_primary_context()
        except cuda.Error as error:
            raise refused("open the first GPU", error) from error
        self._memory: dict[int, Any] = {}
        self._events: list[Any] = []
        self._functions: dict[str, Any] = {}
        self._module: Any = None
        with self._current("make a stream"):
            self._stream, self._ahead = cuda.Stream(_NON_BLOCKING), cuda.Stream(_NON_BLOCKING)

    @property
    def stream(self) -> int:
        """See `Device`."""
        return int(self._stream.handle)

    def load(self, image: bytes) -> None:
        """See `Device`."""
        with self._current("load the kernels"):
            self._module = self._cuda.module_from_buffer(image)
            self._functions = {name: self._module.get_function(name) for name in KERNELS}

    def alloc(self, size: int) -> int:
        """See `Device`."""
        with self._current(f"allocate {size} bytes"):
            memory = self._cuda.mem_alloc(size)
        self._memory[int(memory)] = memory
        return int(memory)

    def free(self, address: int) -> None:
        """See `Device`."""
        with self._current("free memory"):
            self._memory.pop(address).free()

    def pinned(self, size: int) -> Bytes:
        """See `Device`."""
        with self._current(f"lock {size} bytes of memory"):
            return np.asarray(self._cuda.pagelocked_empty(size, np.uint8))

    def upload(self, address: int, values: NDArray[Any]) -> None:
        """See `Device`."""
        with self._current("copy to the GPU"):
            self._cuda.memcpy_htod_async(address, values, self._stream)

    def upload_ahead(self, address: int, values: NDArray[Any]) -> object:
        """See `Device`."""
        with self._current("copy to the GPU ahead"):
            self._cuda.memcpy_htod_async(address, values, self._ahead)
            return self._marked(self._ahead)

    def follow(self, mark: Any) -> None:  # noqa: ANN401 - one of `upload_ahead`'s
        """See `Device`."""
        with self._current("wait for a copy"):
            self._stream.wait_for_event(mark.event)

    def wait(self, mark: Any) -> None:  # noqa: ANN401 - as above
        """See `Device`."""
        with self._current("wait for a copy"):
            mark.event.synchronize()

    def download(self, values: NDArray[Any], address: int) -> None:
        """See `Device`."""
        with self._current("copy from the GPU"):
            self._cuda.memcpy_dtoh_async(values, address, self._stream)

    def copy(self, target: int, source: int, size: int) -> None:
        """See `Device`."""
        with self._current("copy on the GPU"):
            self._cuda.memcpy_dtod_async(target, source, size, self._stream)

    def launch(self, launch: Launch) -> None:
        """See `Device`."""
        with self._current(f"run {launch.kernel}"):
            self._functions[launch.kernel](*launch.arguments, grid=launch.grid, block=launch.block, stream=self._stream)

    def mark(self) -> object:
        """See `Device`."""
        with self._current("mark the time"):
            return self._marked(self._stream)

    def elapsed_ms(self, since: Any, until: Any) -> float:  # noqa: ANN401 - two of `mark`'s
        """See `Device`."""
        with self._current("tell the time"):
            return float(until.event.time_since(since.event))

    def synchronize(self) -> None:
        """See `Device`."""
        with self._current("finish"):
            self._stream.synchronize()

    def close(self) -> None:
        """See `Device`."""
        if self._context is None:
            return
        with self._current("close"):
            self._events.clear()
            self._functions, self._module, self._stream, self._ahead = {}, None, None, None
        self._context.detach()
        self._context = None

    def _marked(self, stream: Any) -> _Mark:  # noqa: ANN401 - pycuda's
        try:
            # Not asked before whether there is one: two threads mark.
            event = self._events.pop()
        except IndexError:
            event = self._cuda.Event()
        event.record(stream)
        mark = _Mark(event)
        # Used again: pycuda does not free what dies in another thread than the one that opened the GPU.
        weakref.finalize(mark, self._events.append, event).atexit = False
        return mark

    @contextmanager
    def _current(self, action: str) -> Iterator[None]:
        self._context.push()
        try:
            yield
        except self._cuda.Error as error:
            raise refused(action, error) from error
        finally:
            self._cuda.Context.pop()


class _Mark:
    """A moment on a stream, by an event of pycuda's."""

    def __init__(self, event: Any) -> None:  # noqa: ANN401
        self.event = event
