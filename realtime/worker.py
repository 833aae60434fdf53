"""A named thread that stops when asked, is joined within a bound, and hands its exception to its consumer."""

from __future__ import annotations

import threading
from collections.abc import Callable

#: A thread that does not end in this time is left behind as a daemon and named in the log, seconds.
JOIN_TIMEOUT_S = 2.0


class Worker:
    """Runs `body(stop)` on a thread called `name`.

    `body` must return soon after `stop` is set. An exception in it is kept, `on_end` is called on the worker's
    thread either way, and `check` raises it again in the thread that asks.
    """

    def __init__(
        self, name: str, body: Callable[[threading.Event], None], *, on_end: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self.stop_event = threading.Event()
        self._body = body
        self._on_end = on_end
        self._error: BaseException | None = None
        self._begun = False
        # Waited for in place of the thread: up to Python 3.12 a `Thread.join` that Ctrl-C interrupts takes the thread
        # for ended (bpo-45274), and a thread that outlives the interpreter inside native code aborts the process.
        self._ended = threading.Event()
        # Daemon: a driver stuck in a system call must not keep the process alive after Ctrl-C.
        self._thread = threading.Thread(target=self._run, name=f"mien-{name}", daemon=True)

    @property
    def error(self) -> BaseException | None:
        """The exception that ended the body, if one did."""
        return self._error

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._begun and not self._ended.is_set()

    def start(self) -> None:
        """Start the thread; once."""
        self._begun = True
        try:
            self._thread.start()
        except RuntimeError:
            if self._thread.ident is None:
                # The system gave no thread: there is nothing to wait for.
                self._ended.set()
            raise

    def check(self) -> None:
        """Raise the body's exception, if it ended by one."""
        if self._error is not None:
            raise self._error

    def stop(self, timeout_s: float = JOIN_TIMEOUT_S) -> bool:
        """Ask the body to end and wait; returns whether it did within `timeout_s`."""
        self.stop_event.set()
        if self.alive and self._thread is not threading.current_thread():
            self._ended.wait(timeout_s)
        return not self.alive

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the body to end by itself; returns whether it has."""
        return self._ended.wait(timeout_s)

    def _run(self) -> None:
        try:
            self._body(self.stop_event)
        except BaseException as error:  # noqa: BLE001 - kept and raised to the consumer by check()
            self._error = error
        finally:
            try:
                if self._on_end is not None:
                    self._on_end()
            finally:
                self._ended.set()
