from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from pathlib import Path
from subprocess import Popen

import av
import cv2
import numpy as np
import pytest
from cli_runner import Mien, write_clip

from mien.engines.credentials.chain import one_time
from mien.engines.credentials.manifest import Description, ShownPersona
from mien.engines.credentials.sign import sign_file
from mien.engines.verify.signed import read_signed
from mien.plugin.commands.sign import STILL_WRITTEN_S
from mien.plugin.signing import anchors
from mien.realtime.config import CredentialSettings
from mien.realtime.mark import Marker
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.file import FileSink


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def record(path: Path, frames: int = 8) -> Path:
    """A recording that was not signed."""
    sink, marker = FileSink(path), Marker(64, 48)
    sink.open(StreamFormat(64, 48, 10.0, live=False))
    for number in range(frames):
        pixels, now = np.full((48, 64, 3), 20 * number % 256, np.uint8), number * 100_000_000
        sink.write(
            marker.mark_persona(pixels, label="modified", sequence=number, capture_ns=now, media_ns=now, now_ns=now)
        )
    sink.close()
    return path


def age(path: Path) -> Path:
    """As if it had been left alone for a while."""
    then = time.time() - STILL_WRITTEN_S - 1
    os.utime(path, (then, then))
    return path


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_recording_that_was_not_signed_is_signed(mien: Mien, tmp_path: Path) -> None:
    path = record(tmp_path / "talk.mp4")
    result = mien("sign", path, "--json")
    assert (result.code, result.document) == (0, {"file": str(path), "signed": True, "recovered": False, "note": ""})
    assert f"signed: {path} (keys for this file alone)" in result.err
    found = read_signed(path)
    assert (found.state, found.made_with_ai, found.trusted) == ("valid", True, "unknown")


def test_it_is_signed_once(mien: Mien, tmp_path: Path) -> None:
    path = record(tmp_path / "talk.mp4")
    assert mien("sign", path).code == 0
    before = path.read_bytes()
    again = mien("sign", path)
    assert again.code == 10
    assert "talk.mp4 is signed already." in again.err
    assert path.read_bytes() == before


def test_with_an_identity_it_is_signed_above_what_it_says(mien: Mien, tmp_path: Path) -> None:
    path = record(tmp_path / "talk.mp4")
    shown = Description(personas=(ShownPersona("consented", "ab" * 32),), watermark="0011223344556677")
    sign_file(path, credentials=one_time(), description=shown)
    result = mien("sign", "--identity", path)
    assert result.code == 0
    assert "this file alone" not in result.out
    found = read_signed(path, own=anchors(CredentialSettings()))
    assert (found.state, found.trusted, found.personas) == ("valid", "own", ("consented",))
    assert found.watermark == "0011223344556677"


def test_no_other_video_gets_our_name(mien: Mien, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "holiday.mp4", frames=3)
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.zeros((16, 16, 3), np.uint8))
    for path in (clip, picture):
        before = path.read_bytes()
        for arguments in ([], ["--identity"], ["--recover"]):
            result = mien("sign", path, *arguments)
            assert result.code == 10
            assert f"{path.name} is no recording of Mien's." in result.err
        assert path.read_bytes() == before


def test_what_was_changed_is_not_signed_over(mien: Mien, tmp_path: Path) -> None:
    path = record(tmp_path / "talk.mp4")
    sign_file(path, credentials=one_time(), description=Description())
    data = bytearray(path.read_bytes())
    data[data.index(b"mdat") + 100] ^= 1
    path.write_bytes(data)
    for arguments in ([], ["--identity"]):
        result = mien("sign", path, *arguments)
        assert result.code == 10
        assert "was changed after it was signed (the picture or sound data was changed" in result.err
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("name", "content", "code"), [("gone.mp4", None, 3), ("empty.mp4", b"", 3), ("text.mp4", b"no video" * 99, 3)]
)
def test_what_is_no_video_is_named(mien: Mien, tmp_path: Path, name: str, content: bytes | None, code: int) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = mien("sign", tmp_path / name)
    assert result.code == code
    assert name in result.err


