"""A named thread that runs an event loop of its own, says when it is ready, and ends when asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from mien.realtime.worker import JOIN_TIMEOUT_S, Worker

#: Told by the body that it is ready, and asked to end by the event; both on the loop's thread.
Body = Callable[[Callable[[], None], asyncio.Event], Coroutine[Any, Any, None]]


class LoopWorker:
    """Runs `body(ready, end)` on a thread called `name`; `start` once, `stop` from any thread but that.

    `body` must call `ready` once it can be used, and return soon after `end` is set.
    """

    def __init__(self, name: str, body: Body) -> None:
        self._body = body
        self._worker = Worker(name, self._run)
        self._ready = threading.Event()
        self._ask: Callable[[], object] | None = None

    def start(self, timeout_s: float) -> bool:
        """Start; returns whether the body was ready, or had ended, within `timeout_s`."""
        self._worker.start()
        return self._ready.wait(timeout_s)

    def check(self) -> None:
        """Raise the body's exception, if it ended by one."""
        self._worker.check()

    def stop(self, timeout_s: float = JOIN_TIMEOUT_S) -> bool:
        """Ask the body to end and wait; returns whether it did within `timeout_s`. Idempotent."""
        self._worker.stop_event.set()
        if (ask := self._ask) is not None:
            # The loop may have been closed just now.
            with contextlib.suppress(RuntimeError):
                ask()
        return self._worker.stop(timeout_s)

    def _run(self, stop: threading.Event) -> None:
        try:
            asyncio.run(self._run_body(stop))
        finally:
            self._ready.set()

    async def _run_body(self, stop: threading.Event) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._ask = lambda: loop.call_soon_threadsafe(end.set)
        if stop.is_set():
            # Asked before there was a loop to be asked.
            end.set()
        await self._body(self._ready.set, end)
