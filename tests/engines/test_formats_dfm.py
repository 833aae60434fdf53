"""What is taken for a DFM, and what is refused, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dfm_files import NAMES, SIDE_PX, SWAP, KnownModel
from onnx import TensorProto, helper, numpy_helper

from mien.engines.formats.dfm import MOST_NODES, OUTPUTS, read
from mien.engines.formats.table import FORMATS, MAX_MODEL_BYTES, format_named, format_of, is_model
from mien.realtime.errors import ModelError, PersonaError


def test_a_dfm_is_read_as_deepfacelab_writes_it() -> None:
    plain, morphing = read(KnownModel().file, "a.dfm"), read(KnownModel(morphs=True, side_px=224).file, "b.dfm")
    assert (plain.side_px, plain.morphs, plain.summary) == (SIDE_PX, False, f"DFM, {SIDE_PX} px")
    assert (morphing.side_px, morphing.morphs) == (224, True)
    assert morphing.summary == "DFM, 224 px, with a morph value"
    assert [port.name for port in morphing.network.inputs] == ["in_face:0", "morph_value:0"]
    assert [port.shape for port in morphing.network.inputs] == [(1, 224, 224, 3), (1,)], "the open batch is one"
    assert [(port.name, port.shape) for port in morphing.network.outputs] == [
        (name, (1, 224, 224, channels)) for name, channels in OUTPUTS.items()
    ]


def test_outputs_whose_shapes_the_file_leaves_open_are_taken() -> None:
    made = KnownModel().proto
    for port in made.graph.output:
        for dim in port.type.tensor_type.shape.dim:
            dim.dim_param = "unk"
    assert read(made.SerializeToString(), "a.dfm").side_px == SIDE_PX


# -- each of these spoils one thing of a good file


def _custom_operator(made: Any) -> None:
    made.graph.node.append(helper.make_node("Exec", ["seen"], ["x"], domain="com.evil"))
    made.opset_import.append(helper.make_opsetid("com.evil", 1))


def _own_functions(made: Any) -> None:
    body = [helper.make_node("Relu", ["a"], ["b"])]
    made.functions.append(helper.make_function("ai.onnx", "Mine", ["a"], ["b"], body, made.opset_import))


def _outside(path: str) -> Callable[[Any], None]:
    def spoil(made: Any) -> None:
        weight = made.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", path), ("offset", "0"), ("length", "36")):
            weight.external_data.add(key=key, value=value)

    return spoil


def _branch(made: Any) -> None:
    body = helper.make_graph([], "body", [], [])
    made.graph.node.append(helper.make_node("If", ["seen"], ["x"], then_branch=body, else_branch=body))


def _renamed(old: str, new: str) -> Callable[[Any], None]:
    def spoil(made: Any) -> None:
        for node in made.graph.node:
            node.input[:] = [new if each == old else each for each in node.input]
            node.output[:] = [new if each == old else each for each in node.output]
        for port in (*made.graph.input, *made.graph.output):
            port.name = new if port.name == old else port.name

    return spoil


def _other_order(made: Any) -> None:
    ports = [*made.graph.output]
    del made.graph.output[:]
    made.graph.output.extend([ports[1], ports[0], ports[2]])


def _without_an_output(made: Any) -> None:
    del made.graph.output[2]


def _third_input(made: Any) -> None:
    made.graph.input.append(helper.make_tensor_value_info("prompt:0", TensorProto.FLOAT, [1]))


def _shaped(port: int, *dims: int | str, of: str = "input") -> Callable[[Any], None]:
    def spoil(made: Any) -> None:
        value = getattr(made.graph, of)[port]
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, dims))

    return spoil


def _bytes_in(made: Any) -> None:
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def _sequence_in(made: Any) -> None:
    inner = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    made.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(inner))


def _opset(*versions: int) -> Callable[[Any], None]:
    def spoil(made: Any) -> None:
        del made.opset_import[:]
        made.opset_import.extend(helper.make_opsetid("", version) for version in versions)

    return spoil


def _many(made: Any) -> None:
    last = "seen"
    for at in range(MOST_NODES):
        made.graph.node.append(helper.make_node("Identity", [last], [last := f"i{at}"]))


def _bomb(made: Any) -> None:
    """A few bytes that would become 16 GB."""
    shape = numpy_helper.from_array(np.array([1, 3, 40_000, 36_000], np.int64), "huge")
    made.graph.initializer.append(shape)
    made.graph.node.append(helper.make_node("ConstantOfShape", ["huge"], ["bomb"]))


def _enlarging(made: Any) -> None:
    scales = numpy_helper.from_array(np.array([1, 1, 200, 200], np.float32), "scales")
    made.graph.initializer.append(scales)
    made.graph.node.append(helper.make_node("Resize", ["seen", "", "scales"], ["bomb"], mode="nearest"))


def _unknown_operator(made: Any) -> None:
    made.graph.node[0].op_type = "Transmogrify"


def _contradicting(made: Any) -> None:
    made.graph.node[2].attribute[0].ints[:] = [0, 1, 2, 3]


HOSTILE = {
    "custom operator": (_custom_operator, r"uses operators of com\.evil; only ONNX's own domain"),
    "own functions": (_own_functions, "defines functions of its own: Mine"),
    "weights outside": (_outside("../../etc/passwd"), "keeps weights in another file: colours"),
    "weights at a path": (_outside("/etc/passwd"), "keeps weights in another file: colours"),
    "a branch": (_branch, r"graphs within the graph \(If\)"),
    "another input": (_renamed("in_face:0", "input"), "its inputs are input; a DFM has, in this order, in_face:0 or "),
    "three inputs": (_third_input, "its inputs are in_face:0, prompt:0; a DFM has"),
    "another output": (_renamed(NAMES[1], "rgb"), "its outputs are out_face_mask:0, rgb, out_celeb_face_mask:0; a DFM"),
    "another order": (_other_order, "its outputs are out_celeb_face:0, out_face_mask:0, out_celeb_face_mask:0; a DFM"),
    "an output less": (_without_an_output, "its outputs are out_face_mask:0, out_celeb_face:0; a DFM has"),
    "channels first": (_shaped(0, "n", 3, 128, 128), r"in_face:0 is \(\?, 3, 128, 128\); it must be \(N, R, R, 3\)"),
    "not square": (_shaped(0, "n", 128, 96, 3), r"in_face:0 is \(\?, 128, 96, 3\)"),
    "open sides": (_shaped(0, "n", "h", "w", 3), r"in_face:0 is \(\?, \?, \?, 3\); it must be .* fixed R"),
    "all open": (_shaped(0, "n", "h", "w", "c"), r"in_face:0 is \(\?, \?, \?, \?\)"),
    "no shape": (_shaped(0), r"in_face:0 is \(\)"),
    "too small": (_shaped(0, "n", 32, 32, 3), "64 to 1024 px"),
    "too large": (_shaped(0, "n", 4096, 4096, 3), "64 to 1024 px"),
    "four channels": (_shaped(0, "n", 128, 128, 4), r"in_face:0 is \(\?, 128, 128, 4\); it must be \(1, 128, 128, 3\)"),
    "a batch of four": (_shaped(0, 4, 128, 128, 3), r"in_face:0 is \(4, 128, 128, 3\); it must be \(1, 128, 128, 3\)"),
    "a colour mask": (_shaped(0, "n", 128, 128, 3, of="output"), r"out_face_mask:0 is .* must be \(1, 128, 128, 1\)"),
    "another size out": (_shaped(1, "n", 256, 256, 3, of="output"), r"out_celeb_face:0 is \(\?, 256, 256, 3\); it"),
    "bytes in": (_bytes_in, "in_face:0 is not float32"),
    "a sequence in": (_sequence_in, r"in_face:0 is \(\)"),
    "old operators": (_opset(9), "version 9 of ONNX's operators; a DFM has 11 to 21"),
    "operators to come": (_opset(99), "version 99 of ONNX's operators"),
    "no version": (_opset(), "version none of ONNX's operators"),
    "two versions": (_opset(12, 13), "version 12, 13 of ONNX's operators"),
    "without end": (_many, r"has \d+ operators; allowed are 8192"),
    "a bomb": (_bomb, "would make 4320000000 values in 'bomb'; allowed are"),
    "an enlargement": (_enlarging, "would make 1966080000 values in 'bomb'"),
    "an unknown operator": (_unknown_operator, "is not valid ONNX"),
    "a contradiction": (_contradicting, "is not valid ONNX"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_wrong_or_hostile_graph_is_refused_by_name(what: str) -> None:
    spoil, message = HOSTILE[what]
    made = KnownModel(colours=SWAP).proto
    spoil(made)
    with pytest.raises(ModelError, match=message) as refused:
        read(made.SerializeToString(), "theirs.dfm")
    assert "'theirs.dfm'" in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" * 50, b"\x80\x04cposix\nsystem\n", b"<html>" * 99, bytes(300)])
def test_what_is_not_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"'theirs\.dfm' is (not an ONNX file|empty)"):
        read(data, "theirs.dfm")


def test_a_file_cut_off_anywhere_is_refused() -> None:
    data = KnownModel().file
    for share in (0.02, 0.3, 0.9, 0.99, 0.9999):
        with pytest.raises(ModelError, match=r"theirs\.dfm"):
            read(data[: int(len(data) * share)], "theirs.dfm")


def test_a_graph_nested_without_end_is_refused() -> None:
    made = KnownModel().proto
    data = made.graph.SerializeToString()
    for _ in range(300):
        # A graph in an attribute of a node of the graph around it: field 1, and in it 5, and in it 6.
        attribute = _field(6, data)
        data = _field(1, _field(5, attribute))
    with pytest.raises(ModelError, match=r"theirs\.dfm"):
        read(_field(7, data), "theirs.dfm")


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field of Protocol Buffers."""
    size, length = len(data), b""
    while True:
        length += bytes([(size & 127) | (128 if size > 127 else 0)])
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + length + data


def test_the_table_knows_a_format_by_name_and_by_suffix() -> None:
    assert format_named("dfm") is format_of("Some.DFM") is FORMATS[0]
    assert FORMATS[0].most_bytes == MAX_MODEL_BYTES == 2**30
    assert (is_model("a/model.DFM"), is_model("small.onnx"), is_model("dfm")) == (True, False, False)
    with pytest.raises(PersonaError, match=r"There is no model format 'vrm'; this version reads .*\(\*\.dfm\)"):
        format_named("vrm")
    with pytest.raises(PersonaError, match=r"me\.pth is of no known model format"):
        format_of("me.pth")