def test_a_matroska_recording_cannot_be_signed_and_is_told_so(mien: Mien, tmp_path: Path) -> None:
    result = mien("sign", record(tmp_path / "talk.mkv"))
    assert result.code == 10
    assert "talk.mkv: a file of this kind carries no content credentials." in result.err


def test_parts_and_whole_recordings_are_not_mixed_up(mien: Mien, tmp_path: Path) -> None:
    whole = record(tmp_path / "talk.mp4")
    result = mien("sign", "--recover", whole)
    assert result.code == 10
    assert "talk.mp4 is a whole recording. Use: mien sign FILE" in " ".join(result.err.split())
    part = whole.rename(tmp_path / "talk.part.mp4")
    result = mien("sign", part)
    assert result.code == 10
    assert "talk.part.mp4 is an unfinished recording. Use: mien sign --recover FILE" in " ".join(result.err.split())


def test_a_recording_that_may_still_run_is_left_alone(mien: Mien, tmp_path: Path) -> None:
    part = record(tmp_path / "talk.mp4").rename(tmp_path / "talk.part.mp4")
    result = mien("sign", "--recover", part)
    assert result.code == 10
    assert "it may still be recorded" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["talk.part.mp4"]


def test_recovering_takes_the_next_free_name_and_keeps_matroska_unsigned(mien: Mien, tmp_path: Path) -> None:
    part = age(record(tmp_path / "talk.mkv").rename(tmp_path / "talk.part-2.mkv"))
    (tmp_path / "talk.mkv").write_text("another")
    result = mien("sign", "--recover", part, "--json")
    assert result.code == 0
    assert result.document["signed"] is False
    assert "carries no content credentials" in result.document["note"]
    assert frames_of(tmp_path / "talk-2.mkv") == 8
    assert (tmp_path / "talk.mkv").read_text() == "another"
    assert not part.exists()


def killed_recording(folder: Path) -> Path:
    """What a process leaves that was killed while it recorded."""
    program = textwrap.dedent(
        """
        import sys
        import numpy as np
        from mien.realtime.mark import Marker
        from mien.realtime.sink.base import StreamFormat
        from mien.realtime.sink.file import FileSink
        sink, marker = FileSink(sys.argv[1]), Marker(64, 48)
        sink.open(StreamFormat(64, 48, 10.0, live=False))
        for number in range(10**6):
            pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8)
            now = number * 100_000_000
            sink.write(marker.mark_persona(
                pixels, label="modified", sequence=number, capture_ns=now, media_ns=now, now_ns=now))
        """
    )
    part = folder / "talk.part.mp4"
    with Popen([sys.executable, "-c", program, str(folder / "talk.mp4")]) as child:
        until = time.monotonic() + 30
        while not part.exists() or part.stat().st_size < 400_000:
            assert child.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        child.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    return part


def test_what_a_crash_cut_short_is_signed_and_gets_its_name(mien: Mien, tmp_path: Path) -> None:
    part = age(killed_recording(tmp_path))
    result = mien("sign", "--recover", part, "--json")
    assert result.code == 0, result.err
    whole = tmp_path / "talk.mp4"
    assert result.document == {"file": str(whole), "signed": True, "recovered": True, "note": ""}
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp4"]
    found = read_signed(whole)
    assert (found.state, found.ours, found.made_with_ai) == ("valid", True, True)
    with av.open(str(whole)) as container:
        pictures = [frame for frame, _ in zip(container.decode(video=0), range(40), strict=False)]
    assert len(pictures) == 40


def test_an_identity_that_cannot_be_kept_leaves_the_file_unsigned(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "talk.mp4")
    (tmp_path / "credentials").write_text("")
    monkeypatch.setenv("MIEN_CONFIG_DIR", str(tmp_path))
    result = mien("sign", "--identity", path)
    assert result.code == 10
    assert "your identity cannot be kept" in result.err
    assert "Traceback" not in result.err
    assert read_signed(path).state == "none"
