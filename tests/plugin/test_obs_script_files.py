from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, Kept, ScriptAdded
from mien.plugin.obs.script_files import copy_script, is_listed, list_script, remove_script, unlist_script
from mien.realtime.folders import user_config_dir

SCRIPT = Path(__file__).parents[2] / "plugin" / "obs" / "script" / "mien_obs.py"


@pytest.fixture
def obs(tmp_path: Path) -> Path:
    (tmp_path / "basic" / "scenes").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def collection(obs: Path) -> Path:
    path = obs / "basic" / "scenes" / "Stream.json"
    path.write_text('{"name":"Stream","modules":{"scripts-tool":[{"path":"/other.lua","settings":{"a":1}}]},"ü":0.10}')
    return path


def test_the_script_needs_the_standard_library_alone() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"obspython"}


def test_the_script_runs_on_old_pythons() -> None:
    # OBS on Windows takes whichever the user has.
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_it_is_copied_with_the_place_of_the_token_and_removed_again(obs: Path) -> None:
    journal = Journal(Kept(folder=obs, source="Mien", port=9000))
    target = copy_script(journal)
    assert target.parent.parent == obs
    assert target.read_bytes() == SCRIPT.read_bytes()
    assert json.loads((target.parent / "mien_obs.json").read_text()) == {"folder": str(user_config_dir())}
    assert journal.changes == (ScriptAdded(path=target),)
    # OBS's Python leaves this behind.
    cached = target.parent / "__pycache__" / "mien_obs.cpython-311.pyc"
    cached.parent.mkdir()
    cached.write_bytes(b"")
    remove_script(target)
    assert not target.parent.exists()


def test_a_folder_that_is_not_ours_alone_stays(obs: Path) -> None:
    target = copy_script(Journal(Kept(folder=obs, source="Mien", port=9000)))
    (target.parent / "notes.txt").write_text("mine")
    remove_script(target)
    assert [path.name for path in target.parent.iterdir()] == ["notes.txt"]


def test_it_is_listed_once_and_taken_out_with_nothing_else_changed(obs: Path, collection: Path) -> None:
    before = json.loads(collection.read_text())
    mode = collection.stat().st_mode
    script = obs / "mien" / "mien_obs.py"
    assert list_script(collection, script)
    assert not list_script(collection, script)
    listed = json.loads(collection.read_text())["modules"]["scripts-tool"]
    assert [entry["path"] for entry in listed] == ["/other.lua", str(script)]
    unlist_script(collection.parent, script)
    assert json.loads(collection.read_text()) == before
    assert collection.stat().st_mode == mode


def test_a_collection_without_scripts_gets_a_list(obs: Path, collection: Path) -> None:
    collection.write_text('{"name":"Stream"}')
    assert list_script(collection, obs / "s.py")
    assert json.loads(collection.read_text())["modules"]["scripts-tool"][0]["path"] == str(obs / "s.py")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"modules": []}', '{"modules": {"scripts-tool": {}}}', "[" * 100_000])
def test_what_is_no_collection_is_left_as_it_is(collection: Path, text: str) -> None:
    collection.write_text(text)
    with pytest.raises(ObsError, match="left as it is"):
        list_script(collection, Path("/s.py"))
    assert collection.read_text() == text


def test_a_collection_that_cannot_be_read_keeps_the_script_in_no_other(collection: Path) -> None:
    script = Path("/s.py")
    assert list_script(collection, script)
    damaged = collection.with_name("A.json")
    damaged.write_text("{")
    unlist_script(collection.parent, script)
    assert not is_listed(collection.parent, script)
    assert damaged.read_text() == "{"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "obs"
    blocked.write_text("")
    with pytest.raises(ObsError, match=r"cannot be written.*the picture needs no script"):
        copy_script(Journal(Kept(folder=blocked, source="Mien", port=9000)))
