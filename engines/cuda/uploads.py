"""Captured frames on their way to a device: while one is painted, the next one is copied beside it.

There are two buffers, each of page-locked memory here and memory there. A thread of its own fills the one that is free
with the frame that is tracked meanwhile, so that neither tracker nor painter waits for a copy. What could not be copied
ahead is copied when it is taken.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from typing import Final

import numpy as np

from mien.engines.cuda.device import Device
from mien.realtime.frame import Frame
from mien.realtime.worker import Worker

log = logging.getLogger(__name__)

_BUFFERS: Final = 2
#: One frame is tracked, and the one before it may wait to be painted.
_MOST_EXPECTED: Final = 2


class Buffer:
    """Room for one frame.

    Attributes:
        here: (H, W, 3) uint8, page-locked.
        address: of as much on the device.
        frame: whose pixels are in it or on their way; None when nobody will ask for them.
        filling: the thread is at it.
        arrived: mark of the newest copy ahead, if nobody has waited for it.
        error: what kept the copy from being queued.

    """

    def __init__(self, device: Device, shape: tuple[int, ...]) -> None:
        size = math.prod(shape)
        self.here = device.pinned(size).reshape(shape)
        self.address = device.alloc(size)
        self.frame: Frame | None = None
        self.filling = False
        self.arrived: object | None = None
        self.error: Exception | None = None


class Uploads:
    """The two buffers of a painter. `expect` is called on any thread, all else on the painter's."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._changed = threading.Condition()
        self._shape: tuple[int, ...] = ()
        self._buffers: list[Buffer] = []
        self._taken: Buffer
        self._expected: deque[Frame] = deque(maxlen=_MOST_EXPECTED)
        self._worker = Worker("upload", self._copy_ahead)

    def expect(self, frame: Frame) -> None:
        """Copy a frame ahead that will be taken soon, or never; returns at once.

        A frame of another size than the buffers' is not: memory is changed between two frames alone.
        """
        with self._changed:
            if frame.pixels.shape == self._shape:
                self._expected.append(frame)
                self._changed.notify_all()

    def resize(self, shape: tuple[int, ...]) -> None:
        """Make the buffers of frames of (H, W, 3); nothing that was queued may still use them."""
        with self._changed:
            self._free()
            self._buffers.extend(Buffer(self._device, shape) for _ in range(_BUFFERS))
            # Whichever is taken, the thread fills the other one.
            self._shape, self._taken = shape, self._buffers[0]
        if not self._worker.alive:
            self._worker.start()

    def take(self, frame: Frame) -> int:
        """Where on the device a frame's pixels are, for what is queued from now on; until the next `take`.

        Nothing that was queued may still use what was taken before. Raises `EngineError`.
        """
        with self._changed:
            # They are painted in the order of their capture: nobody will ask for these.
            for old in self._buffers:
                if old.frame is not None and old.frame.capture_ns < frame.capture_ns:
                    old.frame = None
            while self._expected and self._expected[0].capture_ns <= frame.capture_ns:
                self._expected.popleft()
            ahead = next((each for each in self._buffers if each.frame is frame), None)
            self._taken = buffer = ahead or self._taken
            self._changed.wait_for(lambda: not buffer.filling)
            arrived, error = buffer.arrived, buffer.error
            buffer.frame = buffer.arrived = buffer.error = None
            # The other buffer is free.
            self._changed.notify_all()
        if ahead is None:
            np.copyto(buffer.here, frame.pixels)
            self._device.upload(buffer.address, buffer.here)
        elif error is not None:
            raise error
        else:
            self._device.follow(arrived)
        return buffer.address

    def close(self) -> None:
        """End the thread and free the buffers; nothing that was queued may still use them."""
        with self._changed:
            self._worker.stop_event.set()
            self._changed.notify_all()
        if not self._worker.stop():
            log.warning("thread %s did not end in time and is left behind with its memory", self._worker.name)
            return
        with self._changed:
            self._free()

    # -- the thread

    def _copy_ahead(self, stop: threading.Event) -> None:
        while (found := self._next(stop)) is not None:
            (buffer, frame), error, arrived = found, None, None
            try:
                if buffer.arrived is not None:
                    # Of a frame that nobody took.
                    self._device.wait(buffer.arrived)
                np.copyto(buffer.here, frame.pixels)
                arrived = self._device.upload_ahead(buffer.address, buffer.here)
            except Exception as raised:  # noqa: BLE001 - raised again to whoever takes the frame; the next one is tried
                error = raised
            with self._changed:
                buffer.filling, buffer.arrived, buffer.error = False, arrived, error
                self._changed.notify_all()
            # While none is expected nobody's picture is held here.
            del found, frame

    def _next(self, stop: threading.Event) -> tuple[Buffer, Frame] | None:
        """A buffer that is free, and the frame to fill it with; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or (bool(self._expected) and self._unused() is not None))
            buffer = self._unused()
            if stop.is_set() or buffer is None:
                return None
            frame = self._expected.popleft()
            buffer.frame, buffer.filling = frame, True
            return buffer, frame

    def _unused(self) -> Buffer | None:
        others = (each for each in self._buffers if each is not self._taken)
        return next((each for each in others if each.frame is None and not each.filling), None)

    def _free(self) -> None:
        """Give all memory back; the lock is held."""
        self._shape = ()
        self._expected.clear()
        self._changed.wait_for(lambda: not any(each.filling for each in self._buffers))
        while self._buffers:
            buffer = self._buffers.pop()
            if buffer.arrived is not None:
                self._device.wait(buffer.arrived)
            self._device.free(buffer.address)
