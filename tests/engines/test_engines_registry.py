from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from persona_packs import files, record_for, table, write_folder

from mien.engines.consent.errors import ConsentMissingError
from mien.engines.consent.record import parse_record
from mien.engines.consent.verify import Consent
from mien.engines.mesh.engine import MeshEngine
from mien.engines.personas.library import find
from mien.engines.personas.pack import Persona, decode_contents, read_contents
from mien.engines.registry import engine_kinds, make_engine, make_ladder
from mien.realtime.errors import ConfigError, EngineError


@pytest.fixture(scope="module")
def persona(tmp_path_factory: pytest.TempPathFactory) -> Persona:
    return find("viggo", Path(tmp_path_factory.mktemp("data")))


@pytest.mark.parametrize("kind", ["auto", "mesh"])
def test_a_pack_gets_its_kind_of_engine_with_a_reason(persona: Persona, kind: str) -> None:
    engine = make_engine(persona, kind=kind)
    assert isinstance(engine, MeshEngine)
    assert (engine.spec.name, engine.spec.device, engine.spec.coverage) == ("mesh", "cpu", "face")
    assert ("made for it" if kind == "auto" else "asked for") in engine.spec.reason
    assert [each.spec.name for each in make_ladder(persona, kind=kind)] == ["mesh", "mesh-half"]
    assert engine_kinds() == ("mesh", "swapnet", "dfm")


def test_only_a_synthetic_persona_in_portrait_mode_is_called_generated(persona: Persona) -> None:
    assert make_engine(persona, mode="portrait").spec.label == "generated"
    assert make_engine(persona, mode="swap").spec.label == "modified"
    consent = Consent(parse_record(record_for("pat")).record, "00" * 32)
    consented = replace(persona, kind="consented", consent=consent)
    assert make_engine(consented, mode="portrait").spec.label == "modified"


def test_a_consented_persona_that_passed_no_gate_gets_no_engine(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pat", files(), table())
    for make in (make_engine, make_ladder):
        with pytest.raises(ConsentMissingError, match="The consent to 'pat' was never checked"):
            make(decode_contents(read_contents(root)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "mehs"}, r"There is no engine 'mehs'; allowed are auto, mesh, swapnet, dfm\. Did you mean 'mesh'\?"),
        ({"mode": "swop"}, r"There is no mode 'swop'; allowed are swap, portrait\. Did you mean 'swap'\?"),
    ],
)
def test_what_does_not_exist_is_answered_by_the_nearest_name(
    persona: Persona, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_engine(persona, **options)


def test_a_gpu_that_the_engine_cannot_use_is_an_error_and_not_the_cpu(persona: Persona) -> None:
    with pytest.raises(EngineError, match="The engine 'mesh' runs on cpu; 'cuda' was asked for"):
        make_engine(persona, device="cuda")


def test_a_pack_for_another_engine_is_refused(persona: Persona) -> None:
    with pytest.raises(EngineError, match="is made for the engine 'mesh', not for 'swapnet'"):
        make_engine(persona, kind="swapnet")
