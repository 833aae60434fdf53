from __future__ import annotations

import json
import signal
from pathlib import Path

import av
import pytest
from cli_runner import Mien, start, start_interrupted, wait_for_frames, write_clip

#: A persona whose portrait is open at once.
QUICK = ("--persona", "viggo")


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_every_frame_is_converted_and_one_document_says_so(mien: Mien, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "in.mp4", frames=24), tmp_path / "out.mp4"
    result = mien("convert", clip, out, *QUICK, "--json")
    assert result.code == 0
    document = result.document
    assert (document["frames"]["in"], document["frames"]["out"]) == (24, 24)
    assert document["frames"]["dropped"] == 0
    assert (document["audio"], document["stopped"]) == (False, False)
    assert frames_of(out) == 24
    assert "24 frames in" in result.err


def test_an_output_that_exists_is_kept_unless_asked(mien: Mien, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "in.mp4", frames=4), tmp_path / "out.mp4"
    out.write_text("precious")
    refused = mien("convert", clip, out, *QUICK)
    assert refused.code != 0
    assert "out.mp4" in refused.err
    assert out.read_text() == "precious"
    assert mien("convert", clip, out, *QUICK, "--overwrite").code == 0
    assert frames_of(out) == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("gone.mp4", None, "gone.mp4"), ("empty.mp4", b"", "empty.mp4"), ("text.mp4", b"not a video" * 50, "text.mp4")],
)
def test_an_input_that_is_no_video_is_named(
    mien: Mien, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = mien("convert", tmp_path / name, tmp_path / "out.mp4")
    assert result.code == 3
    assert message in result.err
    assert not (tmp_path / "out.mp4").exists()


def test_an_output_of_an_unknown_kind_is_refused(mien: Mien, tmp_path: Path) -> None:
    result = mien("convert", write_clip(tmp_path / "in.mp4", frames=4), tmp_path / "out.gif", *QUICK)
    assert result.code in (2, 7)
    assert ".mp4" in result.err


def test_ctrl_c_keeps_what_was_converted_and_says_how_much(tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "in.mp4", frames=800), tmp_path / "out.mp4"
    with start(["convert", clip, out, *QUICK, "--json"]) as process:
        wait_for_frames(tmp_path, process)
        process.send_signal(signal.SIGINT)
        text, said = process.communicate(timeout=30)
    assert process.returncode == 130
    document = json.loads(text)
    assert document["stopped"] is True
    assert 0 < document["frames"]["out"] < 800
    assert frames_of(out) == document["frames"]["out"]
    assert f"out.mp4: {document['frames']['out']} frames" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


# The modules stand for moments: the commands are loaded, the live path is loaded, the tracker is made.
@pytest.mark.parametrize("module", ["typer", "mien.plugin.app", "mediapipe"])
def test_ctrl_c_before_the_first_frame_leaves_one_document_and_no_file(tmp_path: Path, module: str) -> None:
    clip, out = write_clip(tmp_path / "in.mp4", frames=4), tmp_path / "out.mp4"
    with start_interrupted(module, ["convert", clip, out, *QUICK, "--json"]) as process:
        text, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(text)["error"]["exit_code"] == 130
    assert "stopped" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]
