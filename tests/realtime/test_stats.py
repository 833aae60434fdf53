from __future__ import annotations

import pytest

from mien.realtime.stats import FrameRecord, RunStats, percentile

MS = 1_000_000


def test_counts_tell_persona_held_slate_and_camera_apart() -> None:
    stats = RunStats()
    for kind, held in (("persona", False), ("persona", True), ("slate", False), ("camera", False)):
        stats.add(FrameRecord(0, kind, held, 0, MS))  # type: ignore[arg-type]
    assert stats.counts == {"out": 4, "held": 1, "slate": 1, "camera": 1, "errors": 0}


def test_recent_numbers_look_back_five_seconds_only() -> None:
    stats = RunStats()
    stats.add(FrameRecord(0, "persona", False, 0, 900 * MS))
    for index in range(61):
        done = (10_000 + index * 20) * MS
        stats.add(FrameRecord(index, "persona", False, done - 12 * MS, done, {"track": 5.0}))
    recent = stats.recent((10_000 + 60 * 20) * MS)
    assert recent == {"fps": pytest.approx(50.0), "latency_p50_ms": 12.0, "latency_p95_ms": 12.0}


def test_stand_ins_for_a_silent_source_do_not_flatter_the_latency() -> None:
    stats = RunStats()
    for index in range(10):
        stats.add(FrameRecord(index, "persona", False, 0, 40 * MS + index, {"track": 5.0}))
        stats.add(FrameRecord(index, "slate", False, 40 * MS, 40 * MS + index))
    assert stats.recent(50 * MS)["latency_p50_ms"] == pytest.approx(40.0, abs=0.1)


def test_recent_numbers_of_a_silent_run_are_zero() -> None:
    assert RunStats().recent(0) == {"fps": 0.0, "latency_p50_ms": 0.0, "latency_p95_ms": 0.0}


def test_an_error_is_counted_and_its_text_kept() -> None:
    stats = RunStats()
    stats.error("frame 3: engine failed")
    assert stats.counts["errors"] == 1
    assert stats.last_error == "frame 3: engine failed"


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (50, 51.0), (99, 100.0), (100, 101.0)])
def test_percentiles_are_nearest_rank(percent: float, value: float) -> None:
    assert percentile([float(n) for n in range(1, 102)], percent) == value
