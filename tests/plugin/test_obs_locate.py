from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.locate import at, current_collection, installations, only_one, server_settings


def obs_in(folder: Path) -> Path:
    (folder / "basic" / "scenes").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("system", "kind", "place"),
    [
        ("Linux", "native", ".config/obs-studio"),
        ("Linux", "flatpak", ".var/app/com.obsproject.Studio/config/obs-studio"),
        ("Linux", "snap", "snap/obs-studio/current/.config/obs-studio"),
        ("Darwin", "native", "Library/Application Support/obs-studio"),
        ("Windows", "native", "AppData/Roaming/obs-studio"),
    ],
)
def test_obs_is_found_where_each_system_keeps_it(tmp_path: Path, system: str, kind: str, place: str) -> None:
    obs_in(tmp_path / place)
    (found,) = installations(system, home=tmp_path, environment={})
    assert (found.kind, found.folder) == (kind, tmp_path / place)


def test_the_environment_names_the_folder(tmp_path: Path) -> None:
    obs_in(tmp_path / "elsewhere" / "obs-studio")
    for system, name in (("Linux", "XDG_CONFIG_HOME"), ("Windows", "APPDATA")):
        assert installations(system, home=tmp_path, environment={name: str(tmp_path / "elsewhere")})


def test_a_portable_obs_is_found_by_its_program(tmp_path: Path) -> None:
    obs_in(tmp_path / "obs" / "config" / "obs-studio")
    running = [tmp_path / "obs" / "bin" / "64bit" / "obs64.exe", Path("obs")]
    (found,) = installations("Windows", home=tmp_path, environment={}, running=running)
    assert (found.kind, found.folder) == ("portable", tmp_path / "obs" / "config" / "obs-studio")


def test_none_and_several_are_errors_that_name_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ObsError, match=r"no OBS was found.*obsproject"):
        only_one(installations("Linux", home=tmp_path, environment={}))
    obs_in(tmp_path / ".config" / "obs-studio")
    obs_in(tmp_path / ".var" / "app" / "com.obsproject.Studio" / "config" / "obs-studio")
    with pytest.raises(ObsError, match=r"several OBS: .*native.*flatpak.*--folder"):
        only_one(installations("Linux", home=tmp_path, environment={}))


def test_a_named_folder_may_be_that_of_the_program(tmp_path: Path) -> None:
    settings = obs_in(tmp_path / "obs" / "config" / "obs-studio")
    assert at(tmp_path / "obs").folder == at(settings).folder == settings
    with pytest.raises(ObsError, match="holds no settings"):
        at(tmp_path)


def test_the_password_is_read_from_either_file_and_shown_in_none(tmp_path: Path) -> None:
    old = "[General]\nA=1\n[OBSWebSocket]\nServerEnabled=true\nServerPort=4466\nAuthRequired=true\nServerPassword=a%b\n"
    (tmp_path / "global.ini").write_text(old, encoding="utf-8-sig")
    kept = server_settings(tmp_path)
    assert (kept.enabled, kept.port, kept.password) == (True, 4466, "a%b")
    assert "a%b" not in repr(kept)
    own = tmp_path / "plugin_config" / "obs-websocket" / "config.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({
        "server_enabled": True, "server_port": 4477, "auth_required": True, "server_password": "new"
    }))  # fmt: skip
    # The newer OBS's file counts; the older one is left over.
    assert (server_settings(tmp_path).port, server_settings(tmp_path).password) == (4477, "new")


def test_without_authentication_no_password_is_sent(tmp_path: Path) -> None:
    (tmp_path / "global.ini").write_text("[OBSWebSocket]\nServerEnabled=true\nAuthRequired=false\nServerPassword=x\n")
    assert server_settings(tmp_path).password == ""


def test_an_obs_that_was_never_set_up_has_its_server_off(tmp_path: Path) -> None:
    kept = server_settings(tmp_path)
    assert (kept.enabled, kept.port) == (False, 4455)


@pytest.mark.parametrize("text", ["no section", "[OBSWebSocket]\nServerPort=99999\n", "[OBSWebSocket]\nServerPort=x\n"])
def test_damaged_settings_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "global.ini").write_text(text)
    with pytest.raises(ObsError, match=r"global\.ini"):
        server_settings(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"server_port": {}}', "[" * 100_000])
def test_a_damaged_plugin_file_is_said(tmp_path: Path, text: str) -> None:
    own = tmp_path / "plugin_config" / "obs-websocket" / "config.json"
    own.parent.mkdir(parents=True)
    own.write_text(text)
    with pytest.raises(ObsError, match=r"config\.json"):
        server_settings(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "global.ini").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ObsError, match="too large"):
        server_settings(tmp_path)


@pytest.mark.parametrize("name", ["global.ini", "user.ini"])
def test_the_open_collection_is_known_and_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    scenes = obs_in(tmp_path) / "basic" / "scenes"
    (scenes / "Stream.json").write_text("{}")
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / name).write_text("[Basic]\nSceneCollectionFile=Stream\n")
    assert current_collection(tmp_path) == scenes / "Stream.json"
    (tmp_path / name).write_text("[Basic]\nSceneCollectionFile=../../secret\n")
    assert current_collection(tmp_path) is None
