"""A CUDA driver's double for the host side: memory of this process, the kernels by g++, and everything late.

What is queued is done when somebody waits, as on a GPU: an array that changes too early, memory that is freed while
it is used, a result that is read before it is there show up. A copy ahead is done as late as it may be, or at once: so
both who reads it too early and what it overwrites too early show up.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from kernel_emulator import KernelEmulator

from mien.engines.cuda.device import Bytes
from mien.engines.cuda.kernel import Launch
from mien.realtime.errors import EngineError


class EmulatedDevice:
    """`mien.engines.cuda.device.Device` on the CPU.

    Args:
        late: False does all at once, for engines that queue nothing.
        ahead_late: False does copies ahead at once, whatever the stream is at.

    """

    name, binding, stream = "g++, sm_0", "emulator", 0

    def __init__(self, *, late: bool = True, ahead_late: bool = True) -> None:
        self.late, self.ahead_late = late, ahead_late
        #: What was asked, in its order: kernels by their names, all else by the method's.
        self.asked: list[str] = []
        self.refuse_ahead = 0
        self._lock = threading.RLock()
        self._asked_more = threading.Condition(self._lock)
        self._ahead: list[tuple[Callable[[], object], int, object]] = []
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
        with self._asking("free"):
            assert not self._queue, "memory is freed while something is queued"
            assert address not in [target for _, target, _ in self._ahead], "memory is freed while it is copied to"
            del self._memory[address]

    def pinned(self, size: int) -> Bytes:
        return np.full(size, 0xA5, np.uint8)

    def upload(self, address: int, values: np.ndarray) -> None:
        assert values.flags.c_contiguous
        with self._asking("upload"):
            self.transfers.append(("upload", values.nbytes))
            self._do(lambda: ctypes.memmove(address, values.ctypes.data, values.nbytes))

    def upload_ahead(self, address: int, values: np.ndarray) -> object:
        assert values.flags.c_contiguous
        with self._asking("upload ahead"):
            if self.refuse_ahead:
                self.refuse_ahead -= 1
                raise EngineError("CUDA cannot copy to the GPU ahead: an illegal memory access was encountered.")
            mark, before = object(), values.tobytes()

            def copy() -> None:
                assert values.tobytes() == before, "an array changes while it is copied ahead"
                ctypes.memmove(address, before, len(before))

            self.transfers.append(("upload ahead", values.nbytes))
            self._ahead.append((copy, address, mark))
            if not self.ahead_late:
                self._copy_until(mark)
        return mark

    def follow(self, mark: object) -> None:
        with self._asking("follow"):
            self._do(lambda: self._copy_until(mark))

    def wait(self, mark: object) -> None:
        with self._asking("wait"):
            self._copy_until(mark)

    def wait_until_asked(self, what: str, times: int = 1, *, within_s: float = 10.0) -> bool:
        """Whether something is asked so often in time."""
        with self._asked_more:
            return self._asked_more.wait_for(lambda: self.asked.count(what) >= times, within_s)

    def download(self, values: np.ndarray, address: int) -> None:
        assert values.flags.c_contiguous
        with self._asking("download"):
            self.transfers.append(("download", values.nbytes))
            self._do(lambda: ctypes.memmove(values.ctypes.data, address, values.nbytes))

    def copy(self, target: int, source: int, size: int) -> None:
        with self._asking("copy"):
            self._do(lambda: ctypes.memmove(target, source, size))

    def launch(self, launch: Launch) -> None:
        with self._asking(launch.kernel):
            self.launched.append(launch.kernel)
            if launch.kernel not in self.skip:
                self._do(lambda: self._emulator.launch(launch))

    def mark(self) -> list[float]:
        at: list[float] = []
        with self._asking("mark"):
            self._do(lambda: at.append(time.perf_counter()))
        return at

    def elapsed_ms(self, since: Any, until: Any) -> float:
        return float(until[0] - since[0]) * 1e3

    def synchronize(self) -> None:
        with self._asking("synchronize"):
            self._run()

    def close(self) -> None:
        assert not self._ahead, "a copy ahead outlives the device"
        self.closed += 1

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        with self._lock:
            self.asked.append(what)
            try:
                yield
            finally:
                self._asked_more.notify_all()

    def _do(self, step: Callable[[], object]) -> None:
        self._queue.append(step)
        if not self.late:
            self._run()

    def _run(self) -> None:
        queue, self._queue = self._queue, []
        for step in queue:
            step()

    def _copy_until(self, mark: object) -> None:
        while any(each is mark for _, _, each in self._ahead):
            self._ahead.pop(0)[0]()


@cache
def _emulator() -> KernelEmulator:
    return KernelEmulator(flags=("-O2",))
