"""Processes that render side by side, and end when they are told to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any

from mien.realtime.errors import EngineError

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def worker_pool(jobs: int, start: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers call `start(*arguments)` first; an exception or Ctrl-C inside the block ends them at once.

    Spawned, not forked: Warp and torch hold threads that a fork would leave half alive.

    Raises:
        EngineError: a worker died.

    """
    before = {child.pid for child in active_children()}
    kept = {name: os.environ.get(name) for name in _ONE_THREAD}
    # Each worker is one core's: threads of the linear algebra that wait by spinning took as much again as the drawing.
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
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
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    start(*arguments)


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers; what they had queued would go on for hours."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
