"""A network with 8-bit layers, stored as what it has beside the one in floating point: a fiftieth of its size.

Its weights are those of the other, rounded to steps that it names, so a pack need not hold them twice.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.engines.runtimes.graph import MAX_BYTES, parse_graph
from mien.engines.runtimes.packages import require
from mien.realtime.errors import ModelError

_PURPOSE: Final = "Reading a network's 8-bit layers"
#: Smaller tensors are kept as they are.
_LEAST: Final = 256
#: What weights are rounded to.
_EIGHT_BITS: Final = (np.int8, np.uint8)

Numbers = NDArray[Any]


class _Steps(NamedTuple):
    """What a weight is rounded by: tensors of the graph, not yet read, and the weight's axis that they lie along."""

    scale: Any
    zero: Any
    axis: int


def without_weights(made: bytes, network: bytes, name: str) -> bytes:
    """Leave out what `with_weights` finds again in the network that was quantised.

    Args:
        made: ONNX with 8-bit layers.
        network: ONNX that it was made from, weights in float32, or in float16 behind a Cast.
        name: for messages.

    Raises:
        ModelError: one of them is no network.

    """
    model = parse_graph(made, name, most_bytes=MAX_BYTES)
    onnx = require("onnx", _PURPOSE)
    weights = _weights(onnx, network, name)
    steps = _steps(model.graph)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        # NNCF calls what it rounds after the weight.
        source = tensor.name.removeprefix("q_output_").removesuffix("_1") if tensor.name in steps else tensor.name
        if values.size < _LEAST or source not in weights:
            continue
        try:
            found = _rounded(onnx, weights[source], steps[tensor.name]) if tensor.name in steps else weights[source]
        except ValueError:
            # In steps that `with_weights` refuses: kept as it is.
            continue
        if found.dtype == values.dtype and np.array_equal(found, values):
            tensor.ClearField("raw_data")
            tensor.doc_string = source
    data: bytes = model.SerializeToString()
    return data


def with_weights(stored: bytes, network: bytes, name: str) -> bytes:
    """The reverse of `without_weights`: ONNX that can be played.

    Args:
        stored: what that gave; a stranger's bytes.
        network: the one in floating point, which was checked.
        name: for messages.

    Raises:
        ModelError: it is no network, or does not belong to this one.

    """
    model = parse_graph(stored, name, most_bytes=MAX_BYTES)
    onnx = require("onnx", _PURPOSE)
    weights = _weights(onnx, network, name)
    try:
        steps = _steps(model.graph)
        for tensor in model.graph.initializer:
            if not tensor.doc_string:
                continue
            # Each once: a name of a few bytes must not stand for megabytes as often as a stranger likes.
            weight = weights.pop(tensor.doc_string)
            if list(weight.shape) != list(tensor.dims) or tensor.HasField("raw_data"):
                raise ValueError(f"{tensor.doc_string!r} does not fit")
            values = _rounded(onnx, weight, steps[tensor.name]) if tensor.name in steps else weight
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        data: bytes = model.SerializeToString()
    except (ValueError, TypeError, KeyError) as error:
        # What ONNX and NumPy say of numbers that are none of theirs, too; a weight that is named twice is a KeyError.
        raise ModelError(
            f"The 8-bit layers of the network {name!r} are another network's: {str(error)[:200]}.",
            hint="Make them again: mien persona quantise",
        ) from error
    return data


def widen(onnx: Any, graph: Any) -> None:  # noqa: ANN401 - a module and a GraphProto
    """Store weights that are float16 behind a Cast as float32, by the names that a graph's operators know them by."""
    stored = {each.name: each for each in graph.initializer}
    for node in [each for each in graph.node if each.op_type == "Cast" and each.input[0] in stored]:
        weight = stored[node.input[0]]
        array = onnx.numpy_helper.to_array(weight).astype(np.float32)
        weight.CopyFrom(onnx.numpy_helper.from_array(array, node.output[0]))
        graph.node.remove(node)


def _weights(onnx: Any, network: bytes, name: str) -> dict[str, Numbers]:  # noqa: ANN401 - a module
    graph = parse_graph(network, name, most_bytes=MAX_BYTES).graph
    widen(onnx, graph)
    return {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}


def _steps(graph: Any) -> dict[str, _Steps]:  # noqa: ANN401
    """Of each rounded weight its name and its steps; nothing is copied, as many nodes may name one tensor."""
    stored = {each.name: each for each in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and len(node.input) == 3 and set(node.input) <= stored.keys():
            axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
            found[node.input[0]] = _Steps(stored[node.input[1]], stored[node.input[2]], axis)
    return found


def _rounded(onnx: Any, weight: Numbers, steps: _Steps) -> Numbers:  # noqa: ANN401
    """As ONNX's QuantizeLinear does it: halves to even, cut off at the ends of the type."""
    shape, count = [1] * weight.ndim, math.prod(steps.scale.dims)
    if steps.scale.dims and 0 <= steps.axis < weight.ndim and count == weight.shape[steps.axis]:
        shape[steps.axis] = count
    if math.prod(shape) != count or count != math.prod(steps.zero.dims):
        raise ValueError("their steps do not fit its weights")
    scale, zero = (onnx.numpy_helper.to_array(each) for each in (steps.scale, steps.zero))
    if zero.dtype not in _EIGHT_BITS:
        raise ValueError(f"they are {zero.dtype}, not of 8 bits")
    limits = np.iinfo(zero.dtype)
    # A stranger's steps may be 0.
    with np.errstate(all="ignore"):
        values = np.rint(weight / scale.reshape(shape)) + zero.reshape(shape)
        return np.asarray(np.clip(values, limits.min, limits.max), zero.dtype)
