"""Decoders with 8-bit layers: made, stored beside the others, played where they pay, and refused where they lose."""

from __future__ import annotations

import json
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

import onnx
from swapnet_parts import amaras_networks, toy_shards

from mien.engines.personas.library import find
from mien.engines.personas.pack import Networks
from mien.engines.runtimes import openvino_runtime
from mien.engines.runtimes.integer_weights import with_weights, without_weights
from mien.engines.runtimes.verify import Tolerance
from mien.engines.swapnet.code import NAMED_INDEX, TOLD, tell
from mien.engines.swapnet.dataset import Samples
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.load import decoder_file, encoder_file, open_engine
from mien.realtime.errors import EngineError, ModelError


@pytest.fixture(scope="module")
def networks() -> Networks:
    return amaras_networks()


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("drivers")
    toy_shards(folder, (), shards=2, count=24)
    return Samples(folder, ())


def code(networks: Networks, **named: float) -> dict[str, np.ndarray]:
    given = {port.name: np.zeros(port.shape, np.float32) for port in decoder_file(networks, "base").inputs}
    for name, value in named.items():
        given["named"][0, NAMED_INDEX[name]] = value
    return given


@pytest.mark.parametrize("size", ["base", "small"])
@pytest.mark.parametrize("named", [{}, {"jawOpen": 0.7}, {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}])
def test_the_shipped_ones_paint_the_same_face(networks: Networks, size: str, named: dict[str, float]) -> None:
    painted = []
    for precision in ("int8", "float32"):
        engine = open_engine(networks, size, reason="", runtime="openvino", precision=precision)  # type: ignore[arg-type]
        given = code(networks, **named)
        painted.append([each.astype(float) for each in engine.decode(given["named"][0], given["free"][0])])
        assert engine.spec.precision == precision
        engine.close()
    (pixels, mask, _), (true, true_mask, _) = painted
    inside = true_mask > 127
    # No driver has such a code with nothing in its free half: those that drivers have are 44 dB apart.
    assert 10 * np.log10(255**2 / np.square(pixels - true)[inside].mean()) > 32
    assert (inside & (mask > 127)).sum() > 0.98 * (inside | (mask > 127)).sum()


def test_they_cost_a_pack_next_to_nothing(networks: Networks) -> None:
    assert networks.int8.keys() == {"base", "small"}
    for size, data in networks.int8.items():
        assert len(data) < 0.02 * len(networks.decoders[size])


@pytest.mark.parametrize(("prefers", "precision"), [(True, "int8"), (False, None)])
def test_they_are_played_where_the_processor_computes_them_sooner(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, prefers: bool, precision: str | None
) -> None:
    monkeypatch.setattr(openvino_runtime, "prefers_integers", lambda: prefers)
    engine = open_engine(networks, "small", reason="because", runtime="openvino")
    assert (engine.spec.precision == "int8") is (precision == "int8")
    assert ("this CPU computes 8-bit integers soonest" in engine.spec.reason) is prefers
    assert "; verified with onnxruntime in float32 (painted " in engine.spec.reason
    engine.close()
    asked = open_engine(networks, "small", reason="because", runtime="openvino", precision="int8")
    assert "; 8 bits were asked for; verified with " in asked.spec.reason
    assert "soonest" not in asked.spec.reason
    asked.close()
    plain = open_engine(replace(networks, int8={}), "small", reason="because", runtime="openvino")
    assert plain.spec.precision != "int8"
    plain.close()


def test_all_convolutions_are_computed_in_integers(networks: Networks) -> None:
    """Put in another order for the pixel shuffle, too."""
    import openvino

    from mien.engines.runtimes.openvino_rewrite import rewrite

    model = openvino.Core().read_model(decoder_file(networks, "base").integers().onnx)
    rewrite(model)
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ops = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    kinds = [str(info["primitiveType"].value) for info in ops if info["layerType"].value == "Convolution"]
    assert len(kinds) == 14
    assert all("I8" in kind for kind in kinds), kinds


def test_other_runtimes_say_that_they_do_not_have_them(networks: Networks) -> None:
    with pytest.raises(EngineError, match="int8 was asked for"):
        open_engine(networks, "small", reason="", runtime="onnxruntime", precision="int8")
    with pytest.raises(ModelError, match="comes without 8-bit layers"):
        open_engine(replace(networks, int8={}), "small", reason="", runtime="openvino", precision="int8")


def test_those_of_another_network_are_refused(networks: Networks) -> None:
    for wrong in (networks.int8["small"], networks.encoder, networks.decoders["base"], b"none"):
        given = Networks(networks.encoder, networks.decoders, {"base": wrong})
        with pytest.raises(ModelError):
            open_engine(given, "base", reason="", runtime="openvino", precision="int8")


def coarse(stored: bytes) -> bytes:
    """8-bit layers that run and paint something else: the steps of what they compute are far too long."""
    model = onnx.load_model_from_string(stored)
    tensors = {each.name: each for each in model.graph.initializer}
    for name in {node.input[1] for node in model.graph.node if node.op_type == "QuantizeLinear"}:
        scale = onnx.numpy_helper.to_array(tensors[name])
        tensors[name].CopyFrom(onnx.numpy_helper.from_array(np.asarray(16 * scale, scale.dtype), name))
    return model.SerializeToString()


