from __future__ import annotations

import signal

import pytest

from mien.plugin.interrupts import end_in_order, ending_at_once
from mien.realtime.interrupts import held_back

pytestmark = pytest.mark.usefixtures("signal_handlers")


def test_the_end_in_order_is_an_exception_of_each_signal_and_the_old_handlers_come_back() -> None:
    with ending_at_once(json_wanted=False):
        end_in_order()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ending_at_once(json_wanted=False), held_back():
        end_in_order()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
