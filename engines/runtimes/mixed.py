"""Mixed precision, written into the network: float16 where it is safe and pays, float32 islands elsewhere.

TensorRT 11 takes every type from the file (strong typing), so the choice that its builder once made is made here.
Convolutions and matrix products, in which the time goes, are float16; what only moves or combines numbers follows its
inputs; all else (normalisations, softmax, sums, divisions, powers, resampling) is float32, because its sums and squares
leave float16's range of 65,504 or its 11 bits. Inputs and outputs stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.engines.runtimes.base import NetworkFile, first_line
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner
from mien.engines.runtimes.packages import require
from mien.engines.runtimes.verify import TOLERANCES, compare
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

if TYPE_CHECKING:
    import onnx

#: Always float16: their sums are kept in float32 by the GPU's matrix units, whatever the type of what they are given.
_HALVED: Final = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))
#: float16 if all that they are given is: they take no long sums, so they are as exact as their inputs.
_FOLLOWS: Final = frozenset(
    (
        "Abs", "Add", "AveragePool", "Clip", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity",
        "LeakyRelu", "Max", "MaxPool", "Min", "Mul", "Neg", "PRelu", "Pad", "Relu", "Reshape", "Sigmoid", "Slice",
        "SpaceToDepth", "Split", "Squeeze", "Sub", "Tanh", "Tile", "Transpose", "Unsqueeze",
    )
)  # fmt: skip
_LARGEST: Final = float(np.finfo(np.float16).max)
_PURPOSE: Final = "Writing a network in mixed precision"


def mixed_precision(network: NetworkFile) -> bytes:
    """The same network as ONNX in mixed precision; not verified yet, see `check_mixed`.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: it has integer layers, whose precision is decided already, or operators that leave types open.

    """
    return _converted(network, rounded=False)


def check_mixed(network: NetworkFile, sample: Mapping[str, Floats], *, threads: int) -> str:
    """Compare what a network gives in mixed precision with what it gives in float32; returns the figures ("rgb 71 dB").

    Both are computed by ONNX Runtime on the CPU. It has no kernels for float16, and computes such a network in float32
    from one end to the other, so that overflows never show; here each value is rounded to float16 where
    `mixed_precision` stores it in that type, and sums are taken in float32, as GPUs take them.

    Args:
        network: the original.
        sample: inputs to run it with.
        threads: see `OnnxRuntimeRunner`.

    Raises:
        EngineError: float16 does not hold this network's numbers.
        MissingExtraError: onnx or ONNX Runtime is not installed.
        ModelError: it has integer layers, or ONNX Runtime refuses it.

    """
    found = _outputs(NetworkFile(_converted(network, rounded=True), network.name), sample, threads)
    compared = compare(found, _outputs(network, sample, threads), TOLERANCES["float16"])
    measured = ", ".join(each.text for each in compared)
    if not all(each.within for each in compared):
        raise EngineError(
            f"The network {network.name!r} does not bear float16 ({measured}).", hint="It runs in float32."
        )
    return measured


def _converted(network: NetworkFile, *, rounded: bool) -> bytes:
    if network.quantised:
        raise ModelError(f"The network {network.name!r} is quantised; there is nothing to mix in it.")
    package = require("onnx", _PURPOSE)
    model = package.shape_inference.infer_shapes(package.load_model_from_string(network.onnx))
    data: bytes = _Conversion(package, model, rounded=rounded).run().SerializeToString()
    return data


def _outputs(network: NetworkFile, sample: Mapping[str, Floats], threads: int) -> dict[str, Floats]:
    runner = OnnxRuntimeRunner(network, threads=threads, precision="float32")
    try:
        return {name: value.copy() for name, value in runner(sample).items()}
    finally:
        runner.close()


class _Conversion:
    """One network on its way from float32 to mixed precision.

    Every float32 value has up to two names in the new graph, one for each type; the second is made by a Cast (of a
    weight: by a copy) when the first node asks for it. With `rounded` every type in the new graph is float32, and what
    would be float16 has its values.
    """

    def __init__(self, onnx_package: Any, model: onnx.ModelProto, *, rounded: bool) -> None:  # noqa: ANN401 - a module
        self._onnx = onnx_package
        self._model = model
        self._rounded = rounded
        self._nodes: list[onnx.NodeProto] = []
        self._names: dict[tuple[str, bool], str] = {}
        self._taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
        self._weights: dict[str, NDArray[np.float32]] = {}
        self._stored = {each.name: each for each in model.graph.initializer}
        self._float = set(self._float_values())

    def run(self) -> onnx.ModelProto:
        graph = self._model.graph
        nodes = [node for node in graph.node if not self._is_weight(node)]
        for node in nodes:
            self._add(node, half=self._halves(node))
        for output in graph.output:
            self._finish(output.name)
        del graph.node[:]
        graph.node.extend(self._nodes)
        # Their types are those of before; each runtime infers its own.
        del graph.value_info[:]
        used = {name for node in self._nodes for name in node.input}
        kept = [each for each in graph.initializer if each.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        try:
            self._onnx.checker.check_model(self._model, full_check=True)
        except (self._onnx.checker.ValidationError, self._onnx.shape_inference.InferenceError) as error:
            raise ModelError(f"It cannot be written in mixed precision: {first_line(error)}") from error
        return self._model

    def _float_values(self) -> Iterator[str]:
        graph = self._model.graph
        kind = self._onnx.TensorProto.FLOAT
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.tensor_type.elem_type == kind:
                yield value.name
        for weight in graph.initializer:
            if weight.data_type == kind:
                self._weights[weight.name] = self._onnx.numpy_helper.to_array(weight)
                yield weight.name

    def _is_weight(self, node: onnx.NodeProto) -> bool:
        """Take a node that only gives constant float32 numbers among the weights, as files with small weights have."""
        if node.op_type == "Constant" and node.output[0] in self._float and node.attribute[0].name == "value":
            array = self._onnx.numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Cast" and node.output[0] in self._float and node.input[0] in self._stored:
            array = self._onnx.numpy_helper.to_array(self._stored[node.input[0]]).astype(np.float32)
        else:
            return False
        self._weights[node.output[0]] = array
        self._model.graph.initializer.append(self._onnx.numpy_helper.from_array(array, node.output[0]))
        return True

    def _halves(self, node: onnx.NodeProto) -> bool:
        """Whether a node is to compute in float16."""
        floats = [name for name in node.input if name in self._float]
        weights = [self._weights[name] for name in floats if name in self._weights]
        if any(np.abs(each).max(initial=0.0) > _LARGEST for each in weights):
            return False
        if node.op_type in _HALVED:
            return True
        moving = [name for name in floats if name not in self._weights]
        squares = node.op_type == "Mul" and len(set(moving)) < len(moving)
        return (
            node.op_type in _FOLLOWS
            and bool(moving)
            and not squares
            and all((name, True) in self._names for name in moving)
        )

    def _add(self, node: onnx.NodeProto, *, half: bool) -> None:
        """Add the node, with its float32 inputs and outputs in one of the two types."""
        made: onnx.NodeProto = self._onnx.NodeProto()
        made.CopyFrom(node)
        for i, name in enumerate(node.input):
            if name in self._float:
                made.input[i] = self._name(name, half=half)
        made.ClearField("output")
        floats = [name for name in node.output if name in self._float]
        for name in node.output:
            if half and name in floats:
                self._names[name, True] = self._free(name)
                made.output.append(self._free(name) if self._rounded else self._names[name, True])
            else:
                self._names[name, False] = name
                made.output.append(name)
        self._nodes.append(made)
        if half and self._rounded:
            for name, exact in zip(node.output, made.output, strict=True):
                if name in floats:
                    self._cast(exact, self._names[name, True], half=True)

    def _name(self, name: str, *, half: bool) -> str:
        """What a value is called in one of the two types; makes it where it is not there yet."""
        if (name, half) in self._names:
            return self._names[name, half]
        if not half and (name, True) not in self._names:
            # An input or a weight, which are float32 by themselves.
            return name
        made = self._names[name, half] = self._free(name) if half else name
        if name in self._weights:
            array = self._weights[name].astype(np.float16)
            array = array.astype(np.float32) if self._rounded else array
            self._model.graph.initializer.append(self._onnx.numpy_helper.from_array(array, made))
        else:
            self._cast(self._names.get((name, not half), name), made, half=half)
        return made

    def _finish(self, name: str) -> None:
        """Give an output of the network its float32 value, where no node has made it."""
        if (name, True) in self._names and (name, False) not in self._names:
            self._cast(self._names[name, True], name, half=False)

    def _cast(self, given: str, made: str, *, half: bool) -> None:
        """Add what makes a value's one type of its other."""
        kind = self._onnx.TensorProto.FLOAT16 if half else self._onnx.TensorProto.FLOAT
        if half and self._rounded:
            between = self._free(made)
            self._nodes.append(self._onnx.helper.make_node("Cast", [given], [between], to=kind))
            given, kind = between, self._onnx.TensorProto.FLOAT
        self._nodes.append(self._onnx.helper.make_node("Cast", [given], [made], to=kind))

    def _free(self, name: str) -> str:
        """A name for the float16 value of `name` that no other has."""
        made = f"{name}_float16"
        while made in self._taken:
            made += "_"
        self._taken.add(made)
        return made
