"""CONTRIBUTING's worked examples, run as they stand there: a format is one file and one line, and so is a runtime."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dfm_files import KnownModel
from persona_packs import consent_record, face, finder, know_tool

from mien.engines.formats import table
from mien.engines.formats.base import Format, Play
from mien.engines.formats.dfm import read
from mien.engines.personas.importing import import_model
from mien.engines.personas.manifest import sha256
from mien.engines.personas.pack import load_pack
from mien.engines.registry import engine_kinds, make_engine, make_ladder
from mien.engines.runtimes import rows
from mien.engines.runtimes import table as runtimes
from mien.realtime.errors import ModelError

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, f"CONTRIBUTING.md has no example {name!r}"
    return found.group(1)


def module(name: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file, where CONTRIBUTING says that it goes."""
    package, _, own = name.rpartition(".")
    (folder / f"{own}.py").write_text(code, encoding="utf-8")
    parent = importlib.import_module(package)
    monkeypatch.setattr(parent, "__path__", [*parent.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, name, raising=False)
    made = importlib.import_module(name)
    monkeypatch.setitem(sys.modules, name, made)
    return made


@pytest.fixture
def tint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example's format in the table, and a file of it with the consent beside it."""
    module("mien.engines.formats.tint", example("format"), tmp_path, monkeypatch)
    line: Format = eval(example("format line"), {"Format": Format})
    monkeypatch.setattr(table, "FORMATS", (*table.FORMATS, line))
    know_tool()
    (tmp_path / "green.tint").write_bytes(bytes([0, 200, 0]))
    (tmp_path / "consent.json").write_bytes(consent_record("pat", (sha256(bytes([0, 200, 0])),)))
    return tmp_path


def give(folder: Path) -> dict[str, Any]:
    return {
        "model_path": folder / "green.tint", "consent_path": folder / "consent.json", "name": "pat",
        "out": folder / "pat", "tracker": finder(face(768)),
    }  # fmt: skip


def test_a_format_is_one_file_and_one_line(tint: Path) -> None:
    _, summary = import_model(**give(tint))
    assert summary == "a tint"
    persona = load_pack(tint / "pat")
    assert (persona.kind, persona.engines) == ("consented", ("tint", "mesh"))
    assert engine_kinds()[-1] == "tint"
    engine, light = make_ladder(persona)
    assert (engine.spec.name, light.spec.name) == ("tint", "mesh-half")
    assert engine.spec.reason == "imported model: the persona pat is made for it"
    assert make_engine(persona, kind="tint").spec.runtime == "numpy"


def test_what_its_reader_refuses_is_refused_everywhere(tint: Path) -> None:
    data = b"four"
    (tint / "green.tint").write_bytes(data)
    (tint / "consent.json").write_bytes(consent_record("pat", (sha256(data),)))
    with pytest.raises(ModelError, match=r"green\.tint has 4 bytes; such a file may have 3"):
        import_model(**give(tint))
    (tint / "green.tint").write_bytes(b"no")
    (tint / "consent.json").write_bytes(consent_record("pat", (sha256(b"no"),)))
    with pytest.raises(ModelError, match=r"'green\.tint' is no tint: it has 2 bytes, not 3"):
        import_model(**give(tint))


def test_a_runtime_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = module("mien.engines.runtimes.reference_runtime", example("runtime"), tmp_path, monkeypatch)
    line = eval(example("runtime line"), {"Row": rows.Row, "ReferenceRunner": made.ReferenceRunner})
    monkeypatch.setattr(runtimes, "TABLE", (*runtimes.TABLE, line))
    assert runtimes.runtime_names()[-1] == "reference"
    assert [state.problem for state in runtimes.runtime_states() if state.name == "reference"] == [""]
    model = read(KnownModel(shift=0.1).file, "known.dfm")
    engine = model.open(Play("test", runtime="reference"))
    assert engine.spec.runtime == "reference"
    assert "; reference with float32: it was asked for; verified with onnxruntime in float32 (" in engine.spec.reason
    given = {"in_face:0": np.full((1, 128, 128, 3), 0.5, np.float32)}
    found = runtimes.open_runner(model.network, runtime="reference").runner(given)
    assert np.allclose(found["out_celeb_face:0"], 0.6, atol=1e-6)
