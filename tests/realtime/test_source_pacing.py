from __future__ import annotations

import threading

from mien.realtime.clock import NS_PER_S, ManualClock
from mien.realtime.source.pacing import Pacer, Timeline

PERIOD = 40_000_000


def test_timeline_expects_the_end_of_the_last_picture() -> None:
    line = Timeline(PERIOD)
    assert line.place(0, 10) == 0
    assert line.expected_ns == 10
    assert line.place(500, 0) == 500
    assert line.expected_ns == 500 + PERIOD


def test_timeline_fills_in_times_that_are_missing() -> None:
    line = Timeline(PERIOD)
    assert [line.place(None) for _ in range(3)] == [0, PERIOD, 2 * PERIOD]


def test_timeline_always_grows() -> None:
    line = Timeline(PERIOD)
    assert [line.place(time) for time in (1000, 1000, 900, 2000)] == [1000, 1001, 1002, 2000]


def test_a_step_back_starts_a_new_line_at_the_end_of_the_old() -> None:
    line = Timeline(PERIOD)
    line.place(5 * NS_PER_S)
    after = [line.place(0), line.place(PERIOD)]
    assert after == [5 * NS_PER_S + PERIOD, 5 * NS_PER_S + 2 * PERIOD]


def test_the_next_pass_lies_one_length_later() -> None:
    line = Timeline(PERIOD)
    line.place(PERIOD)
    line.next_pass(10 * PERIOD)
    assert line.place(PERIOD) == 11 * PERIOD
    line.next_pass(10 * PERIOD)
    assert line.place(PERIOD) == 21 * PERIOD


def test_a_pass_shorter_than_its_pictures_does_not_turn_time_back() -> None:
    line = Timeline(PERIOD)
    line.place(5 * PERIOD)
    line.next_pass(0)
    assert line.place(0) > 5 * PERIOD


def test_pacer_waits_for_the_due_time_from_the_first_picture_on() -> None:
    clock = ManualClock(start_ns=7)
    pacer = Pacer(clock, threading.Event())
    seen = []
    for media_ns in (100, 1_000_100, 5_000_100):
        assert pacer.wait(media_ns)
        seen.append(clock.now_ns())
    assert seen == [7, 1_000_007, 5_000_007]


def test_a_late_picture_passes_at_once_and_the_rhythm_stays() -> None:
    clock = ManualClock()
    pacer = Pacer(clock, threading.Event())
    pacer.wait(0)
    clock.advance(0.5)
    pacer.wait(NS_PER_S // 10)
    assert clock.now_ns() == NS_PER_S // 2
    pacer.wait(NS_PER_S)
    assert clock.now_ns() == NS_PER_S


def test_after_a_long_stall_the_past_is_given_up() -> None:
    clock = ManualClock()
    pacer = Pacer(clock, threading.Event())
    pacer.wait(0)
    clock.advance(60)
    pacer.wait(PERIOD)
    assert clock.now_ns() == 60 * NS_PER_S
    pacer.wait(2 * PERIOD)
    assert clock.now_ns() == 60 * NS_PER_S + PERIOD


def test_pacer_says_when_it_was_stopped() -> None:
    stop = threading.Event()
    pacer = Pacer(ManualClock(), stop)
    assert pacer.wait(0)
    stop.set()
    assert not pacer.wait(0)
    assert not pacer.wait(NS_PER_S)
