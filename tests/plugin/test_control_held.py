from __future__ import annotations

from mien.plugin.control.held import KEEP_ALIVE_S, HeldButton
from mien.realtime.clock import ManualClock


def test_it_acts_only_after_it_was_held_long_enough() -> None:
    clock = ManualClock()
    button = HeldButton(clock.now_ns, hold_s=1.0)
    acted = []
    for _ in range(7):
        acted.append(button.pulse())
        clock.advance(0.2)
    assert acted == [False] * 5 + [True] * 2


def test_a_gap_begins_anew() -> None:
    clock = ManualClock()
    button = HeldButton(clock.now_ns, hold_s=1.0)
    for _ in range(5):
        button.pulse()
        clock.advance(0.2)
    clock.advance(KEEP_ALIVE_S)
    assert not button.pulse()
    clock.advance(0.5)
    assert not button.pulse()
    clock.advance(0.5)
    assert button.pulse()


def test_it_ends_without_pulses_and_on_release() -> None:
    clock = ManualClock()
    button = HeldButton(clock.now_ns)
    assert not button.acting()
    assert button.pulse()
    clock.advance(KEEP_ALIVE_S)
    assert button.acting()
    clock.advance(0.001)
    assert not button.acting()
    button.pulse()
    button.release()
    assert not button.acting()


def test_a_release_begins_anew() -> None:
    clock = ManualClock()
    button = HeldButton(clock.now_ns, hold_s=0.4)
    for _ in range(2):
        for acts in (False, False, True):
            assert button.pulse() is acts
            clock.advance(0.2)
        button.release()
