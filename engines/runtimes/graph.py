"""Reads an ONNX file that may be a stranger's: what it takes and gives, and that it can do no more than compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mien.engines.runtimes.packages import require
from mien.realtime.errors import ModelError

#: Greatest size of a network file, bytes: eight times what a large decoder in bfloat16 needs.
MAX_BYTES: Final = 64 * 2**20
#: Greatest number of inputs, and of outputs.
MAX_PORTS: Final = 16
#: Greatest number of values in one input or output: an RGB picture of 2048 px has a fifth of it.
MAX_VALUES: Final = 2**26
#: The two spellings of ONNX's own operators; whatever else is a runtime's extension, or a library to load.
_DOMAINS: Final = ("", "ai.onnx")
#: Operators that make activations integers; DequantizeLinear alone means weights that are only stored small.
_INTEGER: Final = frozenset(
    ("QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
)
_PURPOSE: Final = "Reading a network"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a network: float32, of one fixed shape whose first dimension, the batch, is 1."""

    name: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.shape}"


@dataclass(frozen=True, slots=True)
class Graph:
    """What a file says of itself.

    Attributes:
        inputs: in the file's order, without the weights that old files list among them.
        outputs: in the file's order.
        quantised: it has 8-bit integer layers.
        notes: texts by name that lie beside the network, unchecked.

    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    quantised: bool
    notes: Mapping[str, str]


def read_graph(data: bytes, name: str, *, most_bytes: int = MAX_BYTES) -> Graph:
    """Check a file and read its ports. Nothing is executed, and no other file is opened.

    Args:
        data: the file's bytes, whose hash the caller has checked.
        name: for messages.
        most_bytes: greatest size of the file.

    Raises:
        ModelError: too large, not ONNX, not valid, weights outside the file, operators outside ONNX's own domain,
            nested graphs (loops and branches), ports that are not float32 or have no fixed shape, or too many ports.
        MissingExtraError: the package that reads ONNX is not installed.

    """
    model = parse_graph(data, name, most_bytes=most_bytes)
    onnx = require("onnx", _PURPOSE)
    weights = {each.name for each in model.graph.initializer}
    inputs = _ports(onnx, [each for each in model.graph.input if each.name not in weights], "input", name)
    outputs = _ports(onnx, list(model.graph.output), "output", name)
    if not outputs:
        raise ModelError(f"The network {name!r} has no output.")
    _check_valid(onnx, data, name)
    notes = {each.key: each.value for each in model.metadata_props}
    return Graph(inputs, outputs, any(node.op_type in _INTEGER for node in model.graph.node), notes)


def parse_graph(data: bytes, name: str, *, most_bytes: int) -> Any:  # noqa: ANN401 - an onnx.ModelProto
    """Parse a file, and see that it is all there is: no other file, no foreign code, no loops. Its ports are unchecked.

    Raises:
        ModelError: too large, not ONNX, or reaching beyond itself.
        MissingExtraError: the package that reads ONNX is not installed.

    """
    if len(data) > most_bytes:
        raise ModelError(
            f"The network {name!r} has {len(data) / 2**20:.1f} MB; allowed are {most_bytes // 2**20}.",
            hint="Store its weights as float16 or bfloat16, or quantise it.",
        )
    model = _parsed(require("onnx", _PURPOSE), data, name)
    _check_reach(model, name)
    return model


def _parsed(onnx: Any, data: bytes, name: str) -> Any:  # noqa: ANN401
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        # Protocol Buffers' DecodeError, whose module is another in each of its major versions.
        raise ModelError(
            f"The network {name!r} is not an ONNX file ({len(data)} bytes: {error}).",
            hint="Fetch or export it again.",
        ) from error
    if not model.HasField("graph") or not model.graph.node:
        raise ModelError(f"The network {name!r} is empty: it has no operators.", hint="Fetch or export it again.")
    return model


def _check_reach(model: Any, name: str) -> None:  # noqa: ANN401
    """See that the file is all there is: no other file, no foreign code, no loops."""
    if model.functions:
        raise ModelError(
            f"The network {name!r} defines functions of its own: {_few(each.name for each in model.functions)}.",
            hint="Export it with its functions inlined.",
        )
    # Of the operators, not of the imports: tf2onnx imports ai.onnx.ml whether or not it is used. As texts, because
    # Protocol Buffers gives those that are no UTF-8 as bytes.
    foreign = sorted({str(each.domain) for each in model.graph.node}.difference(_DOMAINS))
    if foreign:
        raise ModelError(
            f"The network {name!r} uses operators of {_few(foreign)}; only ONNX's own domain is allowed.",
            hint="Export it without a runtime's optimisations.",
        )
    outside = [each.name for each in _tensors(model.graph) if each.data_location or each.external_data]
    if outside or model.graph.sparse_initializer:
        raise ModelError(
            f"The network {name!r} keeps weights in another file: {_few(outside) or 'sparse ones'}.",
            hint="Export it as one file (`external_data=False`).",
        )
    nested = {
        str(node.op_type) for node in model.graph.node for each in node.attribute if each.graphs or each.HasField("g")
    }
    if nested:
        raise ModelError(
            f"The network {name!r} has graphs within the graph ({_few(sorted(nested))}); only a fixed sequence of "
            "operators is allowed."
        )


def _tensors(graph: Any) -> Iterator[Any]:  # noqa: ANN401
    yield from graph.initializer
    for node in graph.node:
        for each in node.attribute:
            if each.HasField("t"):
                yield each.t
            yield from each.tensors


def _ports(onnx: Any, values: list[Any], kind: str, name: str) -> tuple[Port, ...]:  # noqa: ANN401
    if len(values) > MAX_PORTS:
        raise ModelError(f"The network {name!r} has {len(values)} {kind}s; allowed are {MAX_PORTS}.")
    return tuple(_port(onnx, each, kind, name) for each in values)


def _port(onnx: Any, value: Any, kind: str, name: str) -> Port:  # noqa: ANN401
    what = f"The {kind} {value.name!r} of the network {name!r}"
    if not value.type.HasField("tensor_type") or value.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise ModelError(f"{what} is not a float32 tensor.", hint="Export it with float32 inputs and outputs.")
    dims = value.type.tensor_type.shape.dim
    shape = tuple(each.dim_value if each.HasField("dim_value") else (each.dim_param or "?") for each in dims)
    fixed = tuple(each for each in shape if isinstance(each, int) and each > 0)
    if len(fixed) != len(shape) or not shape:
        raise ModelError(
            f"{what} has no fixed shape: {_spelt(shape)}.", hint="Export it with fixed dimensions and a batch of 1."
        )
    if fixed[0] != 1:
        raise ModelError(f"{what} has a batch of {fixed[0]}: {_spelt(shape)}; Mien runs a batch of 1.")
    values = 1
    for each in fixed:
        values *= each
    if values > MAX_VALUES:
        raise ModelError(f"{what} has {values} values: {_spelt(shape)}; allowed are {MAX_VALUES}.")
    return Port(value.name, fixed)


def _check_valid(onnx: Any, data: bytes, name: str) -> None:  # noqa: ANN401
    try:
        onnx.checker.check_model(data, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"The network {name!r} is not valid ONNX: {reason}", hint="Export it again.") from error


def _spelt(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(str(each) for each in shape)})"


def _few(names: Any, most: int = 4) -> str:  # noqa: ANN401
    listed = [str(each) or "(unnamed)" for each in names]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
