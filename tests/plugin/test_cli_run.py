from __future__ import annotations

import shutil
import signal
import tomllib
from pathlib import Path
from typing import Any

import av
import pytest
from cli_runner import Mien, start, wait_for_frames, write_clip

from mien.plugin.commands.status import lines
from mien.plugin.settings import settings_path

PATTERN = ("run", "--source", "pattern", "--width", "320", "--height", "240")
#: With a persona whose portrait is open at once.
QUICK = (*PATTERN, "--persona", "viggo")


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def test_a_run_prints_its_numbers_and_one_document(mien: Mien, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", frames=20)
    result = mien("run", "--source", clip, "--no-pace", "--sink", "null", "--json")
    assert result.code == 0
    document = result.document
    # Nobody is in the clip: every frame is the slate, and never the camera.
    assert document["frames"] == {
        "in": 20, "out": 20, "dropped": 0, "held": 0, "slate": 20, "camera": 0, "errors": 0,
    }  # fmt: skip
    assert document["engine"]["name"] == "swapnet-base"
    assert document["engine"]["reason"]
    assert [(sink["name"], sink["written"]) for sink in document["sinks"]] == [("null", 20)]
    assert document["interrupted"] is False
    assert "wall.mp4 320x240" in result.err
    assert "20 frames in, 20 out" in result.err


def test_a_background_is_taken_and_kept_and_one_that_there_is_not_is_refused(mien: Mien) -> None:
    shown = mien(*PATTERN, "--sink", "null", "--seconds", "0.5", "--background", "blur")
    assert shown.code == 0
    assert tomllib.loads(settings_path().read_text())["background"] == "blur"
    refused = mien(*PATTERN, "--sink", "null", "--background", "beach")
    assert (refused.code, "--background" in refused.err) == (2, True)


def test_what_was_set_is_kept_and_said_once(mien: Mien) -> None:
    first = mien(*PATTERN, "--sink", "null", "--seconds", "0.2", "--persona", "viggo", "--badge-plate", "dark")
    assert "kept for next time: badge = plate dark" in first.out
    kept = tomllib.loads(settings_path().read_text())
    assert kept == {"persona": "viggo", "width": 320, "height": 240, "badge": {"plate": "dark"}}
    again = mien(*PATTERN, "--sink", "null", "--seconds", "0.2")
    assert "-> viggo" in again.out
    assert "kept for next time" not in again.out


def test_no_remember_keeps_nothing(mien: Mien) -> None:
    assert mien(*QUICK, "--sink", "null", "--seconds", "0.2", "--no-remember").code == 0
    assert not settings_path().exists()


def test_a_run_that_did_not_start_keeps_nothing(mien: Mien) -> None:
    assert mien("run", "--source", "gone.mp4", "--sink", "null", "--persona", "viggo").code == 3
    assert not settings_path().exists()


def test_asked_for_a_gpu_that_is_not_there_no_run_starts_and_nothing_else_is_taken(mien: Mien) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has a GPU")
    failed = mien(*PATTERN, "--sink", "null", "--seconds", "0.2", "--device", "cuda")
    assert failed.code not in (0, 1)
    assert "GPU" in failed.err
    assert "Traceback" not in failed.err
    assert not settings_path().exists()


def test_broken_settings_stop_the_run_and_can_be_reset(mien: Mien) -> None:
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text("width = = 3\n")
    failed = mien(*QUICK, "--sink", "null", "--seconds", "0.2")
    assert failed.code == 2
    assert "mien.toml, line 1, column 9" in failed.err
    assert "--reset-settings" in failed.err
    mended = mien(*QUICK, "--sink", "null", "--seconds", "0.2", "--reset-settings")
    assert mended.code == 0
    assert "mien.toml.bak" in mended.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--sink", "nul"), 2, "null"),
        (("--sink", "null", "--persona", "amra"), 5, "amara"),
        (("--sink", "null", "--badge-plate", "loud"), 2, "badge.plate"),
        (("--sink", "null", "--fps", "0"), 2, "fps"),
    ],
)
def test_each_wrong_choice_has_its_status_and_names_itself(
    mien: Mien, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = mien(*QUICK, "--seconds", "0.2", *arguments)
    assert result.code == code
    assert message in result.err


def test_a_sink_that_dies_ends_the_run_with_its_status(mien: Mien, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("already here")
    result = mien(*QUICK, "--seconds", "0.5", "--sink", f"file:{out}")
    assert result.code == 7
    assert "out.mp4" in result.err
    assert out.read_text() == "already here"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_soon_and_finishes_the_file(tmp_path: Path, number: signal.Signals, code: int) -> None:
    out = tmp_path / "out.mp4"
    with start([*QUICK, "--sink", f"file:{out}", "--no-remember"]) as process:
        wait_for_frames(tmp_path, process)
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode == code
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0


def stats(**changes: Any) -> dict[str, Any]:
    return {
        "frames": {"in": 10, "out": 9, "dropped": 1, "held": 0, "slate": 2, "camera": 0, "errors": 0},
        "fps": 29.97,
        "latency_p50_ms": 14.2,
        "latency_p95_ms": 21.0,
        "engine": {"name": "mesh", "runtime": "opencv", "device": "cpu", "reason": "asked for"},
        "source": {"name": "camera:0", "width": 1280, "height": 720, "fps": 30.0, "state": "running"},
        "persona": "amara",
        "sinks": [
            {"name": "preview", "state": "open", "wanted": False, "dropped": 0},
            {"name": "null", "state": "open", "wanted": True, "dropped": 4},
        ],
        "last_error": "",
        "preview_url": "http://127.0.0.1:8723/?token=x",
        **changes,
    }


def test_the_status_lines_say_everything() -> None:
    text = "\n".join(lines(stats()))
    for part in (
        "camera:0 1280x720 at 30 -> amara",
        "mesh on opencv, cpu: asked for",
        " 30.0 fps · latency 14 ms (p95 21)",
        "dropped 1 · held 0 · slate 2",
        "preview (open, nobody reads), null (open, 4 dropped)",
        "page: http://127.0.0.1:8723/?token=x",
    ):
        assert part in text
    assert "failure" not in text


def test_a_lost_source_and_a_failure_are_in_the_status_lines() -> None:
    source = {"name": "camera:0", "width": 1280, "height": 720, "fps": 30.0, "state": "lost"}
    text = "\n".join(lines(stats(source=source, last_error="frame 3: tracker: X")))
    assert "(lost)" in text
    assert "last failure: frame 3: tracker: X" in text
