from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from mien.plugin.figures import combine, frames_csv, latency, summarise
from mien.plugin.machine import commit, describe_machine, versions
from mien.plugin.report import BenchReport, Input, Run, WarmUp, compare
from mien.realtime.errors import ConfigError
from mien.realtime.stats import FrameRecord

MS = 1_000_000
WARM_UP = WarmUp(seconds=2.0, frames=60, fps=30.0, latency_ms=None)


def record(sequence: int, at_ms: float, latency_ms: float, *, held: bool = False, tracked: bool = True) -> FrameRecord:
    done_ns = round(at_ms * MS)
    stages = {"track": 8.0, "engine": 4.0 + sequence % 2} if tracked else {}
    return FrameRecord(sequence, "persona", held, done_ns - round(latency_ms * MS), done_ns, stages)


def steady(count: int = 100, gap_ms: float = 20.0, latency_ms: float = 15.0) -> list[FrameRecord]:
    return [record(index, index * gap_ms, latency_ms) for index in range(count)]


def run(records: list[FrameRecord], *, dropped: int = 0, switch_ms: float | None = 120.0) -> Run:
    counts = {"in": len(records) + dropped, "out": len(records), "dropped": dropped, "held": 0}
    return summarise(records, counts, rss_mb=400.0, startup_s=1.5, persona_switch_ms=switch_ms, warm_up=WARM_UP)


def report(runs: list[Run], **changes: Any) -> BenchReport:
    values = {
        "schema_version": 1,
        "machine": describe_machine(),
        "commit": "abc",
        "versions": versions(),
        "clip": Input(name="driver.mp4", sha256="0" * 64),
        "persona": Input(name="amara", sha256="1" * 64),
        "engine": "mesh",
        "runtime": "opencv",
        "device": "cpu",
        "precision": "uint8",
        "reason": "asked for",
        "width": 1280,
        "height": 720,
        "source_fps": 30.0,
        "paced": True,
        "sinks": ("null",),
        **combine(runs),
        **changes,
    }
    return BenchReport.model_validate(values)


def test_steady_frames_give_their_rate_and_no_jitter() -> None:
    figures = run(steady())
    assert figures.fps == 50.0
    assert figures.jitter_ms == 0.0
    assert (figures.low_fps_1pct, figures.low_fps_01pct) == (50.0, 50.0)
    assert figures.latency_ms.model_dump() == {"p50": 15.0, "p95": 15.0, "p99": 15.0, "max": 15.0}
    assert figures.stages_ms["track"].p50 == 8.0
    assert figures.stages_ms["engine"].p95 == 5.0
    assert figures.warm_up == WARM_UP


def test_one_hitch_shows_in_the_lows_and_the_jitter_not_in_the_median() -> None:
    records = [record(index, index * 10.0 + (90.0 if index >= 100 else 0.0), 15.0) for index in range(201)]
    figures = run(records)
    # 200 gaps: the slowest 1 % are one of 100 ms and one of 10 ms, the slowest 0.1 % the hitch alone.
    assert figures.low_fps_1pct == pytest.approx(1000 / 55, abs=0.01)
    assert figures.low_fps_01pct == 10.0
    assert figures.jitter_ms > 5.0


def test_repeats_of_a_picture_and_untracked_stand_ins_are_no_latency() -> None:
    records = [record(0, 0, 15.0), record(1, 20, 999.0, held=True), record(2, 40, 0.0, tracked=False)]
    found = latency(records)
    assert found is not None
    assert found.max == 15.0
    assert latency(records[1:]) is None


def test_a_span_without_frames_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(ConfigError, match="only 1 frames came out"):
        run(steady(1))


def test_top_figures_are_medians_and_counts_are_sums() -> None:
    whole = report([run(steady(latency_ms=ms), dropped=n) for ms, n in ((10.0, 0), (30.0, 1), (20.0, 0))])
    assert whole.latency_ms.p50 == 20.0
    assert (whole.frames.in_, whole.frames.out, whole.frames.dropped) == (301, 300, 1)
    spread = whole.spread["latency_ms.p50"]
    assert (spread.min, spread.median, spread.max) == (10.0, 20.0, 30.0)
    assert whole.repeats == 3


def test_a_report_survives_the_way_through_a_file(tmp_path: Path) -> None:
    before = report([run(steady()), run(steady(gap_ms=25.0), switch_ms=None)])
    path = tmp_path / "report.json"
    path.write_text(before.to_json(), encoding="utf-8")
    assert BenchReport.load(path) == before


def test_the_document_has_the_promised_keys() -> None:
    document = json.loads(report([run(steady())]).to_json())
    assert set(document["frames"]) == {"in", "out", "dropped", "held"}
    assert set(document["latency_ms"]) == {"p50", "p95", "p99", "max"}
    assert {"cpu", "isa", "power_plan"} <= set(document["machine"])
    expected = {
        "schema_version", "machine", "commit", "versions", "clip", "persona", "engine", "runtime", "device",
        "precision", "fps", "low_fps_1pct", "low_fps_01pct", "jitter_ms", "stages_ms", "rss_mb", "startup_s",
        "persona_switch_ms", "spread", "runs",
    }  # fmt: skip
    assert expected <= set(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"colour": "red"}, "colour"),
        ({"fps": "fast"}, "fps"),
    ],
)
def test_another_document_is_refused_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    document = json.loads(report([run(steady())]).to_json()) | change
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"'other\.json' is no report of mien bench, schema 1: {message}"):
        BenchReport.load(path)


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'gone\.json' cannot be read"):
        BenchReport.load(tmp_path / "gone.json")


def test_compare_shows_the_change_and_what_differs_beside_it() -> None:
    slow = report([run(steady(gap_ms=40.0, latency_ms=30.0))])
    fast = report([run(steady(gap_ms=20.0, latency_ms=15.0))], paced=False)
    text = compare(slow, fast, ("before", "after"))
    assert text.startswith("| figure | before | after | change |\n|---|---:|---:|---:|\n")
    assert "| frames a second | 25 | 50 | +100.0 % |" in text
    assert "| latency p50, ms | 30 | 15 | -50.0 % |" in text
    assert "| frames dropped | 0 | 0 | - |" in text
    assert "Not the same pace: paced / unpaced." in text
    assert "Not the same machine" not in text


def test_csv_has_one_line_a_frame_and_blank_cells_for_stages_that_did_not_run() -> None:
    rows = [(1, record(0, 20.0, 15.0)), (1, record(1, 40.0, 16.0, tracked=False)), (2, record(0, 90.0, 15.0))]
    table = list(csv.DictReader(io.StringIO(frames_csv(rows))))
    assert [row["repeat"] for row in table] == ["1", "1", "2"]
    assert [row["capture_ms"] for row in table] == ["0.000", "19.000", "0.000"]
    assert [row["latency_ms"] for row in table] == ["15.000", "16.000", "15.000"]
    assert (table[0]["track_ms"], table[1]["track_ms"]) == ("8.000", "")


def test_the_machine_names_no_person_and_no_computer() -> None:
    import getpass
    import platform

    text = describe_machine().model_dump_json()
    assert platform.node() not in text
    # Some user names ("root") are words of their own elsewhere; the home folder is not.
    assert str(Path.home()) not in text or getpass.getuser() == "root"
    assert describe_machine().threads >= describe_machine().cores >= 1


def test_versions_and_commit_say_what_ran() -> None:
    assert {"python", "mien", "numpy", "mediapipe"} <= set(versions())
    head = commit().removesuffix("-dirty")
    assert head == "installed" or (len(head) == 40 and set(head) <= set("0123456789abcdef"))
