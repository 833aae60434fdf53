from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from persona_packs import files, table, write_folder
from swapnet_parts import still_marks

from mien.engines.consent.errors import ConsentFilesError
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME
from mien.engines.mesh.engine import MeshEngine
from mien.engines.personas.check import check
from mien.engines.personas.library import SHIPPED_DIR, Library
from mien.engines.personas.manifest import SwapnetTable, sha256
from mien.engines.personas.pack import Networks, Persona, load_pack, read_contents, write_pack
from mien.engines.personas.trust import Trust
from mien.engines.registry import make_engine, make_ladder
from mien.engines.swapnet.edit import parse_edit
from mien.engines.swapnet.engine import SwapNetEngine
from mien.engines.swapnet.export import export_decoder, export_encoder
from mien.engines.swapnet.network import Decoder, Encoder, EncoderSpec
from mien.engines.swapnet.pack import TRAINING_NAME, add_networks, network_files
from mien.engines.swapnet.ship import place
from mien.engines.swapnet.sizes import SIZES
from mien.plugin.app import Live
from mien.realtime.config import LiveConfig
from mien.realtime.errors import EngineError, MissingExtraError, ModelError, PersonaError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
#: A shipped persona that has only a portrait.
PLAIN = "linh"


def restless(module: torch.nn.Module) -> torch.nn.Module:
    for each in module.parameters():
        each.data += 0.02 * torch.randn(each.shape)
    return module.eval()


@pytest.fixture(scope="module")
def networks() -> Networks:
    torch.manual_seed(0)
    encoder = restless(Encoder(EncoderSpec(free=16)))
    decoder = restless(Decoder(SIZES["tiny"], 16))
    return Networks(export_encoder(encoder), {"tiny": export_decoder(decoder, still_marks())})  # type: ignore[arg-type]


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "trust")


@pytest.fixture
def pack(tmp_path: Path, networks: Networks, trust: Trust) -> Path:
    out = tmp_path / "packs" / PLAIN
    record = {"tiny": {"encoder": sha256(networks.encoder), "steps": 3}}
    add_networks(read_contents(SHIPPED_DIR / PLAIN), networks.encoder, networks.decoders, record, out=out, trust=trust)
    return out


@pytest.fixture
def persona(pack: Path, trust: Trust) -> Persona:
    return load_pack(pack, trust=trust)


def test_a_pack_with_networks_loads_and_keeps_its_portrait(persona: Persona, networks: Networks) -> None:
    assert persona.engine == "swapnet"
    assert persona.engines == ("swapnet", "mesh")
    assert persona.networks is not None
    assert persona.networks.encoder == networks.encoder
    assert dict(persona.networks.decoders) == dict(networks.decoders)


def test_a_shipped_persona_is_worn_through_its_network() -> None:
    amara = Library().find("amara")
    assert amara.engines == ("swapnet", "mesh")
    engine = make_engine(amara)
    assert engine.spec.name == "swapnet-base"
    assert engine.spec.edits
    engine.close()


def test_a_shipped_persona_without_networks_has_one_engine() -> None:
    assert Library().find(PLAIN).engines == ("mesh",)


def test_an_engine_is_made_of_the_network_and_steps_down_to_the_portrait(persona: Persona) -> None:
    engine, half = make_ladder(persona)
    assert isinstance(engine, SwapNetEngine)
    assert engine.spec.name == "swapnet-tiny"
    assert "made for it" in engine.spec.reason
    assert half.spec.name == "mesh-half"
    assert "no smaller network" in half.spec.reason
    assert isinstance(make_engine(persona, kind="mesh"), MeshEngine)
    portrait = make_engine(persona, mode="portrait")
    assert isinstance(portrait, MeshEngine)
    assert "portrait mode" in portrait.spec.reason
    with pytest.raises(EngineError, match="instant engine's"):
        make_engine(persona, kind="swapnet", mode="portrait")
    engine.close()


