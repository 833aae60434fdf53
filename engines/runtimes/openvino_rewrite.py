"""Writes a network's graph anew, for the same numbers, where OpenVINO would play it slowly as it is exported.

Two things cost a decoder a quarter of its time. PyTorch's PixelShuffle takes each value from another channel, four at
a time; with the channels of the convolution before it in another order whole pixels are moved at once. And arithmetic
on a picture of three channels is done three values at a time, as OpenVINO keeps channels innermost. The weights are
put in order once, when the network is compiled. `mien.engines.runtimes.table` compares what comes out with another
runtime that plays the file as it is.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from mien.engines.runtimes.packages import require

#: Values that a processor computes at once: rows are a multiple of it.
_AT_ONCE: Final = 16
#: Pictures of so many channels or more are computed well as they are.
_MANY_CHANNELS: Final = 16
_TO_NHWC: Final = [0, 2, 3, 1]
#: From an integer weight to its number: (integer - zero) * scale.
_DEQUANTISES: Final = ("Multiply", "Subtract", "Convert")


def rewrite(model: Any) -> None:  # noqa: ANN401 - an openvino.Model
    """Change a model in place; what is not of the known forms stays as it is."""
    ops = require("openvino.opset8", "Running a network with OpenVINO")
    for node in model.get_ordered_ops():
        if node.get_type_name() == "DepthToSpace":
            _move_whole_pixels(ops, node)
    for result in model.get_results():
        _compute_in_rows(ops, result)
    model.validate_nodes_and_infer_types()


def _move_whole_pixels(ops: Any, shuffle: Any) -> None:  # noqa: ANN401
    """Let a PixelShuffle move pixels instead of values, and what is done to each value by itself come before it."""
    block = shuffle.get_attributes()["block_size"]
    if shuffle.get_attributes()["mode"] != "depth_first" or len(shuffle.get_input_shape(0)) != 4:
        return
    node = _before(shuffle)
    while node is not None and _is_pointwise(node):
        node = _before(node)
    bias = node if node is not None and _is_bias(node) else None
    node = node if bias is None else _before(bias)
    if node is None or node.get_type_name() != "Convolution":
        return
    channels = shuffle.get_input_shape(0)[1]
    order = ops.constant(np.arange(channels).reshape(-1, block**2).T.ravel())
    for each, axis in ((node, 0), (bias, 1)):
        if each is not None:
            _put_in_order(ops, each, 1, order, axis)
    moved = ops.depth_to_space(shuffle.input_value(0), "blocks_first", block)
    _hand_over(shuffle, moved)
    # Before it they become part of the convolution.
    while (after := _after(moved)) is not None and _is_pointwise(after):
        _hand_over(after, moved)
        after.input(0).replace_source_output(moved.input_value(0))
        moved.input(0).replace_source_output(after.output(0))


def _put_in_order(ops: Any, node: Any, index: int, order: Any, axis: int) -> None:  # noqa: ANN401
    """Let an input of a node have its values along an axis in this order.

    Weights of 8 bits are constants with a zero and a scale of each channel: these are put in order, each by itself, or
    OpenVINO would no longer know them for what they are, and compute in floating point.
    """
    value = node.input_value(index)
    given = value.get_node()
    if given.get_type_name() in _DEQUANTISES and len(_takers(value)) == 1:
        for each, shape in enumerate(given.get_input_shape(at) for at in range(given.get_input_size())):
            if len(shape) > axis and shape[axis] > 1:
                _put_in_order(ops, given, each, order, axis)
        return
    node.input(index).replace_source_output(ops.gather(value, order, ops.constant(axis)).output(0))


def _compute_in_rows(ops: Any, result: Any) -> None:  # noqa: ANN401
    """Let what is done last to a picture of few channels, which is given out with them innermost, be done in rows."""
    last = result.input_value(0).get_node()
    if last.get_type_name() != "Transpose" or _constant(last, 1) != _TO_NHWC:
        return
    _, channels, height, width = last.get_input_shape(0)
    row = math.lcm(channels, _AT_ONCE)
    if channels >= _MANY_CHANNELS or height * width * channels % row or not _is_by_channel(_before(last), channels):
        return
    made: dict[Any, Any] = {}

    def in_rows(value: Any) -> Any:  # noqa: ANN401
        node = value.get_node()
        key = node.get_friendly_name(), value.get_index()
        if key not in made:
            if node.get_type_name() == "Constant":
                made[key] = ops.constant(np.resize(node.get_data().ravel(), row))
            elif _is_by_channel(node, channels):
                copied = node.get_type_name().lower()
                made[key] = getattr(ops, copied)(*(in_rows(each) for each in node.input_values()))
            else:
                turned = ops.transpose(value, ops.constant(_TO_NHWC))
                made[key] = ops.reshape(turned, ops.constant([-1, row]), special_zero=False)
        return made[key]

    shape = ops.constant([1, height, width, channels])
    found = ops.reshape(in_rows(last.input_value(0)), shape, special_zero=False)
    names = last.output(0).get_names()
    result.input(0).replace_source_output(found.output(0))
    found.output(0).set_names(names)


def _is_by_channel(node: Any, channels: int) -> bool:  # noqa: ANN401
    """Whether it does the same to all pixels, by constants of each channel, and is no part of a convolution."""
    kind = node.get_type_name()
    if kind == "Sigmoid":
        return True
    if kind not in ("Add", "Multiply") or _is_bias(node):
        return False
    constants = [each.get_node() for each in node.input_values() if each.get_node().get_type_name() == "Constant"]
    return all(list(each.get_output_shape(0)) == [1, channels, 1, 1] for each in constants)


def _is_pointwise(node: Any) -> bool:  # noqa: ANN401
    """Whether it does the same to every value."""
    if node.get_type_name() == "Sigmoid":
        return True
    return node.get_type_name() in ("PRelu", "Multiply") and math.prod(node.get_input_shape(1)) == 1


def _is_bias(node: Any) -> bool:  # noqa: ANN401
    if node.get_type_name() != "Add" or node.input_value(0).get_node().get_type_name() != "Convolution":
        return False
    shape = list(node.get_input_shape(1))
    return shape == [1, node.get_output_shape(0)[1], 1, 1]


def _before(node: Any) -> Any:  # noqa: ANN401
    """What gives a node its first input; None where others take it, too, and it must stay as it is."""
    given = node.input_value(0)
    return given.get_node() if len(_takers(given)) == 1 else None


def _after(node: Any) -> Any:  # noqa: ANN401
    """The one node that takes, as its first input, what another gives; None for several."""
    takers = _takers(node.output(0))
    return takers[0].get_node() if len(takers) == 1 and takers[0].get_index() == 0 else None


def _takers(output: Any) -> list[Any]:  # noqa: ANN401
    # A shape stays the same; OpenVINO reads one to give a bias its own.
    return [each for each in output.get_target_inputs() if each.get_node().get_type_name() != "ShapeOf"]


def _hand_over(node: Any, other: Any) -> None:  # noqa: ANN401
    """Let whoever takes a node's output take another's."""
    names = node.output(0).get_names()
    for each in _takers(node.output(0)):
        each.replace_source_output(other.output(0))
    node.output(0).set_names(set())
    other.output(0).set_names(names)


def _constant(node: Any, index: int) -> list[int]:  # noqa: ANN401
    found = node.input_value(index).get_node()
    return found.get_data().tolist() if found.get_type_name() == "Constant" else []
