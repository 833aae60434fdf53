from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_runner import Mien, write_clip

from mien.plugin.app import Live
from mien.plugin.measure import Plan, bench_config, file_sha256, measure
from mien.plugin.report import BenchReport

ONCE = ("--seconds", "1", "--warm-up", "0.5", "--repeats", "1")
TWICE = (*ONCE[:-1], "2")


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "wall.mp4", frames=20)


def test_a_report_says_what_ran_on_what_and_reads_back(mien: Mien, tmp_path: Path, clip: Path) -> None:
    out, rows_out = tmp_path / "a.json", tmp_path / "a.csv"
    result = mien("bench", "--source", clip, "--no-pace", *TWICE, "--json", out, "--csv", rows_out)
    assert result.code == 0
    report = BenchReport.load(out)
    assert (report.clip.name, report.clip.sha256) == ("wall.mp4", file_sha256(clip))
    assert report.persona.name == "amara"
    assert (report.repeats, len(report.runs), report.paced) == (2, 2, False)
    # Unpaced nothing is dropped; a clip of two seconds is played again and again.
    assert report.frames.dropped == 0
    assert report.frames.out > 2
    assert report.persona_switch_ms is not None
    assert report.startup_s > 0
    assert {"decode", "track"} <= set(report.stages_ms)
    with rows_out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report.frames.out
    assert {row["repeat"] for row in rows} == {"1", "2"}
    assert str(tmp_path) not in out.read_text()


def test_two_reports_become_a_markdown_table(mien: Mien, tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "a.json"
    mien("bench", "--source", clip, "--persona", "viggo", "--engine", "mesh", "--no-pace", *ONCE, "--json", out)
    other = json.loads(out.read_text()) | {"fps": 1000.0}
    (tmp_path / "b.json").write_text(json.dumps(other))
    result = mien("bench", "--compare", out, tmp_path / "b.json")
    assert result.code == 0
    assert result.out.startswith("| figure | a | b | change |\n|---|")
    assert "| 1000 |" in result.out


def test_json_on_stdout_is_one_document(mien: Mien, clip: Path) -> None:
    result = mien("bench", "--source", clip, "--engine", "swapnet", *ONCE, "--json", "-")
    assert result.document["paced"] is True
    assert "fps" in result.err
    assert result.document["engine"] == "swapnet-base"
    # Another persona has a network too, so a change of persona is measured with this engine.
    assert result.document["persona_switch_ms"] > 0


def test_whoever_reads_is_there_while_it_is_measured(clip: Path) -> None:
    frames: list[int] = []

    @contextmanager
    def reader(live: Live) -> Iterator[None]:
        frames.append(live.stats()["frames"]["out"])
        yield
        frames.append(live.stats()["frames"]["out"])
        assert not live.wait(0)

    report, _ = measure(bench_config(str(clip), persona="viggo"), Plan(1.0, 0.2, 1), beside=reader)
    assert len(frames) == 2
    assert frames[1] - frames[0] >= report.frames.out > 0


def test_the_users_own_settings_do_not_change_a_measurement(mien: Mien, clip: Path) -> None:
    from mien.plugin import settings

    settings.remember({"persona": "viggo"})
    assert bench_config(str(clip)).persona == "amara"
    assert mien("bench", "--source", clip, *ONCE, "--json", "-").document["persona"]["name"] == "amara"


def test_what_is_no_report_is_refused(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    result = mien("bench", "--compare", tmp_path / "x.json", tmp_path / "x.json")
    assert result.code == 2
    assert "'x.json' is no report of mien bench" in result.err
