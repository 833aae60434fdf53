from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from mien.plugin.loop import LoopWorker

PATIENCE_S = 20.0


def test_it_is_ready_when_it_says_so_and_ends_when_asked() -> None:
    done: list[str] = []

    async def body(ready: Callable[[], None], end: asyncio.Event) -> None:
        done.append(threading.current_thread().name)
        ready()
        await end.wait()
        done.append("goodbye")

    worker = LoopWorker("a-loop", body)
    assert worker.start(PATIENCE_S)
    assert done == ["mien-a-loop"]
    assert worker.stop(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert done == ["mien-a-loop", "goodbye"]
    worker.check()


def test_a_body_that_fails_is_waited_for_no_longer_and_told() -> None:
    async def body(_ready: Callable[[], None], _end: asyncio.Event) -> None:
        raise ValueError("no port")

    worker = LoopWorker("a-loop", body)
    assert worker.start(PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    with pytest.raises(ValueError, match="no port"):
        worker.check()


def test_a_body_that_is_never_ready_is_not_waited_for_and_can_be_ended() -> None:
    async def body(_ready: Callable[[], None], end: asyncio.Event) -> None:
        await end.wait()

    worker = LoopWorker("a-loop", body)
    assert not worker.start(0.01)
    assert worker.stop(PATIENCE_S)


def test_what_is_asked_to_end_before_its_loop_runs_ends() -> None:
    async def body(_ready: Callable[[], None], end: asyncio.Event) -> None:
        await end.wait()

    worker = LoopWorker("a-loop", body)
    assert worker.stop(0.0)
    worker.start(0.0)
    assert worker._worker.join(PATIENCE_S)


def test_a_body_that_does_not_end_is_told_apart() -> None:
    deaf = threading.Event()

    async def body(ready: Callable[[], None], _end: asyncio.Event) -> None:
        ready()
        deaf.wait(PATIENCE_S)

    worker = LoopWorker("a-loop", body)
    assert worker.start(PATIENCE_S)
    assert not worker.stop(0.01)
    deaf.set()
    assert worker.stop(PATIENCE_S)
