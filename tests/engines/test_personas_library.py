from __future__ import annotations

from pathlib import Path

import pytest
from persona_packs import files, table, write_folder, write_zip

from mien.engines.personas.library import SHIPPED_DIR, Library, find, list_personas
from mien.realtime.errors import PersonaError


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data" / "personas").mkdir(parents=True)
    return tmp_path / "data"


@pytest.fixture
def library(tmp_path: Path, data_dir: Path) -> Library:
    write_folder(tmp_path / "shipped" / "vera", files(), table(name="vera"))
    return Library(data_dir, shipped_dir=tmp_path / "shipped")


def test_shipped_and_own_packs_are_listed_by_their_manifest(library: Library) -> None:
    write_folder(library.user_dir / "one", files(), table(name="pat"))
    write_zip(library.user_dir / "two.zip", files(), table(name="ann"))
    (library.user_dir / "notes.txt").write_text("not a pack")
    assert [(info.name, info.shipped, info.state) for info in library.list()] == [
        ("vera", True, "ready"),
        ("ann", False, "ready"),
        ("pat", False, "ready"),
    ]
    assert library.list()[0].to_json() | {"path": ""} == {
        "name": "vera",
        "kind": "consented",
        "engine": "mesh",
        "licence": "CC0-1.0",
        "description": "for tests",
        "path": "",
        "shipped": True,
        "state": "ready",
        "problem": "",
    }


def test_a_broken_pack_is_listed_with_its_problem_and_hides_no_other(library: Library) -> None:
    (library.user_dir / "empty").mkdir()
    write_folder(library.user_dir / "pat", files(), table())
    broken, pat = library.list()[1:]
    assert (broken.name, broken.state) == ("empty", "broken")
    assert "persona.toml is missing" in broken.problem
    assert (pat.name, pat.state) == ("pat", "ready")
    with pytest.raises(PersonaError, match=r"The persona 'empty' cannot be used\. empty: persona\.toml is missing"):
        library.find("empty")


def test_a_synthetic_pack_from_elsewhere_is_listed_as_unverified(library: Library) -> None:
    write_folder(library.user_dir / "pat", files("synthetic"), table("synthetic"))
    assert library.list()[1].state == "unverified"
    assert "run `mien persona check" in library.list()[1].problem
    with pytest.raises(PersonaError, match="never rendered and compared on this machine"):
        library.find("pat")


def test_a_persona_is_found_by_name_or_path(library: Library, tmp_path: Path) -> None:
    write_folder(library.user_dir / "folder", files(), table())
    elsewhere = write_zip(tmp_path / "x.zip", files(), table(name="zoe"))
    assert library.find("vera").name == "vera"
    assert library.find("pat").location == library.user_dir / "folder"
    assert library.find(elsewhere).name == "zoe"


def test_an_unknown_name_gets_the_nearest_one(library: Library) -> None:
    with pytest.raises(PersonaError, match=r"no persona and no pack called 'vear'\. Did you mean 'vera'\?"):
        library.find("vear")
    with pytest.raises(PersonaError, match=r"called 'xyz'\. Known are: vera\. `mien persona list` shows all"):
        library.find("xyz")


def test_an_own_pack_cannot_take_a_shipped_name(library: Library) -> None:
    write_folder(library.user_dir / "mine", files(), table(name="vera", description="an impostor"))
    shipped, own = library.list()
    assert (shipped.shipped, shipped.state) == (True, "ready")
    assert (own.state, own.problem.split(";")[0]) == ("broken", "A shipped persona is called 'vera'")
    assert library.find("vera").manifest.description == "for tests"
    assert library.find(own.path).manifest.description == "an impostor"


def test_two_own_packs_of_one_name_are_not_guessed_between(library: Library) -> None:
    write_folder(library.user_dir / "a", files(), table())
    write_folder(library.user_dir / "b", files(), table())
    with pytest.raises(PersonaError, match=r"Two personas are called 'pat': .*a and .*b\. Give the path"):
        library.find("pat")


def test_a_new_pack_gets_a_free_name_only(library: Library) -> None:
    assert library.place_for("pat") == library.user_dir / "pat"
    with pytest.raises(PersonaError, match="The persona 'vera' ships with Mien"):
        library.place_for("vera")
    write_folder(library.user_dir / "other", files(), table())
    with pytest.raises(PersonaError, match=r"The persona 'pat' is there already: .*other"):
        library.place_for("pat")
    with pytest.raises(PersonaError, match="cannot be a persona's name"):
        library.place_for("../pat")


def test_the_data_folder_follows_the_environment(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(data_dir / "personas" / "pat", files(), table())
    monkeypatch.setenv("MIEN_DATA_DIR", str(data_dir))
    assert find("pat").name == "pat"
    assert "pat" in [info.name for info in list_personas()]
    monkeypatch.setenv("MIEN_DATA_DIR", str(tmp_path / "elsewhere"))
    assert "pat" not in [info.name for info in list_personas()]


def test_every_shipped_persona_is_synthetic_and_loads_without_a_check(tmp_path: Path) -> None:
    shipped = [info for info in list_personas(tmp_path) if info.shipped]
    assert len(shipped) >= 2
    assert {(info.kind, info.state) for info in shipped} == {("synthetic", "ready")}
    for info in shipped:
        persona = find(info.name, tmp_path)
        assert persona.location.parent == SHIPPED_DIR
        assert persona.label("portrait") == "generated"
