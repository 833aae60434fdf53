"""One slot between two stages: the newest value wins, nothing queues (design promise 3)."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A one-slot hand-over between one writer and one reader.

    `put` never blocks: a value that was not taken yet is replaced, and counted in `dropped`.
    `take` blocks until a value, a close, or the timeout.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._value: T | None = None
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many values were replaced before anybody took them."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """Whether `close` was called; a last value may still be waiting."""
        return self._closed

    def put(self, value: T) -> None:
        """Leave `value` for the reader; silently ignored after `close`."""
        with self._condition:
            if self._closed:
                return
            if self._value is not None:
                self._dropped += 1
            self._value = value
            self._condition.notify()

    def put_wait(self, value: T, timeout_s: float | None = None) -> bool:
        """Wait until the slot is free, then `put`: for work where nothing may be dropped. False on timeout or close."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._value is None or self._closed, timeout_s) or self._closed:
                return False
            self._value = value
            self._condition.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> T | None:
        """The newest value, or None after `timeout_s` or once the box is closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._value is not None or self._closed, timeout_s)
            value, self._value = self._value, None
            self._condition.notify_all()
            return value

    def close(self) -> None:
        """Wake the reader; values put later are ignored."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
