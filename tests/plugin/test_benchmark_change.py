"""The logic of benchmarks/change.py: what it makes of the frames around a change."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mien.realtime.frame_record import FrameRecord

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from change import CASES, Change, judge, missing, summary

MS = 1_000_000


def left(sequence: int, done_ms: int, kind: str = "persona", *, held: bool = False) -> FrameRecord:
    return FrameRecord(sequence, kind, held, (done_ms - 30) * MS, done_ms * MS)  # type: ignore[arg-type]


def judged(records: list[FrameRecord], *took_over_ms: int) -> Change:
    return judge(
        records, wanted="opal", loaded=True, asked_ns=100 * MS, answered_ns=140 * MS,
        took_over_ns=[each * MS for each in took_over_ms],
    )  # fmt: skip


def test_the_first_picture_of_the_new_face_counts() -> None:
    change = judged([left(1, 90), left(2, 123), left(3, 156), left(4, 190)], 130)
    assert (change.seen_ms, change.network_ms, change.answered_ms) == (56.0, None, 40.0)
    assert (change.dropped, change.stand_ins) == (0, 0)


def test_neither_a_held_picture_nor_a_slate_is_the_new_face() -> None:
    change = judged([left(1, 90), left(1, 150, held=True), left(2, 180, "slate"), left(5, 250)], 130)
    assert (change.seen_ms, change.dropped, change.stand_ins) == (150.0, 2, 2)


def test_the_network_comes_after_its_portrait() -> None:
    change = judged([left(1, 90), left(2, 123), left(3, 156), left(9, 400), left(10, 433)], 120, 410)
    assert (change.seen_ms, change.network_ms, change.dropped) == (23.0, 333.0, 5)


def test_a_face_that_never_came_is_an_error() -> None:
    with pytest.raises(ValueError, match="opal: no picture of it left"):
        judged([left(1, 90), left(2, 123), left(3, 156, "slate")], 130)


def test_frames_that_never_left_are_counted() -> None:
    assert missing([]) == 0
    assert missing([left(7, 1), left(8, 2), left(11, 3), left(11, 4, held=True)]) == 2


def test_what_was_loaded_first_stays_out_of_the_figures() -> None:
    first = Change("opal", False, 300.0, None, 280.0, 9, 0)
    ready = [Change("opal", True, ms, None, 10.0, dropped, 0) for ms, dropped in ((50.0, 0), (90.0, 1), (60.0, 0))]
    figures = summary([first, *ready], [0, 1])
    assert figures["changes"] == 3
    assert figures["seen_ms"] == {"median": 60.0, "worst": 90.0}
    assert figures["dropped"] == {"mean": 0.33, "worst": 1}
    assert figures["dropped_without_change"] == {"mean": 0.5, "worst": 1}
    assert [each["seen_ms"] for each in figures["not_loaded"]] == [300.0]


def test_every_case_goes_back_to_what_it_began_with() -> None:
    for begin, other, back in CASES.values():
        assert other != back
        assert back.items() <= begin.items()
