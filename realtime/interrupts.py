"""Ctrl-C and SIGTERM, kept away from what must not be cut in two. Nothing heavy is imported here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back(on_signal: Callable[[], None] | None = None) -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM wait; what came meanwhile takes effect at its end.

    Around the creation of native objects with threads of their own: one that is left half made aborts the process. And
    around waiting for a thread: an exception out of nowhere breaks the locks that it is waited for with.
    Does nothing on other threads than the main one, where no signal arrives.

    Args:
        on_signal: called at once, on the main thread, for each that came: to have the block end sooner.

    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if on_signal is not None:
            on_signal()

    try:
        with handled_by(note):
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within the block `handler` takes Ctrl-C and SIGTERM; those before come back at its end. Main thread alone."""
    before = {number: signal.signal(number, handler) for number in handled()}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def handled() -> list[signal.Signals]:
    """Those of SIGINT and SIGTERM that may be handled here, on the main thread."""
    # A signal that was ignored when the process began (nohup, a shell's background job) stays ignored.
    return [number for number in _NUMBERS if signal.getsignal(number) not in (None, signal.SIG_IGN)]
