"""Derive `assets/canonical_face.npz` from MediaPipe's landmark model: `python -m mien.realtime.head_asset TASK OUT`.

The model file (Apache-2.0) is a zip; `geometry_pipeline_metadata_landmarks.binarypb` in it holds the canonical face:
468 vertices (x, y, z in cm, then u, v), 898 triangles, and the landmarks with weights that MediaPipe fits a head by.
The message is read here field by field, so that no compiled protobuf is needed.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.realtime.errors import ModelError

_MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give (field number, value) of a protobuf message: an int for a varint, else the raw bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ModelError(f"protobuf wire type {wire} at byte {at}; expected 0, 1, 2 or 5.")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ModelError("protobuf message ends inside a number.", hint="The file is cut off: fetch it again.")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def build(task: Path, out: Path) -> None:
    """Write vertices (468, 3) cm, uv (468, 2), triangles (898, 3) and the fit's weights (468,) as an .npz."""
    with zipfile.ZipFile(task) as archive:
        message = archive.read(_MEMBER)
    weights = np.zeros(468, np.float32)
    vertices: list[bytes] = []
    indices: list[int] = []
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            for part, item in fields(value):
                if part == 3 and isinstance(item, bytes):
                    vertices.append(item)
                elif part == 4 and isinstance(item, int):
                    indices.append(item)
        elif number == 2 and isinstance(value, bytes):
            basis = dict(fields(value))
            raw = basis[2]
            if isinstance(raw, bytes):
                weights[int(basis[1])] = np.frombuffer(raw, "<f4")[0]
    buffer = np.frombuffer(b"".join(vertices), "<f4").reshape(468, 5)
    triangles = np.array(indices, np.int16).reshape(-1, 3)
    np.savez_compressed(out, vertices=buffer[:, :3], uv=buffer[:, 3:], triangles=triangles, weights=weights)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
