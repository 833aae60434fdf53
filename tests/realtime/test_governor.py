from __future__ import annotations

import pytest

from mien.realtime.governor import CLIMB_AFTER_S, WINDOW, Governor, Move

INTERVAL_MS = 33.3


def feed(
    governor: Governor,
    engine_ms: float,
    seconds: float,
    start_s: float,
    *,
    track_ms: float = 5.0,
    around_ms: float = 0.0,
) -> list[tuple[float, Move]]:
    """Feed a steady load at 30 fps, composing being the engine and what is around it; returns (time, move) of each."""
    moves = []
    for step in range(round(seconds * 30)):
        now_s = start_s + step / 30
        move = governor.observe(track_ms, engine_ms + around_ms, engine_ms, round(now_s * 1e9))
        if move is not None:
            moves.append((now_s, move))
    return moves


def test_an_engine_in_time_stays() -> None:
    assert feed(Governor(3, INTERVAL_MS), 20.0, 60.0, 0.0) == []


def test_one_hiccup_moves_nothing() -> None:
    governor = Governor(2, INTERVAL_MS)
    times = [15.0] * WINDOW + [400.0] + [15.0] * WINDOW
    assert [governor.observe(5, ms, ms, index * 33_000_000) for index, ms in enumerate(times)] == [None] * len(times)


def test_a_slow_engine_steps_down_within_a_second_and_says_why() -> None:
    governor = Governor(2, INTERVAL_MS)
    moves = feed(governor, 45.0, 1.0, 0.0)
    assert [move.to for _, move in moves] == [1]
    assert moves[0][0] < 0.6
    assert "45 ms" in moves[0][1].reason
    assert "too slow" in moves[0][1].reason


def test_the_lowest_rung_stays_however_slow() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 10.0, 0.0)
    assert governor.rung == 1


def test_it_climbs_back_when_there_is_room() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    moves = feed(governor, 8.0, 10.0, 1.0)
    assert [move.to for _, move in moves] == [0]
    assert moves[0][0] - 1.0 >= CLIMB_AFTER_S


def test_no_climb_while_the_lighter_engine_is_itself_busy() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    assert feed(governor, 22.0, 60.0, 1.0) == []


def test_a_tracker_that_is_slow_by_itself_keeps_no_engine_down() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    moves = feed(governor, 6.0, 10.0, 1.0, track_ms=22.0, around_ms=8.0)
    assert [move.to for _, move in moves] == [0]


def test_what_is_painted_around_the_engine_does_not_double() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    assert [move.to for _, move in feed(governor, 4.0, 10.0, 1.0, around_ms=16.0)] == [0]
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    assert feed(governor, 16.0, 60.0, 1.0, around_ms=4.0) == []


def test_a_stage_that_is_nearly_full_allows_no_climb() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    assert feed(governor, 4.0, 60.0, 1.0, track_ms=27.0) == []


def test_a_slow_tracker_steps_down_as_well() -> None:
    # The engine's threads are taken from the tracker's cores.
    assert [move.to for _, move in feed(Governor(2, INTERVAL_MS), 10.0, 1.0, 0.0, track_ms=40.0)] == [1]


def test_a_climb_that_fails_waits_longer_before_the_next() -> None:
    governor = Governor(2, INTERVAL_MS)
    waits, now_s = [], 0.0
    for _ in range(4):
        feed(governor, 45.0, 1.0, now_s)
        down_s = now_s + 1.0
        climbed = feed(governor, 8.0, 70.0, down_s)[0][0]
        waits.append(climbed - down_s)
        now_s = climbed + 1 / 30
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


def test_other_engines_begin_on_their_best_rung_and_owe_nothing_to_the_old() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    governor.restart(3)
    assert governor.rung == 0
    # The old engines' times are forgotten: it takes a whole window to step down, and then to the next rung alone.
    assert [governor.observe(5.0, 45.0, 40.0, 0) for _ in range(WINDOW - 1)] == [None] * (WINDOW - 1)
    assert governor.observe(5.0, 45.0, 40.0, 0) is not None
    assert governor.rung == 1


def test_the_same_engines_of_another_persona_begin_where_the_old_ones_were_and_climb_when_there_is_room() -> None:
    governor = Governor(2, INTERVAL_MS)
    feed(governor, 45.0, 1.0, 0.0)
    governor.restart(2, governor.rung)
    assert governor.rung == 1
    assert [move.to for _, move in feed(governor, 8.0, 10.0, 1.0)] == [0]


@pytest.mark.parametrize(("rungs", "interval"), [(0, 33.0), (1, 0.0)])
def test_nonsense_is_refused(rungs: int, interval: float) -> None:
    with pytest.raises(ValueError, match="rungs must be"):
        Governor(rungs, interval)
