from __future__ import annotations

import pytest

from mien.realtime.frame_record import FrameRecord
from mien.realtime.record_ring import RecordRing


def record(index: int, **stages_ms: float) -> FrameRecord:
    return FrameRecord(index, "persona", False, index * 1000, index * 1000 + 10**15 + 7, stages_ms)


@pytest.mark.parametrize("kind", ["persona", "slate", "camera"])
@pytest.mark.parametrize("held", [True, False])
def test_a_record_comes_back_as_it_was(kind: str, held: bool) -> None:
    ring = RecordRing(4)
    before = FrameRecord(3, kind, held, 5, 10**18 + 1, {"track": 7.25, "engine": 0.0})  # type: ignore[arg-type]
    ring.add(before)
    assert ring.newest() == [before]


def test_the_oldest_go_first() -> None:
    ring = RecordRing(3)
    for index in range(8):
        ring.add(record(index))
    assert [kept.sequence for kept in ring.newest()] == [5, 6, 7]


def test_a_stage_that_did_not_run_is_not_there_also_in_a_row_used_before() -> None:
    ring = RecordRing(1)
    ring.add(record(0, track=1.0))
    ring.add(record(1, engine=2.0))
    assert ring.newest()[0].stages_ms == {"engine": 2.0}


def test_more_stages_than_planned_are_kept() -> None:
    ring = RecordRing(2)
    stages = {f"stage{index}": float(index) for index in range(30)}
    ring.add(record(0, track=1.0))
    ring.add(record(1, **stages))
    assert [kept.stages_ms for kept in ring.newest()] == [{"track": 1.0}, stages]


def test_since_cuts_where_asked_and_includes_it() -> None:
    ring = RecordRing(10)
    for index in range(6):
        ring.add(record(index))
    assert [kept.sequence for kept in ring.newest(since_ns=record(4).done_ns)] == [4, 5]
    assert ring.newest(since_ns=record(9).done_ns) == []


def test_an_empty_ring_gives_nothing() -> None:
    assert RecordRing(3).newest() == []