@pytest.mark.parametrize("runtime", ["openvino", "auto"])
@pytest.mark.parametrize(("damage", "said"), [("another's", "are another network's"), ("coarse", "does not give what")])
def test_without_refused_ones_the_same_runtime_plays_the_network(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, runtime: str, damage: str, said: str
) -> None:
    monkeypatch.setattr(openvino_runtime, "prefers_integers", lambda: True)
    int8 = networks.int8["small"]
    given = replace(networks, int8={"small": coarse(int8) if damage == "coarse" else networks.int8["base"]})
    engine = open_engine(given, "small", reason="because", runtime=runtime, device="cpu")
    engine.close()
    assert engine.spec.runtime == "openvino"
    assert engine.spec.precision in ("bfloat16", "float32")
    assert re.search(f"; its 8-bit layers were refused: .*{said}.*; verified with onnxruntime", engine.spec.reason)
    with pytest.raises((EngineError, ModelError), match=said):
        open_engine(given, "small", reason="", runtime=runtime, device="cpu", precision="int8")


def test_what_reads_the_names_wrongly_is_found(networks: Networks) -> None:
    """At rest it would paint the same."""
    int8 = networks.int8["small"]
    whole = onnx.load_model_from_string(decoder_file(networks, "small").integers().onnx)
    weight = next(each for each in whole.graph.initializer if each.name == "decoder.code.0.weight")
    model = onnx.load_model_from_string(int8)
    own = next(each for each in model.graph.initializer if each.name == weight.name)
    own.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(weight), weight.name))
    given = replace(networks, int8={"small": model.SerializeToString()})
    with pytest.raises(EngineError, match="openvino with int8 does not give what"):
        open_engine(given, "small", reason="", runtime="openvino", precision="int8")


def test_what_is_left_out_comes_back_number_by_number(networks: Networks) -> None:
    whole, decoder = decoder_file(networks, "small").integers().onnx, networks.decoders["small"]
    stored = without_weights(whole, decoder, "small")
    assert stored == networks.int8["small"]
    again, before = (onnx.load_model_from_string(each) for each in (with_weights(stored, decoder, "small"), whole))
    for one, other in zip(again.graph.initializer, before.graph.initializer, strict=True):
        assert np.array_equal(onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other))


def test_a_weight_of_another_shape_or_with_numbers_of_its_own_is_refused(networks: Networks) -> None:
    decoder = networks.decoders["small"]
    for damage in ("dims", "raw_data", "doc_string", "twice"):
        model = onnx.load_model_from_string(networks.int8["small"])
        tensor = next(each for each in model.graph.initializer if each.doc_string)
        if damage == "dims":
            tensor.dims[0] += 1
        elif damage == "twice":
            # A bomb: a hundred bytes that stand for megabytes, over and over.
            again = model.graph.initializer.add()
            again.CopyFrom(tensor)
            again.name = "again"
        elif damage == "raw_data":
            tensor.raw_data = b"\0" * 16
        else:
            tensor.doc_string = "nobody's"
        with pytest.raises(ModelError, match="are another network's"):
            with_weights(model.SerializeToString(), decoder, "small")


def test_steps_are_read_once_however_often_they_are_named(networks: Networks) -> None:
    """A bomb, too: forty bytes of a node that stand for megabytes of steps."""
    model = onnx.load_model_from_string(networks.int8["small"])
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(2**20, np.float32), "wide"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(2**20, np.int8), "zeros"))
    for number in range(200):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.int8), f"w{number}"))
        model.graph.node.append(
            onnx.helper.make_node("DequantizeLinear", [f"w{number}", "wide", "zeros"], [f"d{number}"])
        )
    stored, decoder = model.SerializeToString(), networks.decoders["small"]
    tracemalloc.start()
    made = with_weights(stored, decoder, "small")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 * (len(stored) + len(made) + len(decoder))


def test_steps_that_do_not_fit_or_are_no_8_bits_are_refused(networks: Networks) -> None:
    for damage, said in (("longer", "their steps do not fit"), ("int32", "they are int32, not of 8 bits")):
        model = onnx.load_model_from_string(networks.int8["small"])
        tensors = {each.name: each for each in model.graph.initializer}
        node = next(
            each for each in model.graph.node
            if each.op_type == "DequantizeLinear" and each.input[0] in tensors and tensors[each.input[0]].doc_string
        )  # fmt: skip
        zero = onnx.numpy_helper.to_array(tensors[node.input[2]])
        other = np.zeros(zero.size + 1, zero.dtype) if damage == "longer" else zero.astype(np.int32)
        tensors[node.input[2]].CopyFrom(onnx.numpy_helper.from_array(other, node.input[2]))
        with pytest.raises(ModelError, match=said):
            with_weights(model.SerializeToString(), networks.decoders["small"], "small")


