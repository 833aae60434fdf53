from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from runtimes_networks import INPUTS, OUTPUTS, network  # noqa: E402

from mien.engines.runtimes.graph import MAX_BYTES, Port, read_graph  # noqa: E402
from mien.realtime.errors import MissingExtraError, ModelError  # noqa: E402

helper = onnx.helper
FLOAT = onnx.TensorProto.FLOAT


def model(change: Callable[[Any], None] = lambda _: None, shape: tuple[Any, ...] = (1, 4), kind: int = FLOAT) -> bytes:
    """A product with a constant, changed."""
    weights = onnx.numpy_helper.from_array(np.full((1, 4), 2, np.float32), "weights")
    made = helper.make_model(
        helper.make_graph(
            [helper.make_node("Mul", ["x", "weights"], ["y"])],
            "graph",
            [helper.make_tensor_value_info("x", kind, shape)],
            [helper.make_tensor_value_info("y", kind, shape)],
            [weights],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    change(made)
    return made.SerializeToString()


def test_an_export_of_pytorch_is_read() -> None:
    graph = read_graph(network().onnx, "tiny")
    assert {port.name: port.shape for port in graph.inputs} == INPUTS
    assert {port.name: port.shape for port in graph.outputs} == OUTPUTS
    assert not graph.quantised


def test_weights_that_old_files_list_as_inputs_are_none() -> None:
    def listed(made: Any) -> None:
        made.graph.input.append(helper.make_tensor_value_info("weights", FLOAT, (1, 4)))

    assert read_graph(model(listed), "old").inputs == (Port("x", (1, 4)),)


def test_domains_that_are_no_text_are_refused_by_name() -> None:
    def foreign(made: Any) -> None:
        for domain in ("com.microsoft", "com.xyz"):
            made.graph.node.append(helper.make_node("Mul", ["x", "x"], ["z"], domain=domain))

    with pytest.raises(ModelError, match="uses operators of"):
        read_graph(model(foreign).replace(b"com.xyz", b"com.\xff\xfez"), "foreign")


@pytest.mark.parametrize("data", [b"", b"junk" * 50, network().onnx[:-1000], network().onnx[:40]])
def test_bytes_that_are_no_network(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"'broken' is (not an ONNX file|empty|not valid ONNX)"):
        read_graph(data, "broken")


def test_a_file_that_is_too_large() -> None:
    with pytest.raises(ModelError, match=r"has 64\.0 MB; allowed are 64"):
        read_graph(bytes(MAX_BYTES + 1), "large")


def _external(made: Any) -> None:
    weights = made.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../secret")


def _external_constant(made: Any) -> None:
    node = helper.make_node("Constant", [], ["other"], value=made.graph.initializer[0])
    _external(made)
    node.attribute[0].t.CopyFrom(made.graph.initializer[0])
    made.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.ones((1, 4), np.float32), "weights"))
    made.graph.node.append(node)


def _foreign(made: Any) -> None:
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    made.graph.node[0].domain = "com.microsoft"


def _function(made: Any) -> None:
    made.functions.append(
        helper.make_function("", "Mine", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], made.opset_import)
    )


def _branch(made: Any) -> None:
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["z"])], "inner", [], [helper.make_tensor_value_info("z", FLOAT, (1, 4))]
    )
    made.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner))


def _many(made: Any) -> None:
    for index in range(17):
        made.graph.input.append(helper.make_tensor_value_info(f"more{index}", FLOAT, (1, 4)))


def _no_output(made: Any) -> None:
    made.graph.ClearField("output")


def _unknown_operator(made: Any) -> None:
    made.graph.node[0].op_type = "Nonsense"


def _wrong_shape(made: Any) -> None:
    made.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_external, r"keeps weights in another file: weights\. Export it as one file"),
        (_external_constant, "keeps weights in another file"),
        (_foreign, r"uses operators of com\.microsoft; only ONNX's own"),
        (_function, "defines functions of its own: Mine"),
        (_branch, r"has graphs within the graph \(If\)"),
        (_many, "has 18 inputs; allowed are 16"),
        (_no_output, "has no output"),
        (_unknown_operator, "is not valid ONNX: .*Nonsense"),
        (_wrong_shape, "is not valid ONNX"),
    ],
)
def test_a_file_that_reaches_beyond_itself_or_is_wrong(change: Callable[[Any], None], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_graph(model(change), "foreign")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("batch", 4), r"input 'x' of the network 'odd' has no fixed shape: \(batch, 4\)"),
        ((1, None), r"has no fixed shape: \(1, \?\)"),
        ((1, 0), r"has no fixed shape: \(1, 0\)"),
        ((), r"has no fixed shape: \(\)"),
        ((2, 4), r"has a batch of 2: \(2, 4\)"),
        ((1, 2**14, 2**14), "has 268435456 values"),
    ],
)
def test_shapes_that_are_not_fixed(shape: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_graph(model(shape=shape), "odd")


def test_ports_that_are_not_float32() -> None:
    with pytest.raises(ModelError, match="input 'x' of the network 'double' is not a float32 tensor"):
        read_graph(model(kind=onnx.TensorProto.DOUBLE), "double")


def test_without_the_package_that_reads_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"'onnx', which is not installed\. Run `pip install onnx`"):
        read_graph(model(), "any")
