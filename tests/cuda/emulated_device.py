"""A CUDA driver's double for the host side: memory of this process, the kernels by g++, and everything late.

What is queued is done when somebody waits, as on a GPU: an array that changes too early, memory that is freed while
it is used, a result that is read before it is there show up.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from kernel_emulator import KernelEmulator

from mien.engines.cuda.device import Bytes
from mien.engines.cuda.kernel import Launch


class EmulatedDevice:
    """`mien.engines.cuda.device.Device` on the CPU; `late` False does all at once, for engines that queue nothing."""

    name, binding, stream = "g++, sm_0", "emulator", 0

    def __init__(self, *, late: bool = True) -> None:
        self.late = late
        self.launched: list[str] = []
        self.transfers: list[tuple[str, int]] = []
        self.closed = 0
        self.skip: frozenset[str] = frozenset()
        self._emulator = _emulator()
        self._memory: dict[int, np.ndarray] = {}
        self._queue: list[Callable[[], object]] = []

    @property
    def live(self) -> int:
        """Allocations that were not freed."""
        return len(self._memory)

    def load(self, image: bytes) -> None:
        raise NotImplementedError("kernels are compiled from their sources here")

    def alloc(self, size: int) -> int:
        # Not zeros: nobody may rely on them.
        memory = np.full(size + 256, 0xA5, np.uint8)
        address = -(-memory.ctypes.data // 256) * 256
        self._memory[address] = memory
        return address

    def free(self, address: int) -> None:
        assert not self._queue, "memory is freed while something is queued"
        del self._memory[address]

    def pinned(self, size: int) -> Bytes:
        return np.full(size, 0xA5, np.uint8)

    def upload(self, address: int, values: np.ndarray) -> None:
        assert values.flags.c_contiguous
        self.transfers.append(("upload", values.nbytes))
        self._do(lambda: ctypes.memmove(address, values.ctypes.data, values.nbytes))

    def download(self, values: np.ndarray, address: int) -> None:
        assert values.flags.c_contiguous
        self.transfers.append(("download", values.nbytes))
        self._do(lambda: ctypes.memmove(values.ctypes.data, address, values.nbytes))

    def copy(self, target: int, source: int, size: int) -> None:
        self._do(lambda: ctypes.memmove(target, source, size))

    def launch(self, launch: Launch) -> None:
        self.launched.append(launch.kernel)
        if launch.kernel not in self.skip:
            self._do(lambda: self._emulator.launch(launch))

    def mark(self) -> list[float]:
        at: list[float] = []
        self._do(lambda: at.append(time.perf_counter()))
        return at

    def elapsed_ms(self, since: Any, until: Any) -> float:
        return float(until[0] - since[0]) * 1e3

    def synchronize(self) -> None:
        queue, self._queue = self._queue, []
        for step in queue:
            step()

    def close(self) -> None:
        self.closed += 1

    def _do(self, step: Callable[[], object]) -> None:
        self._queue.append(step)
        if not self.late:
            self.synchronize()


@cache
def _emulator() -> KernelEmulator:
    return KernelEmulator(flags=("-O2",))
