from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.realtime.errors import ModelError
from mien.realtime.head_asset import build, fields


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _block(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def test_mesh_and_weights_are_read_from_the_bundle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    buffer = rng.normal(size=(468, 5)).astype("<f4")
    triangles = rng.integers(0, 468, (898, 3))
    mesh = _varint(1 << 3) + _varint(1)
    mesh += b"".join(_varint(3 << 3 | 5) + value.tobytes() for value in buffer.ravel())
    mesh += b"".join(_varint(4 << 3) + _varint(int(index)) for index in triangles.ravel())
    basis = _varint(1 << 3) + _varint(33) + _varint(2 << 3 | 5) + struct.pack("<f", 0.25)
    with zipfile.ZipFile(tmp_path / "model.task", "w") as archive:
        archive.writestr("geometry_pipeline_metadata_landmarks.binarypb", _block(1, mesh) + _block(2, basis))
    build(tmp_path / "model.task", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as data:
        assert np.array_equal(data["vertices"], buffer[:, :3])
        assert np.array_equal(data["uv"], buffer[:, 3:])
        assert np.array_equal(data["triangles"], triangles)
        assert data["weights"][33] == 0.25
        assert np.count_nonzero(data["weights"]) == 1


@pytest.mark.parametrize(
    ("message", "text"), [(b"\x08\xff", "ends inside a number"), (b"\x0b", "wire type 3 at byte 1")]
)
def test_a_damaged_message_is_refused(message: bytes, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        list(fields(message))
