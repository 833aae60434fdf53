"""Processes that render side by side, and end when they are told to."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any

from mien.realtime.errors import EngineError


@contextmanager
def worker_pool(jobs: int, start: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers call `start(*arguments)` first; an exception or Ctrl-C inside the block ends them at once.

    Spawned, not forked: Warp and torch hold threads that a fork would leave half alive.

    Raises:
        EngineError: a worker died.

    """
    before = {child.pid for child in active_children()}
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(start, arguments))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise EngineError(
            "A process that renders died.", hint="If memory ran out, use fewer --jobs; each needs about 1.5 GB."
        ) from error
    except BaseException:
        for child in active_children():
            if child.pid not in before:
                child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start(*arguments)
