from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_runner import Mien
from obs_server import TRANSFORM, FakeObs, Running, configure, item

from mien.plugin.obs.journal import Journal, MicrophoneDelayed, journal_path


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What runs on this machine."""
    found: list[Any] = []
    monkeypatch.setattr("psutil.process_iter", lambda *_: iter(found))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """OBS's settings, where Linux keeps them."""
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    made = tmp_path / "obs-studio"
    (made / "basic" / "scenes").mkdir(parents=True)
    (made / "global.ini").write_text("[Basic]\nSceneCollectionFile=Stream\n")
    (made / "basic" / "scenes" / "Stream.json").write_text('{"name":"Stream"}')
    return made


def begin(programs: list[Any]) -> None:
    programs.append(SimpleNamespace(info={"name": "obs", "exe": "/usr/bin/obs"}))


def test_closed_then_open_then_out_again(mien: Mien, folder: Path, programs: list[Any]) -> None:
    obs = FakeObs(password="secret")
    before = obs.state()
    closed = mien("obs", "install", "--json").document
    assert (closed["listed"], closed["in_scenes"], closed["replaced"]) == (True, False, [])
    begin(programs)
    with Running(obs):
        configure(folder, obs)
        opened = mien("obs", "install", "--yes", "--json").document
        assert (opened["listed"], opened["in_scenes"], opened["replaced"]) == (True, True, ["Webcam"])
        assert mien("obs", "status", "--json").document["scenes"] == ["Talk", "Game"]
        assert mien("obs", "uninstall", "--json").document == {"left": ["script mien_obs.py"]}
        assert obs.state() == before
    programs.clear()
    assert mien("obs", "uninstall", "--json").document == {"left": []}
    assert json.loads((folder / "basic" / "scenes" / "Stream.json").read_text()) == {
        "name": "Stream",
        "modules": {"scripts-tool": []},
    }
    assert not (folder / "mien").exists()
    assert not journal_path().exists()
    assert "nothing of Mien's" in mien("obs", "uninstall").out


@pytest.mark.parametrize(("answers", "replaced"), [("y\n", ["Webcam"]), ("n\n", []), ("", [])])
def test_each_webcam_is_asked_about(
    mien: Mien, folder: Path, programs: list[Any], answers: str, replaced: list[str]
) -> None:
    obs = FakeObs()
    begin(programs)
    with Running(obs):
        configure(folder, obs)
        result = mien("obs", "install", "--json", answers=answers)
        assert result.document["replaced"] == replaced
        # Never closed, OBS has not got the script by itself.
        assert not result.document["listed"]
        assert "Tools > Scripts > +" in result.err
        assert "Replace the webcam 'Webcam' in Talk, Game" in result.err
        # Either way the source is to be seen somewhere.
        assert [held["sceneItemEnabled"] for _, held in obs.places("Mien")] == [True] * (2 if replaced else 1)
        assert mien("obs", "status", "--json").document["bare_cameras"] == ([] if replaced else ["Webcam"])


