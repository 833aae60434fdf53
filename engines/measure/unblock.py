"""Write block-quantised weights of an ONNX model out as floats, for OpenVINO, which reads whole-axis scales alone.

ONNX 1.16 (opset 21) lets `DequantizeLinear` have one scale for each block of an axis:
https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.engines.runtimes.packages import require


def unblocked(model: bytes) -> bytes:
    """The model with each `DequantizeLinear` of constants done: larger, and the same to the last bit of float32."""
    onnx = require("onnx", "Reading the face network")
    loaded = onnx.load_model_from_string(model)
    graph = loaded.graph
    constants = {each.name: each for each in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or any(name not in constants for name in node.input):
            kept.append(node)
            continue
        values = [onnx.numpy_helper.to_array(constants[name]) for name in node.input]
        given = {each.name: each.i for each in node.attribute}
        floats = _dequantised(values, given.get("axis", 1), given.get("block_size", 0))
        graph.initializer.append(onnx.numpy_helper.from_array(floats, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    out: bytes = loaded.SerializeToString()
    return out


def _dequantised(values: list[NDArray[Any]], axis: int, block: int) -> NDArray[np.float32]:
    """(x - zero) * scale, where scale and zero count for a block, for an index of the axis, or for all."""
    x, scale = values[0].astype(np.float32), values[1].astype(np.float32)
    zero = values[2].astype(np.float32) if len(values) > 2 else np.zeros_like(scale)
    axis %= max(x.ndim, 1)

    def spread(part: NDArray[np.float32]) -> NDArray[np.float32]:
        if block:
            return np.repeat(part, block, axis=axis).take(range(x.shape[axis]), axis=axis)
        return part.reshape([-1 if each == axis else 1 for each in range(x.ndim)]) if part.ndim == 1 else part

    return np.asarray((x - spread(zero)) * spread(scale), np.float32)
