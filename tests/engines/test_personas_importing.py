"""A model's file becomes a pack: with consent or not at all, and never as anything but `consented`."""

from __future__ import annotations

import os
import resource
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dfm_files import FADE, SIDE_PX, SWAP, KnownModel, ellipse
from persona_packs import binding_for, consent_record, face, finder, know_tool, manifest, table, write_folder

from mien.engines.consent.errors import ConsentFilesError, ConsentForeignError, ConsentMissingError
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME
from mien.engines.formats.base import Play
from mien.engines.formats.dfm import DEFAULT_MORPH, read
from mien.engines.personas.check import check
from mien.engines.personas.importing import import_model
from mien.engines.personas.library import find
from mien.engines.personas.manifest import KindError, sha256
from mien.engines.personas.pack import load_pack
from mien.engines.personas.renders import read_model, renders
from mien.engines.personas.still import StillTracker
from mien.engines.registry import make_engine, make_ladder
from mien.realtime.errors import EngineError, ModelError, PersonaError

KNOWN = KnownModel(colours=FADE, shift=0.25, morphs=True)


def give(folder: Path, data: bytes, *, name: str = "pat", sources: tuple[str, ...] | None = None) -> dict[str, Any]:
    """A model's file and the consent to it, as arguments of `import_model`."""
    know_tool()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "their.dfm").write_bytes(data)
    (folder / "consent.json").write_bytes(consent_record(name, sources or (sha256(data),)))
    return {
        "model_path": folder / "their.dfm", "consent_path": folder / "consent.json", "name": "pat",
        "out": folder / "pat", "tracker": finder(face(768)),
    }  # fmt: skip


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    given = give(tmp_path, KNOWN.file)
    import_model(**given | {"tracker": StillTracker()})
    return given["out"]


def test_an_imported_model_is_consented_and_played(pack: Path) -> None:
    persona = load_pack(pack)
    assert (persona.kind, persona.engine, persona.engines) == ("consented", "dfm", ("dfm", "mesh"))
    assert persona.model is not None
    assert persona.model.data == KNOWN.file, "the very file that was consented to"
    assert persona.label("portrait") == "modified"
    viggo = find("viggo")
    face_px = np.hypot(*(persona.landmarks[263] - persona.landmarks[33])[:2])
    assert np.abs(persona.landmarks - viggo.landmarks)[:, :2].max() < 0.1 * face_px, "its portrait is a render"
    assert persona.portrait[viggo.landmarks[4, 1].astype(int), viggo.landmarks[4, 0].astype(int)].min() > 60

    best, light = make_ladder(persona, morph=lambda: 0.5)
    assert (best.spec.name, light.spec.name) == (f"dfm-{SIDE_PX}", "mesh-half")
    assert best.spec.reason.startswith("imported model: the persona pat is made for it; ")
    assert best.spec.morph == DEFAULT_MORPH
    assert light.spec.morph is None
    assert best.spec.template is not None
    best.close()
    light.close()
    assert make_engine(persona, kind="mesh").spec.name == "mesh"
    assert make_engine(persona, mode="portrait").spec.name == "mesh"
    with pytest.raises(EngineError, match="'portrait' mode is the instant engine's"):
        make_engine(persona, kind="dfm", mode="portrait")
    with pytest.raises(EngineError, match="'mesh', not for 'dfm'"):
        make_engine(find("viggo"), kind="dfm")
    with pytest.raises(EngineError, match="No runtime can run the network 'pat'"):
        make_engine(persona, device="cuda")

    states = {item.name: item.state for item in check(pack, tracker=StillTracker()).items}
    assert states == {
        "files": "passed",
        "consent": "passed",
        "form": "passed",
        "landmarks": "passed",
        "model": "passed",
    }


