"""A GPU for tests: its memory is this process's, its streams run what they were given only when they are waited for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.realtime.frame import Floats

#: Bytes by address of all memory of the GPU.
allocations: dict[int, int] = {}
streams: dict[int, Stream] = {}


class Stream:
    def __init__(self) -> None:
        self.handle = 0x5EED0000 + len(streams)
        self.waiting: list[Callable[[], None]] = []
        self.capturing: list[Callable[[], None]] | None = None
        streams[self.handle] = self

    def put(self, work: Callable[[], None]) -> None:
        (self.waiting if self.capturing is None else self.capturing).append(work)

    def drain(self) -> None:
        assert self.capturing is None, "a stream cannot be waited for while it is captured"
        while self.waiting:
            self.waiting.pop(0)()


class Mirror:
    def __init__(self, shape: tuple[int, ...], stream: Stream) -> None:
        self.host: Floats = np.zeros(shape, np.float32)
        # What was never uploaded must not look like zeros that were.
        self._there: Floats = np.full(shape, np.nan, np.float32)
        self.address = self._there.ctypes.data
        allocations[self.address] = self._there.nbytes
        self._stream = stream

    def upload(self) -> None:
        self._stream.put(lambda: np.copyto(self._there, self.host))

    def download(self) -> None:
        self._stream.put(lambda: np.copyto(self.host, self._there))


class StandInGpu:
    """`mien.engines.runtimes.gpu.Gpu` in this process's memory."""

    def __init__(self) -> None:
        self._stream = Stream()
        self.stream = self._stream.handle
        self.replays = 0

    def mirror(self, shape: tuple[int, ...]) -> Mirror:
        return Mirror(shape, self._stream)

    def synchronize(self) -> None:
        self._stream.drain()

    def capture(self, enqueue: Callable[[], None]) -> Callable[[], None]:
        assert not self._stream.waiting, "a capture begins on a stream that is idle"
        recorded = self._stream.capturing = []
        enqueue()
        self._stream.capturing = None
        assert recorded, "nothing was captured"

        def replay() -> None:
            self.replays += 1
            for work in recorded:
                self._stream.put(work)

        return replay
