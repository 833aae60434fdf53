from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_runner import Mien, write_clip

from mien.plugin import verify
from mien.plugin.sessions import remember
from mien.realtime.errors import SourceError
from mien.realtime.watermark.embed import Embedder
from mien.realtime.watermark.session import MarkSession


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def test_a_file_is_looked_at_and_the_three_answers_are_one_document(mien: Mien, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4")
    result = mien("verify", clip, "--json")
    assert result.code == 0
    assert set(result.document) == {"file", "signed", "marked", "signals"}
    assert result.document["marked"]["found"] is False
    assert result.document["file"]["looked_at"] == 20
    for title in ("File: wall.mp4", "Signed: ", "Marked: no mark", "Signals: not measured: no face"):
        assert title in result.err
    assert result.document == json.loads(json.dumps(verify(clip).to_json()))


def test_the_text_is_for_people_and_keeps_a_hostile_name_quiet(mien: Mien, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "[red]a\x1b[31m\nb.mp4", frames=3)
    result = mien("verify", clip, "--no-signals")
    assert result.code == 0
    assert "File: [red]a [31m b.mp4" in result.out
    assert "\x1b" not in result.out
    assert "they were not asked for" in result.out


def test_a_page_is_written_whole_or_not_at_all(mien: Mien, tmp_path: Path) -> None:
    clip, page = write_clip(tmp_path / "wall.mp4", frames=5), tmp_path / "out.html"
    assert mien("verify", clip, "--no-signals", "--html", page).code == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "<svg" in page.read_text(encoding="utf-8")
    again = mien("verify", clip, "--no-signals", "--html", page)
    assert again.code == 7
    assert "--overwrite" in again.err
    assert mien("verify", clip, "--no-signals", "--html", page, "--overwrite").code == 0
    (tmp_path / "text.mp4").write_text("no film\n" * 50)
    assert mien("verify", tmp_path / "text.mp4", "--html", tmp_path / "b.html").code == 3
    assert mien("verify", clip, "--html", tmp_path / "none" / "b.html").code == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "text.mp4", "wall.mp4"]


def test_the_page_never_replaces_what_is_looked_at(mien: Mien, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", frames=5)
    before = clip.read_bytes()
    result = mien("verify", clip, "--html", tmp_path / "." / "wall.mp4", "--overwrite")
    assert result.code == 2
    assert clip.read_bytes() == before


@pytest.mark.parametrize("what", ["gone.mp4", "", "http://127.0.0.1:9/a.mp4", "concat:a.mp4|b.mp4", "."])
def test_what_is_no_file_ends_with_three_and_one_document(mien: Mien, what: str) -> None:
    result = mien("verify", what, "--json")
    assert result.code == 3
    assert result.document["error"]["type"] == "VerifyError"
    assert result.document["error"]["exit_code"] == 3


def test_a_camera_that_is_not_there_is_named(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_there(spec: str, **_: object) -> None:
        raise SourceError(f"There is no camera {spec!r}.", hint="Plug one in.")

    monkeypatch.setattr("mien.engines.verify.verify.open_source", none_there)
    result = mien("verify", "camera:99")
    assert result.code == 3
    assert "camera:99" in result.err


def test_a_file_called_camera_is_a_file(mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "clip.mp4", frames=3).rename(tmp_path / "camera")
    monkeypatch.chdir(tmp_path)
    result = mien("verify", "camera", "--no-signals", "--json")
    assert result.code == 0
    assert result.document["file"]["kind"] == "video"


def test_the_help_teaches_what_the_answers_mean(mien: Mien) -> None:
    result = mien("verify", "--help")
    assert result.code == 0
    for words in ("never mixed", "can be copied", "Exit status", "--html", "--no-signals", "no verdict"):
        assert words in " ".join(result.out.split())


def test_a_recording_of_ones_own_is_known_and_a_strangers_is_not(mien: Mien, tmp_path: Path) -> None:
    started = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
    own, strangers = MarkSession(), MarkSession()
    remember(own, started)
    for session, since in ((own, started.isoformat()), (strangers, None)):
        pixels = np.full((360, 640, 3), 120, np.uint8)
        Embedder(session.payload("persona"), 640, 360)(pixels)
        picture = tmp_path / f"{session.session}.png"
        cv2.imwrite(str(picture), pixels)
        result = mien("verify", str(picture), "--json")
        assert result.document["marked"]["sessions"] == [f"{session.session:08x}"]
        assert result.document["marked"]["own_since"] == since
        assert ("a session of yours, begun 2026-11-30 05:00 UTC" in mien("verify", str(picture)).out) == (
            since is not None
        )
