from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from persona_packs import CAST, face, finder, picture

from mien.engines.personas import ship
from mien.engines.personas.check import Render, check
from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.pack import SHIPPED_ENCODERS, decode_contents, read_contents
from mien.engines.personas.picture import encode_png
from mien.engines.personas.shipped_digests import SHIPPED_DIGESTS
from mien.engines.personas.still import StillTracker
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "shipped" / "pat"
    folder.mkdir(parents=True)
    (folder / "portrait.png").write_bytes(encode_png(picture()))
    (folder / "cast.json").write_text(json.dumps(CAST))
    return folder.parent


def test_packs_are_built_from_what_the_cast_left_and_their_digests_written(shipped: Path, tmp_path: Path) -> None:
    digests = ship.build_all(shipped, tmp_path / "digests.py", finder(face()))
    contents = read_contents(shipped / "pat")
    assert digests == {"pat": contents.digest}
    assert (contents.manifest.kind, contents.manifest.cast) == ("synthetic", CAST)
    assert dict(runpy.run_path(str(tmp_path / "digests.py"))["SHIPPED_DIGESTS"]) == digests


def test_building_again_changes_nothing(shipped: Path, tmp_path: Path) -> None:
    first = ship.build_all(shipped, tmp_path / "digests.py", finder(face()))
    before = {path.name: path.read_bytes() for path in (shipped / "pat").iterdir()}
    assert ship.build_all(shipped, tmp_path / "digests.py", finder(face())) == first
    assert {path.name: path.read_bytes() for path in (shipped / "pat").iterdir()} == before


def test_a_portrait_without_a_face_or_missing_is_not_shipped(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match=r"pat: portrait\.png shows 0 faces; a persona has one"):
        ship.build_all(shipped, tmp_path / "digests.py", finder())
    assert not (tmp_path / "digests.py").exists()
    (shipped / "pat" / "portrait.png").unlink()
    with pytest.raises(PersonaError, match=r"needs exactly one of portrait\.jpg, portrait\.png; it has 0"):
        ship.build_all(shipped, tmp_path / "digests.py", finder(face()))


def test_the_shipped_folders_are_those_of_the_table_and_within_their_size() -> None:
    folders = {path.parent.name: read_contents(path.parent).digest for path in SHIPPED_DIR.glob("*/cast.json")}
    assert folders == dict(SHIPPED_DIGESTS)
    files = [path for path in (*SHIPPED_DIR.rglob("*"), *SHIPPED_ENCODERS.glob("*")) if path.is_file()]
    networks = [path for path in files if path.suffix == ".onnx"]
    assert sum(path.stat().st_size for path in networks) < 25_000_000
    assert sum(path.stat().st_size for path in files if path not in networks) < 2_000_000


def test_the_small_network_alone_is_worn_only_when_it_is_asked_for() -> None:
    made_for = {name: decode_contents(read_contents(SHIPPED_DIR / name)).engines for name in ("amara", "mateo", "linh")}
    assert made_for == {"amara": ("swapnet", "mesh"), "mateo": ("mesh", "swapnet"), "linh": ("mesh",)}


@pytest.mark.parametrize("name", sorted(SHIPPED_DIGESTS))
def test_a_shipped_persona_s_landmarks_are_tracked_again(name: str, tmp_path: Path) -> None:
    report = check(SHIPPED_DIR / name, tracker=StillTracker(), trust=Trust(tmp_path), render=_stored(name))
    assert [(item.name, item.state) for item in report.items if item.name == "landmarks"] == [("landmarks", "passed")]


def _stored(name: str) -> Render:
    return lambda recipe: decode_contents(read_contents(SHIPPED_DIR / name)).portrait


@pytest.mark.cast
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHIPPED_DIGESTS))
def test_a_shipped_persona_is_what_its_recipe_renders(name: str, tmp_path: Path) -> None:
    pytest.importorskip("anny", reason="needs mien[cast]")
    report = check(SHIPPED_DIR / name, tracker=StillTracker(), trust=Trust(tmp_path))
    assert report.passed, report.items
