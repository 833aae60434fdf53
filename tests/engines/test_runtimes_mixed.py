"""Mixed precision: what becomes float16, what stays float32, and that the numbers stay the network's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("onnxruntime")

from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.mixed import check_mixed, mixed_precision
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner
from mien.engines.runtimes.verify import sample_for
from mien.realtime.errors import EngineError, ModelError

REPOSITORY = Path(__file__).parents[2]
Node = onnx.NodeProto
RANDOM = np.random.default_rng(5)


def network(nodes: list[Node], output: tuple[int, ...] = (1, 4, 8, 8), **weights: Any) -> NetworkFile:
    """`x`, (1, 4, 8, 8), through the nodes to `y`."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return NetworkFile(model.SerializeToString(), "small")


def kernel(scale: float = 0.2) -> Any:
    return (RANDOM.standard_normal((4, 4, 3, 3)) * scale).astype(np.float32)


def conv(given: str, made: str, weight: str = "w") -> Node:
    return helper.make_node("Conv", [given, weight], [made], pads=[1, 1, 1, 1])


def types_in(data: bytes) -> dict[str, str]:
    """The type that each operator computes in, by its first output's name in the original."""
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(data), strict_mode=True)
    graph = model.graph
    kinds = {each.name: each.type.tensor_type.elem_type for each in (*graph.value_info, *graph.output)}
    names = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}
    return {
        f"{node.op_type} {node.output[0].removesuffix('_float16')}": names[kinds[node.output[0]]]
        for node in graph.node
        if node.op_type != "Cast"
    }


def check(given: NetworkFile) -> str:
    """See that the network in mixed precision computes the same, and that its own check says so."""
    results = []
    for data in (given.onnx, mixed_precision(given)):
        runner = OnnxRuntimeRunner(NetworkFile(data, given.name), threads=1)
        results.append({name: value.copy() for name, value in runner(sample_for(given)).items()})
        runner.close()
    for name, value in results[0].items():
        assert np.abs(results[1][name] - value).max() < 0.004 * np.abs(value).max()
    return check_mixed(given, sample_for(given), threads=1)


def casts(data: bytes) -> int:
    return sum(node.op_type == "Cast" for node in onnx.load_model_from_string(data).graph.node)


def test_convolutions_and_what_follows_them_are_float16_and_the_ports_stay() -> None:
    given = network(
        [conv("x", "a"), helper.make_node("LeakyRelu", ["a"], ["b"], alpha=0.1), conv("b", "c"),
         helper.make_node("Add", ["c", "b"], ["d"]), helper.make_node("Sigmoid", ["d"], ["y"])],
        w=kernel(),
    )  # fmt: skip
    mixed = mixed_precision(given)
    assert set(types_in(mixed).values()) == {"float16"}
    # One into the first convolution, one out of the last operator; none in between.
    assert casts(mixed) == 2
    again = NetworkFile(mixed, "mixed")
    assert (again.inputs, again.outputs) == (given.inputs, given.outputs)
    assert check(given).startswith("y ")


def normalised() -> NetworkFile:
    """A normalisation as exporters spell it, between two convolutions."""
    axes = {"axes": np.array([2, 3]), "eps": np.float32([1e-5]), "gain": np.full((1, 4, 1, 1), 1.5, np.float32)}
    return network(
        [
            conv("x", "a"),
            helper.make_node("ReduceMean", ["a", "axes"], ["mean"]),
            helper.make_node("Sub", ["a", "mean"], ["centred"]),
            helper.make_node("Mul", ["centred", "centred"], ["squares"]),
            helper.make_node("ReduceMean", ["squares", "axes"], ["variance"]),
            helper.make_node("Add", ["variance", "eps"], ["safe"]),
            helper.make_node("Sqrt", ["safe"], ["deviation"]),
            helper.make_node("Div", ["centred", "deviation"], ["normal"]),
            helper.make_node("Mul", ["normal", "gain"], ["scaled"]),
            conv("scaled", "y"),
        ],
        w=kernel(),
        **axes,
    )


