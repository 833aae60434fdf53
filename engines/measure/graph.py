"""Mend an ONNX file's list of inputs without the `onnx` package.

ONNX is a protobuf: ModelProto.graph is field 7, GraphProto.input is field 11, ValueInfoProto.name is field 1
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Only the graph's list of inputs is rewritten; every other
byte is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mien.realtime.errors import ModelError

_GRAPH, _INPUT, _NAME = 7, 11, 1
_BYTES = 2


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    wire: int
    whole: bytes
    body: bytes


def keep_input(model: bytes, name: str) -> bytes:
    """Give the ONNX model with only the graph input `name`. Raises `ModelError` where there is none of that name."""
    out = bytearray()
    found = False
    for field in _fields(model):
        if field.number != _GRAPH or field.wire != _BYTES:
            out += field.whole
            continue
        graph = bytearray()
        for part in _fields(field.body):
            if part.number == _INPUT and part.wire == _BYTES:
                if _name(part.body) != name:
                    continue
                found = True
            graph += part.whole
        out += _varint(_GRAPH << 3 | _BYTES) + _varint(len(graph)) + graph
    if not found:
        raise ModelError(f"the ONNX graph has no input named {name!r}.")
    return bytes(out)


def _name(value_info: bytes) -> str:
    for field in _fields(value_info):
        if field.number == _NAME and field.wire == _BYTES:
            return field.body.decode("utf-8", "replace")
    return ""


def _fields(message: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        wire = key & 7
        if wire == 0:
            _, end = _read_varint(message, at)
        elif wire == _BYTES:
            size, at = _read_varint(message, at)
            end = at + size
        elif wire in (1, 5):
            end = at + (8 if wire == 1 else 4)
        else:
            raise ModelError(f"not an ONNX file: protobuf wire type {wire} at byte {start}.")
        if end > len(message):
            raise ModelError("the ONNX file is cut off.", hint="Delete it from the cache and fetch it again.")
        yield _Field(key >> 3, wire, message[start:end], message[at:end])
        at = end


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift <= 63:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ModelError("the ONNX file is cut off.", hint="Delete it from the cache and fetch it again.")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
