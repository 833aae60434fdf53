from __future__ import annotations

import signal
import threading

import pytest

from mien.realtime.interrupts import held_back

pytestmark = pytest.mark.usefixtures("signal_handlers")


def test_an_interrupt_that_is_held_back_comes_at_the_end_of_the_block() -> None:
    done = []

    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")

    with pytest.raises(KeyboardInterrupt), held_back():
        interrupted()
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_failure_in_the_block_is_told_when_nothing_came() -> None:
    with pytest.raises(ValueError, match="broken"), held_back():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_on_another_thread_nothing_is_held_back() -> None:
    seen: list[object] = []

    def body() -> None:
        with held_back():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_whoever_wants_to_know_is_told_at_once() -> None:
    told: list[str] = []

    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)
        told.append("still within")

    with pytest.raises(KeyboardInterrupt), held_back(lambda: told.append("stop")):
        interrupted()
    assert told == ["stop", "still within"]


def test_a_signal_that_nobody_handles_waits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with held_back():
        signal.raise_signal(signal.SIGTERM)
        # It would end the process.
        monkeypatch.setattr(signal, "raise_signal", raised.append)
    assert raised == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