def test_a_model_that_no_runtime_runs_leaves_the_portrait_and_says_so(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    persona = load_pack(pack)
    for package in ("openvino", "onnxruntime", "onnx2pytorch"):
        monkeypatch.setitem(sys.modules, package, None)
    engine = make_engine(persona)
    assert engine.spec.name == "mesh"
    assert "cannot run here: No runtime can run the network 'pat'" in engine.spec.reason
    with pytest.raises(EngineError, match="No runtime can run"):
        make_engine(persona, kind="dfm")


# -- consent


def test_a_consent_to_another_file_or_persona_imports_nothing(tmp_path: Path) -> None:
    given = give(tmp_path / "a", KNOWN.file, sources=("00" * 32,))
    with pytest.raises(ConsentFilesError, match=r"The file their\.dfm is not one that the consent to 'pat' names"):
        import_model(**given)
    given = give(tmp_path / "b", KNOWN.file, name="sam")
    with pytest.raises(ConsentForeignError, match="The consent is to the persona 'sam', not to 'pat'"):
        import_model(**given)
    given = give(tmp_path / "c", KNOWN.file)
    with pytest.raises(ConsentMissingError, match="cannot be read"):
        import_model(**given | {"consent_path": tmp_path / "none.json"})
    assert not any((tmp_path / each / "pat").exists() for each in "abc")


def test_a_model_that_was_exchanged_is_not_loaded_even_under_a_new_binding(pack: Path) -> None:
    """Whoever has this machine's key can bind what they like; the subject named another file."""
    held = {path.name: path.read_bytes() for path in pack.iterdir()}
    of = tomllib.loads(held.pop("persona.toml").decode())
    del of["files"]
    held["model.dfm"] = KnownModel(colours=SWAP).file
    del held[BINDING_NAME]
    held[BINDING_NAME] = binding_for(held)
    for name, data in {"persona.toml": manifest(of, held), **held}.items():
        (pack / name).write_bytes(data)
    with pytest.raises(ConsentFilesError, match=r"The file model\.dfm is not one that the consent to 'pat' names"):
        load_pack(pack)


def test_a_changed_byte_of_the_model_is_seen(pack: Path) -> None:
    data = bytearray((pack / "model.dfm").read_bytes())
    data[-40] ^= 1
    (pack / "model.dfm").write_bytes(bytes(data))
    with pytest.raises(ConsentFilesError, match=r"model\.dfm was changed"):
        load_pack(pack)


def test_no_pack_with_a_model_can_call_itself_synthetic(pack: Path, tmp_path: Path) -> None:
    held = {name: (pack / name).read_bytes() for name in ("model.dfm", "portrait.png", "landmarks.json")}
    of = table("synthetic", engine="dfm", model={"file": "model.dfm", "format": "dfm"})
    with pytest.raises(KindError, match=r"kind 'synthetic' with a \[model\] table; nobody can know whom a model"):
        load_pack(write_folder(tmp_path / "claims", held, of))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"file": "model.dfm", "format": "vrm"}, "There is no model format 'vrm'"),
        ({"file": "portrait.png", "format": "dfm"}, r"\[model\] file 'portrait\.png' is none of 'dfm'"),
        ({"file": "other.dfm", "format": "dfm"}, r"\[model\] file is 'other\.dfm', which \[files\] does not list"),
        ({"file": "model.dfm", "format": "dfm", "path": "x"}, r"\[model\] has the unknown key 'path'"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, model: dict[str, str], message: str) -> None:
    held = {"model.dfm": b"x", "portrait.png": b"x", "landmarks.json": b"x"}
    with pytest.raises(PersonaError, match=message):
        load_pack(write_folder(tmp_path / "pat", held, table(engine="dfm", model=model)))


def test_a_pack_holds_one_model(tmp_path: Path) -> None:
    held = {"model.dfm": b"x", "other.dfm": b"x", "portrait.png": b"x", "landmarks.json": b"x"}
    of = table(engine="dfm", model={"file": "model.dfm", "format": "dfm"})
    with pytest.raises(PersonaError, match=r"holds 2 models \(model\.dfm, other\.dfm\); a pack may hold one"):
        load_pack(write_folder(tmp_path / "pat", held, of))


