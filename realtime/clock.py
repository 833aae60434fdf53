"""Time, injected: the live path asks a Clock, so that tests need not sleep."""

from __future__ import annotations

import threading
import time
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """Monotonic time in nanoseconds and an interruptible wait."""

    def now_ns(self) -> int:
        """Nanoseconds on a monotonic clock; comparable only within one process."""

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Block for `seconds` or until `stop` is set; returns whether it is set. Negative waits return at once."""


class MonotonicClock:
    """The system's monotonic clock."""

    def now_ns(self) -> int:
        """Nanoseconds of `time.monotonic_ns`."""
        return time.monotonic_ns()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait on the event itself, so that a stop is seen at once."""
        return stop.wait(max(seconds, 0.0))


class ManualClock:
    """A clock for tests: `wait` advances it at once, `advance` moves it by hand. Thread-safe."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """The time that waits and `advance` have reached, in nanoseconds."""
        with self._lock:
            return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        with self._lock:
            self._now_ns += round(seconds * NS_PER_S)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Advance by `seconds` without sleeping."""
        if not stop.is_set() and seconds > 0:
            self.advance(seconds)
        return stop.is_set()