def test_a_weight_in_steps_of_another_kind_is_kept_as_it_is(networks: Networks) -> None:
    decoder = networks.decoders["small"]
    model = onnx.load_model_from_string(decoder_file(networks, "small").integers().onnx)
    tensors = {each.name: each for each in model.graph.initializer}
    node = next(each for each in model.graph.node if each.op_type == "DequantizeLinear" and each.input[0] in tensors)
    zero = onnx.numpy_helper.to_array(tensors[node.input[2]]).astype(np.int32)
    tensors[node.input[2]].CopyFrom(onnx.numpy_helper.from_array(zero, node.input[2]))
    stored = onnx.load_model_from_string(without_weights(model.SerializeToString(), decoder, "small"))
    kept = next(each for each in stored.graph.initializer if each.name == node.input[0])
    assert kept.raw_data == tensors[node.input[0]].raw_data
    assert not kept.doc_string


def test_no_damage_raises_anything_else_than_a_model_error(networks: Networks) -> None:
    decoder = replace(decoder_file(networks, "small"), int8=b"")
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(150):
        data = bytearray(networks.int8["small"])
        for place in rng.integers(len(data), size=rng.integers(1, 4)):
            data[place] ^= 1 << int(rng.integers(8))
        del data[int(len(data) * rng.uniform(0.2, 1.5)) :]
        try:
            made = onnx.load_model_from_string(with_weights(bytes(data), decoder.onnx, "small"))
            assert made.graph.node
        except ModelError:
            refused += 1
    assert refused > 20


def test_ranges_are_measured_on_the_codes_of_the_live_path(networks: Networks, drivers: Samples) -> None:
    from mien.engines.swapnet import integers

    encoder = encoder_file(networks)
    codes, mild = integers._codes(encoder, drivers, 1000)
    assert len(codes) == len(drivers)
    assert len(integers._codes(encoder, drivers, 10)[0]) == 10
    told = [NAMED_INDEX[name] for name in TOLD]
    for index, given in enumerate(codes):
        named = given["named"][0]
        assert np.array_equal(named, CodeEdit().apply(named))
        tracked = drivers.batch([index], None, np.random.default_rng(0), None).tracked.numpy()[0]
        expected = named.copy()
        tell(expected, tracked)
        assert np.array_equal(named[told], expected[told])
    assert mild["named"].all()
    assert np.abs(mild["free"]).max() > 0


def test_a_decoder_is_rounded_and_one_that_loses_too_much_is_refused(
    networks: Networks, drivers: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nncf")
    from mien.engines.swapnet import integers

    encoder, decoder = encoder_file(networks), decoder_file(networks, "small")
    stored = integers.integer_decoder(encoder, decoder, drivers)
    made = replace(decoder, int8=stored).integers()
    assert made.quantised
    # Codes pass through the matrix products as they are.
    kinds = {node.op_type for node in onnx.load_model_from_string(made.onnx).graph.node}
    assert {"Gemm", "QuantizeLinear"} <= kinds
    gemm = [node for node in onnx.load_model_from_string(made.onnx).graph.node if node.op_type == "Gemm"]
    assert not any("dq_output" in name for node in gemm for name in node.input)
    with monkeypatch.context() as patch:
        # What would be refused whenever it is opened.
        patch.setattr(integers, "TOLERANCES", {"int8": Tolerance(40.0, 1e-4)})
        with pytest.raises(EngineError, match=r"lost too much as 8-bit integers \(painted "):
            integers.integer_decoder(encoder, decoder, drivers)
    monkeypatch.setattr(integers, "LEAST_MEAN_DB", 90.0)
    with pytest.raises(EngineError, match=r"are \d+\.\d dB from what they were"):
        integers.integer_decoder(encoder, decoder, drivers)


def test_the_command_quantises_what_it_films(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Filming itself is `test_swapnet_film`'s: here the drivers lie in the folder already."""
    pytest.importorskip("nncf")
    pytest.importorskip("anny")
    from mien.engines.swapnet import film as filming
    from mien.engines.swapnet import integers
    from mien.plugin.cli import main

    folder = tmp_path / "work" / "drivers"
    toy_shards(folder, (), shards=1, count=32)
    asked = []
    monkeypatch.setattr(filming, "film", lambda place, plan, *_given, **_options: asked.append((place, plan)))
    words = ["persona", "quantise", "mateo", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "pack")]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert asked[0][0] == folder
    assert ended.value.code == EngineError.exit_code
    assert "No network of 'mateo' bears 8-bit layers" in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()
    # Toy drivers ask for codes that nobody's face has.
    monkeypatch.setattr(integers, "LEAST_MEAN_DB", 30.0)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code, capsys.readouterr().err
    made = find(str(tmp_path / "pack"))
    assert made.networks is not None
    assert made.networks.int8.keys() == made.networks.decoders.keys() == {"small"}
    assert json.loads((tmp_path / "pack" / "training.json").read_text())["small"]["int8"] == {"codes": 32}
    assert made.networks.decoders == find("mateo").networks.decoders  # type: ignore[union-attr]
    engine = open_engine(made.networks, "small", reason="", runtime="openvino", precision="int8")
    assert engine.spec.precision == "int8"
    engine.close()