# -- files


def test_three_gigabytes_are_refused_unread(tmp_path: Path) -> None:
    given = give(tmp_path, KNOWN.file)
    os.truncate(given["model_path"], 3 * 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match=r"their\.dfm has 3221225472 bytes; such a file may have 1073741824"):
        import_model(**given)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "kB; nothing of it was read"


def test_a_pack_whose_model_is_too_large_is_refused_unread(pack: Path) -> None:
    os.truncate(pack / "model.dfm", 3 * 2**30)
    with pytest.raises(PersonaError, match=r"model\.dfm has 3221225472 bytes; a file of a pack may have 1073741824"):
        load_pack(pack)
    (pack / "model.dfm").unlink()
    os.truncate(pack / "portrait.png", 40 * 2**20)
    with pytest.raises(PersonaError, match=r"portrait\.png has 41943040 bytes; a file of a pack may have 33554432"):
        load_pack(pack)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dfm")
    (tmp_path / "folder.dfm").mkdir()
    for name in ("pipe.dfm", "folder.dfm", "none.dfm"):
        with pytest.raises(PersonaError, match=f"{name} cannot be read"):
            read_model(tmp_path / name)
    with pytest.raises(PersonaError, match=r"me\.onnx is of no known model format"):
        read_model(tmp_path / "me.onnx")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (KnownModel(shift=float("nan")), r"their\.dfm cannot be used: the model gave values from nan"),
        (KnownModel(shift=99.0), r"their\.dfm cannot be used: .* must lie about 0 to 1"),
        (KnownModel(mask=0 * ellipse()), r"their\.dfm cannot be used: it paints 0% of a face; at least 25%"),
        (KnownModel(driver_mask=ellipse(width=0.05)), r"cannot be used: it paints \d+% of a face"),
    ],
)
def test_a_model_that_paints_no_face_is_refused(tmp_path: Path, model: KnownModel, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        import_model(**give(tmp_path, model.file))
    assert not (tmp_path / "pat").exists()


def test_a_render_without_a_face_is_refused(tmp_path: Path) -> None:
    given = give(tmp_path, KNOWN.file)
    for faces in ((), (face(), face())):
        with pytest.raises(ModelError, match=rf"their\.dfm renders a picture with {len(faces)} faces; one is needed"):
            import_model(**given | {"tracker": finder(*faces)})


def test_the_renders_show_the_model_at_its_most_on_two_people() -> None:
    """A morph of 1: what half-way shows would be half of whoever wears it."""
    model = KnownModel(colours=0 * SWAP, shift=0.5, morphs=True)
    pictures = renders(read(model.file, "grey.dfm"), "grey.dfm")
    assert len(pictures) == 2
    for picture, wearer in zip(pictures, (find("viggo"), find("amara")), strict=True):
        x, y = wearer.landmarks[4, :2].astype(int)
        assert np.abs(picture[y - 9 : y + 9, x - 9 : x + 9].astype(int) - 128).max() <= 2
        assert np.array_equal(picture[:20], wearer.portrait[:20])


def test_a_zip_carries_a_model_too(tmp_path: Path) -> None:
    # Weights do not compress; a model of even planes does, and is taken for a zip bomb.
    model = KnownModel(spot=np.random.default_rng(2).random((SIDE_PX, SIDE_PX), np.float32))
    import_model(**give(tmp_path, model.file) | {"out": tmp_path / "pat.zip"})
    persona = load_pack(tmp_path / "pat.zip")
    assert persona.model is not None
    assert persona.model.data == model.file
    assert RECORD_NAME in persona.manifest.files
    assert read(persona.model.data, "x").open(Play("test")).spec.size_px == SIDE_PX