def test_a_wrong_password_is_asked_for_and_never_kept(
    mien: Mien, folder: Path, programs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    obs = FakeObs(password="hunter2")
    begin(programs)
    asked = []
    monkeypatch.setattr("mien.plugin.commands.obs._at_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda text, **how: asked.append((text, how)) or "hunter2")
    with Running(obs):
        configure(folder, obs, "old")
        result = mien("obs", "install", "--yes")
    assert result.code == 0, result.err
    ((text, how),) = asked
    assert "Password" in text
    assert how["hide_input"]
    assert "hunter2" not in result.out + result.err
    assert "hunter2" not in journal_path().read_text()


def test_a_wrong_password_ends_a_script_that_nobody_can_answer(mien: Mien, folder: Path, programs: list[Any]) -> None:
    begin(programs)
    obs = FakeObs(password="hunter2")
    with Running(obs):
        configure(folder, obs, "old")
        result = mien("obs", "install", "--yes", answers="hunter2\n")
    assert result.code == 7
    assert "refused the password" in result.err


def test_a_server_that_is_off_names_the_tick_to_set(mien: Mien, folder: Path, programs: list[Any]) -> None:
    begin(programs)
    result = mien("obs", "install", "--yes")
    assert result.code == 7
    assert "Enable WebSocket server" in result.err


def test_without_obs_it_says_where_to_get_it(mien: Mien, folder: Path, programs: list[Any]) -> None:
    (folder / "basic" / "scenes" / "Stream.json").unlink()
    (folder / "basic" / "scenes").rmdir()
    (folder / "basic").rmdir()
    for command in ("install", "status"):
        result = mien("obs", command)
        assert result.code == 7
        assert "obsproject.com" in result.err


def test_two_obs_are_told_apart_by_folder(mien: Mien, folder: Path, programs: list[Any], tmp_path: Path) -> None:
    other = tmp_path / "home" / ".var" / "app" / "com.obsproject.Studio" / "config" / "obs-studio"
    (other / "basic" / "scenes").mkdir(parents=True)
    result = mien("obs", "install")
    assert result.code == 7
    assert "--folder" in result.err
    assert mien("obs", "install", "--folder", str(other), "--json").document["folder"] == str(other)
    # Installed once, it is not installed elsewhere beside.
    assert "obs uninstall" in mien("obs", "install", "--folder", str(folder)).err


def test_a_damaged_collection_is_left_as_it_is(mien: Mien, folder: Path, programs: list[Any]) -> None:
    collection = folder / "basic" / "scenes" / "Stream.json"
    collection.write_text("{")
    result = mien("obs", "install")
    assert "left as it is" in result.err
    assert collection.read_text() == "{"


def test_a_folder_that_is_read_only_costs_the_hotkeys_alone(mien: Mien, folder: Path, programs: list[Any]) -> None:
    # A file where the script's folder would be: root may write everywhere else.
    (folder / "mien").write_text("")
    begin(programs)
    obs = FakeObs()
    with Running(obs):
        configure(folder, obs)
        result = mien("obs", "install", "--yes", "--json")
    assert "no hotkeys" in result.err
    assert (result.document["script"], result.document["replaced"]) == (None, ["Webcam"])


def test_status_names_what_hides_the_mark(mien: Mien, folder: Path, programs: list[Any]) -> None:
    obs = FakeObs()
    begin(programs)
    with Running(obs):
        configure(folder, obs)
        mien("obs", "install", "--yes")
        for _, held in obs.places("Mien"):
            held["sceneItemTransform"].update({"sourceWidth": 1280.0, "sourceHeight": 720.0, "scaleX": -1.0})
        result = mien("obs", "status")
    assert "mirrored" in result.out or "cut off" in result.out


def test_calibrating_wants_an_installation(mien: Mien, folder: Path) -> None:
    result = mien("obs", "calibrate")
    assert result.code == 7
    assert "mien obs install" in result.err


def test_the_microphone_is_put_back_on_a_word(mien: Mien, folder: Path, programs: list[Any]) -> None:
    obs = FakeObs()
    begin(programs)
    with Running(obs):
        configure(folder, obs)
        mien("obs", "install")
        journal = Journal.load()
        assert journal is not None
        journal.add(MicrophoneDelayed(collection="Stream", name="Mic", before_ms=20, set_ms=110))
        obs.inputs["Mic"]["sync"] = 110
        assert mien("obs", "calibrate", "--undo", "--json").document == {"undone": True}
        assert obs.inputs["Mic"]["sync"] == 20


def test_a_closed_obs_is_a_state_and_no_failure(mien: Mien, folder: Path, programs: list[Any]) -> None:
    mien("obs", "install")
    found = mien("obs", "status", "--json").document
    assert (found["installed"], found["connected"]) == (True, False)
    assert "WebSocket server is off" in found["problem"]


def test_a_webcam_in_a_group_alone_is_left_alone(mien: Mien, folder: Path, programs: list[Any]) -> None:
    obs = FakeObs()
    obs.scenes = {"Talk": []}
    obs.groups = {"Corner": [item(7, "Webcam", "v4l2_input", **TRANSFORM)]}
    begin(programs)
    with Running(obs):
        configure(folder, obs)
        result = mien("obs", "install", "--yes")
    assert "stands in no scene of its own" in result.out
    assert obs.inputs["Webcam"]["settings"]["device_id"] == "/dev/video0"
