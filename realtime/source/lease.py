"""Who may touch a device: one reader inside, one closer outside, and the last of them releases it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: How long `close` waits for a reader that is inside a driver's call, seconds. Longer than any frame takes;
#: a reader that is still inside then releases the device itself when the driver lets it go.
CLOSE_WAIT_S = 0.5


class Lease:
    """Lets `close` come from any thread without freeing a device under a reader.

    Freeing an OpenCV capture or an FFmpeg container while another thread is inside it crashes the process; waiting
    for that thread without a bound hangs it. So `close` asks, waits a bounded time, and else leaves the release to
    the reader.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        #: Set once `close` was called; waits of the reader are made on it.
        self.stop = threading.Event()
        self._release = release
        self._lock = threading.Lock()
        self._released = False

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Be the reader inside; gives False if the device is closed and must not be touched."""
        with self._lock:
            try:
                yield not self.stop.is_set()
            finally:
                if self.stop.is_set():
                    self._release_once()

    def close(self, timeout_s: float = CLOSE_WAIT_S) -> None:
        """Release now, or have the reader release on its way out; idempotent, returns within `timeout_s`."""
        self.stop.set()
        if self._lock.acquire(timeout=timeout_s):
            try:
                self._release_once()
            finally:
                self._lock.release()

    def _release_once(self) -> None:
        if not self._released:
            self._released = True
            self._release()