def test_a_normalisation_is_an_island_of_float32() -> None:
    given = normalised()
    types = types_in(mixed_precision(given))
    assert {name for name, kind in types.items() if kind == "float16"} == {"Conv a", "Conv y"}
    assert {"ReduceMean mean", "Sub centred", "Mul squares", "Div normal", "Mul scaled"} <= types.keys()
    check(given)


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("InstanceNormalization", ["a", "gain", "shift"], ["y"]),
        helper.make_node("Softmax", ["a"], ["y"], axis=1),
        helper.make_node("Exp", ["a"], ["y"]),
        helper.make_node("Div", ["a", "a"], ["y"]),
        helper.make_node("Mul", ["a", "a"], ["y"]),
        helper.make_node("Resize", ["a", "", "scales"], ["y"]),
    ],
)
def test_what_leaves_float16_s_range_is_float32(node: Node) -> None:
    given = network(
        [conv("x", "a"), node], w=kernel(), gain=np.ones(4, np.float32), shift=np.zeros(4, np.float32),
        scales=np.ones(4, np.float32),
    )  # fmt: skip
    types = types_in(mixed_precision(given))
    assert types == {"Conv a": "float16", f"{node.op_type} y": "float32"}


def test_a_weight_beyond_float16_keeps_its_operator_in_float32() -> None:
    large = kernel()
    large[0, 0, 0, 0] = 7e4
    given = network([conv("x", "a"), conv("a", "y", "v")], w=kernel(), v=large)
    assert types_in(mixed_precision(given)) == {"Conv a": "float16", "Conv y": "float32"}


def test_weights_that_are_stored_small_are_float16_without_a_cast() -> None:
    half = kernel().astype(np.float16)
    given = network(
        [helper.make_node("Cast", ["stored"], ["w"], to=TensorProto.FLOAT), conv("x", "a"),
         helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2.0))),
         helper.make_node("Mul", ["a", "two"], ["y"])],
        stored=half,
    )  # fmt: skip
    mixed = mixed_precision(given)
    assert types_in(mixed) == {"Conv a": "float16", "Mul y": "float16"}
    assert casts(mixed) == 2
    weights = {each.name: each for each in onnx.load_model_from_string(mixed).graph.initializer}
    assert all(each.data_type == TensorProto.FLOAT16 for each in weights.values())
    assert any(np.array_equal(numpy_helper.to_array(each), half) for each in weights.values())


def test_a_name_that_is_taken_is_not_taken_twice() -> None:
    given = network(
        [conv("x", "a"), conv("a", "a_float16"), helper.make_node("Add", ["a", "a_float16"], ["y"])], w=kernel()
    )
    check(given)


def test_an_output_that_others_read_too() -> None:
    given = network([conv("x", "y"), helper.make_node("Relu", ["y"], ["unused"])], w=kernel())
    check(given)


def test_a_small_difference_of_large_numbers_is_found_by_the_gate() -> None:
    given = network(
        [
            conv("x", "a"),
            helper.make_node("Add", ["a", "much"], ["b"]),
            helper.make_node("Sub", ["b", "much"], ["y"]),
        ],
        w=kernel(),
        much=np.float32(1000.0),
    )
    with pytest.raises(EngineError, match=r"'small' does not bear float16 \(y .* apart\)\. It runs in float32"):
        check_mixed(given, sample_for(given), threads=1)


def test_sums_beyond_float16_are_found_by_the_gate() -> None:
    given = network(
        [conv("x", "a"), helper.make_node("Mul", ["a", "little"], ["y"])],
        w=np.full((4, 4, 3, 3), 6e4, np.float32),
        little=np.float32(1e-4),
    )
    with pytest.raises(EngineError, match=r"does not bear float16 \(y not finite\)"):
        check_mixed(given, sample_for(given), threads=1)


@pytest.mark.parametrize("path", ["engines/swapnet/assets/encoder.onnx", "engines/personas/shipped/amara/small.onnx"])
def test_the_shipped_networks_bear_it(path: str) -> None:
    given = NetworkFile((REPOSITORY / path).read_bytes(), path)
    mixed = mixed_precision(given)
    measured = check(given)
    assert measured.count(",") == len(given.outputs) - 1
    types = list(types_in(mixed).items())
    assert all(kind == "float16" for name, kind in types if name.startswith(("Conv", "Gemm")))
    # At the ports and nowhere else: each costs a pass over memory.
    assert casts(mixed) <= len(given.inputs) + len(given.outputs)


def test_a_quantised_network_is_left_alone() -> None:
    given = network(
        [helper.make_node("QuantizeLinear", ["x", "scale"], ["q"]),
         helper.make_node("DequantizeLinear", ["q", "scale"], ["y"])],
        scale=np.float32(0.1),
    )  # fmt: skip
    with pytest.raises(ModelError, match="'small' is quantised"):
        mixed_precision(given)
