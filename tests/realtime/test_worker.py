from __future__ import annotations

import os
import signal
import threading

import pytest

from mien.realtime.worker import Worker


def test_stop_ends_the_body_and_the_thread_has_its_name() -> None:
    names: list[str] = []

    def body(stop: threading.Event) -> None:
        names.append(threading.current_thread().name)
        stop.wait()

    worker = Worker("track", body)
    worker.start()
    assert worker.stop(5.0)
    assert names == ["mien-track"]
    assert not worker.alive
    worker.check()


def test_an_exception_is_kept_and_raised_to_who_asks() -> None:
    ended = threading.Event()

    def body(stop: threading.Event) -> None:
        raise OSError("camera gone")

    worker = Worker("capture", body, on_end=ended.set)
    worker.start()
    assert ended.wait(5.0)
    assert worker.join(5.0)
    with pytest.raises(OSError, match="camera gone"):
        worker.check()


def test_a_body_that_does_not_end_is_reported_and_not_waited_for() -> None:
    release = threading.Event()
    worker = Worker("stuck", lambda stop: release.wait() and None)
    worker.start()
    assert not worker.stop(0.01)
    release.set()
    assert worker.join(5.0)


def test_a_worker_that_never_started_can_be_stopped() -> None:
    assert Worker("idle", lambda stop: None).stop()


def test_a_join_that_ctrl_c_interrupts_does_not_take_the_thread_for_ended() -> None:
    joining, release = threading.Event(), threading.Event()

    def body(stop: threading.Event) -> None:
        joining.wait()
        # A moment, so that the signal finds the main thread inside the join.
        stop.wait(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        release.wait()

    def joined() -> None:
        joining.set()
        worker.join(10.0)

    worker = Worker("compose", body)
    worker.start()
    # A shell that runs the tests in the background has told them to ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            joined()
    finally:
        signal.signal(signal.SIGINT, before)
    assert worker.alive
    assert not worker.stop(0.01)
    release.set()
    assert worker.stop(5.0)
