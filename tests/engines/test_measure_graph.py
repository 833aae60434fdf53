from __future__ import annotations

import pytest

from mien.engines.measure.graph import keep_input
from mien.realtime.errors import ModelError


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _block(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _model(*inputs: str) -> bytes:
    graph = _block(2, b"sface") + _block(5, b"w" * 300)
    graph += b"".join(_block(11, _block(1, name.encode()) + _block(2, b"type")) for name in inputs)
    graph += _block(12, _block(1, b"out"))
    return _varint(1 << 3) + _varint(8) + _block(7, graph) + _block(8, b"opset")


def test_only_the_named_input_stays_and_all_else_is_copied() -> None:
    assert keep_input(_model("weight", "data", "bias"), "data") == _model("data")
    assert keep_input(_model("data"), "data") == _model("data")


def test_a_graph_without_it_is_refused() -> None:
    with pytest.raises(ModelError, match="no input named 'data'"):
        keep_input(_model("image"), "data")


@pytest.mark.parametrize("cut", [1, 40, 330])
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises(ModelError, match=r"cut off|no input named|not an ONNX"):
        keep_input(_model("data")[:-cut], "data")