def test_without_a_runtime_the_portrait_steps_in_and_says_why(
    persona: Persona, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("openvino", "onnxruntime", "torch", "onnx"):
        monkeypatch.setitem(sys.modules, name, None)
    full, half = make_ladder(persona)
    assert (full.spec.name, half.spec.name) == ("mesh", "mesh-half")
    assert "cannot run here" in full.spec.reason
    with pytest.raises(MissingExtraError):
        make_engine(persona, kind="swapnet")


def test_a_network_that_no_runtime_takes_leaves_the_portrait_and_says_why(persona: Persona) -> None:
    assert persona.networks is not None
    broken = replace(persona, networks=replace(persona.networks, decoders={"tiny": b"no network"}))
    full, _ = make_ladder(broken)
    assert full.spec.name == "mesh"
    assert "cannot run here" in full.spec.reason
    with pytest.raises(ModelError):
        make_ladder(broken, kind="swapnet")


def test_a_changed_network_is_refused(pack: Path, trust: Trust) -> None:
    file = pack / "tiny.onnx"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(PersonaError, match=r"tiny\.onnx was changed"):
        load_pack(pack, trust=trust)


def test_a_decoder_without_its_encoder_is_refused(pack: Path, tmp_path: Path, trust: Trust) -> None:
    contents = read_contents(pack)
    table = contents.manifest.model_dump(mode="json", exclude_none=True, exclude={"format", "files"})
    files = {name: data for name, data in contents.files.items() if name != "encoder.onnx"}
    out = tmp_path / "lonely"
    trust.remember(write_pack(out, table, files))
    with pytest.raises(PersonaError, match="needs the encoder"):
        load_pack(out, trust=trust)


def test_a_pack_that_is_trained_again_keeps_its_other_sizes(pack: Path, trust: Trust, networks: Networks) -> None:
    contents = read_contents(pack)
    table, files = network_files(
        contents.manifest, contents.files, networks.encoder, {"small": b"onnx"}, {"small": {"steps": 9}}
    )
    assert table["swapnet"]["decoders"] == {"tiny": "tiny.onnx", "small": "small.onnx"}
    assert set(json.loads(files[TRAINING_NAME])) == {"tiny", "small"}
    table, files = network_files(contents.manifest, contents.files, b"another", {"small": b"onnx"}, {"small": {}})
    assert table["swapnet"]["decoders"] == {"small": "small.onnx"}
    assert "tiny.onnx" not in files
    assert files["encoder.onnx"] == b"another"


def test_a_failed_write_leaves_the_pack_that_was_there(pack: Path, trust: Trust, networks: Networks) -> None:
    before = read_contents(pack).digest
    contents = read_contents(pack)
    broken = replace(contents, files={**contents.files, "portrait.jpg": b"no picture"})
    with pytest.raises(PersonaError):
        add_networks(broken, networks.encoder, networks.decoders, {"tiny": {}}, out=pack, trust=trust)
    assert read_contents(pack).digest == before
    assert sorted(each.name for each in pack.parent.iterdir()) == [PLAIN]


def test_a_folder_that_is_no_pack_of_this_persona_is_not_replaced(
    tmp_path: Path, networks: Networks, trust: Trust
) -> None:
    thesis = tmp_path / "documents" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    with pytest.raises(PersonaError, match="no pack of 'linh'"):
        add_networks(
            read_contents(SHIPPED_DIR / PLAIN), networks.encoder, networks.decoders, {}, out=thesis.parent, trust=trust
        )
    assert thesis.read_text() == "years of work"


def test_training_makes_no_strangers_pack_a_trusted_one(tmp_path: Path, networks: Networks, trust: Trust) -> None:
    contents = read_contents(SHIPPED_DIR / PLAIN)
    table = contents.manifest.model_dump(mode="json", exclude_none=True, exclude={"format", "files"})
    stranger = tmp_path / "stranger"
    write_pack(stranger, table | {"description": "Nobody rendered this here."}, contents.files)
    with pytest.raises(PersonaError, match="never rendered"):
        add_networks(
            read_contents(stranger), networks.encoder, networks.decoders, {"tiny": {}}, out=stranger, trust=trust
        )
    with pytest.raises(PersonaError, match="never rendered"):
        load_pack(stranger, trust=trust)


def test_a_consented_pack_is_bound_anew_and_holds_no_other_weights(tmp_path: Path, networks: Networks) -> None:
    root = write_folder(tmp_path / "pat", files(), table())
    trust, record = Trust(), (root / RECORD_NAME).read_bytes()
    first = (root / BINDING_NAME).read_bytes()
    add_networks(read_contents(root), networks.encoder, networks.decoders, {"tiny": {}}, out=root, trust=trust)
    persona = load_pack(root)
    assert persona.networks is not None
    assert persona.consent is not None
    assert (root / RECORD_NAME).read_bytes() == record, "what the subject signed stays as it was"
    assert (root / BINDING_NAME).read_bytes() != first
    # Another network in its place, with a manifest that is right for it.
    contents = read_contents(root)
    of = contents.manifest.model_dump(mode="json", exclude_none=True, exclude={"files"})
    for name, binding in (("a", (root / BINDING_NAME).read_bytes()), ("b", first)):
        held = {**contents.files, "tiny.onnx": networks.encoder, BINDING_NAME: binding}
        with pytest.raises(ConsentFilesError, match="is not the one that the consent to 'pat' is bound to"):
            load_pack(write_folder(tmp_path / name, held, of))


def test_a_check_does_not_vouch_for_networks(pack: Path, tmp_path: Path) -> None:
    report = check(pack, tracker=None, deep=False, trust=Trust(tmp_path / "other"))
    states = {item.name: item.state for item in report.items}
    assert states["networks"] == "unchecked"
    assert not report.passed


def test_the_steps_down_are_ever_smaller_and_never_larger(persona: Persona) -> None:
    assert persona.networks is not None
    tiny = persona.networks.decoders["tiny"]
    # Not loaded, as it is no step down: it would be refused.
    both = replace(persona.networks, decoders={"large": b"", "tiny": tiny})
    assert [each.spec.name for each in make_ladder(replace(persona, networks=both))] == ["swapnet-tiny", "mesh-half"]


def test_networks_are_put_among_what_ships(pack: Path, tmp_path: Path, networks: Networks) -> None:
    shipped = tmp_path / "shipped"
    shutil.copytree(SHIPPED_DIR / PLAIN, shipped / PLAIN)
    place(read_contents(pack), shipped, tmp_path / "assets")
    assert (tmp_path / "assets" / "encoder.onnx").read_bytes() == networks.encoder
    assert (shipped / PLAIN / "tiny.onnx").read_bytes() == networks.decoders["tiny"]
    assert set(json.loads((shipped / PLAIN / TRAINING_NAME).read_text())) == {"tiny"}
    with pytest.raises(PersonaError, match="no trained network"):
        place(read_contents(SHIPPED_DIR / PLAIN), shipped, tmp_path / "assets")


def test_an_edit_needs_a_network() -> None:
    live = Live(LiveConfig(source="pattern", persona=PLAIN, sinks=("null",), edit="smile=+0.2"))
    with pytest.raises(EngineError, match="'mesh' cannot edit"), live:
        pass
    assert parse_edit("smile=+0.2")


def test_8_bit_layers_go_with_the_decoder_that_they_were_made_of(networks: Networks) -> None:
    manifest = read_contents(SHIPPED_DIR / PLAIN).manifest
    record = {"tiny": {"encoder": sha256(networks.encoder)}}

    def packed(table: dict, kept: dict[str, bytes], int8: dict[str, bytes]) -> tuple[dict, dict[str, bytes]]:
        known = manifest.model_copy(update={"swapnet": SwapnetTable(**table["swapnet"])} if table else {})
        return network_files(known, kept, networks.encoder, networks.decoders, record, int8)

    table, kept = packed({}, {}, {"tiny": b"layers"})
    assert table["swapnet"]["int8"] == {"tiny": "tiny.int8.onnx"}
    assert kept["tiny.int8.onnx"] == b"layers"
    # Trained anew without them, the old ones are another decoder's.
    again, left = packed(table, kept, {})
    assert "int8" not in again["swapnet"]
    assert "tiny.int8.onnx" not in left
    other, gone = network_files(
        manifest.model_copy(update={"swapnet": SwapnetTable(**table["swapnet"])}), kept, b"another encoder", {}, {}
    )
    assert "int8" not in other["swapnet"]
    assert not [name for name in gone if name.startswith("tiny")]


def test_what_ships_loses_the_8_bit_layers_of_a_decoder_before(
    tmp_path: Path, pack: Path, trust: Trust, networks: Networks
) -> None:
    shipped = tmp_path / "shipped"
    (shipped / PLAIN).mkdir(parents=True)
    (shipped / PLAIN / "tiny.int8.onnx").write_bytes(b"of an older one")
    place(read_contents(pack), shipped, tmp_path / "encoders")
    assert not (shipped / PLAIN / "tiny.int8.onnx").exists()
    with_layers = tmp_path / "with" / PLAIN
    record = {"tiny": {"encoder": sha256(networks.encoder)}}
    add_networks(
        read_contents(pack), networks.encoder, networks.decoders, record, out=with_layers, trust=trust,
        int8={"tiny": b"layers"},
    )  # fmt: skip
    assert load_pack(with_layers, trust=trust).networks.int8 == {"tiny": b"layers"}  # type: ignore[union-attr]
    place(read_contents(with_layers), shipped, tmp_path / "encoders")
    assert (shipped / PLAIN / "tiny.int8.onnx").read_bytes() == b"layers"


@pytest.mark.parametrize(("int8", "message"), [
    ({"tiny": "none.onnx"}, r"\[swapnet.int8\] tiny is 'none.onnx', which \[files\] does not list"),
    ({"base": "tiny.onnx"}, r"\[swapnet.int8\] has the size 'base', which \[swapnet.decoders\] lacks"),
    ({}, "swapnet.int8"),
])  # fmt: skip
def test_8_bit_layers_of_nothing_are_refused(pack: Path, trust: Trust, int8: dict[str, str], message: str) -> None:
    contents = read_contents(pack)
    found = contents.manifest.model_dump(mode="json", exclude_none=True, exclude={"format", "files"})
    found["swapnet"]["int8"] = int8
    with pytest.raises(PersonaError, match=message):
        write_pack(pack.parent / "wrong", found, contents.files)
