"""Pictures coded as JPEG codes them, in NumPy alone: for GPU hosts that have nothing else to read pictures with.

Cosines of 8x8 blocks, divided by JPEG's own tables (ITU-T T.81, annex K) at a quality, and packed by LZMA, like
coefficients together. A hundredth of a second for a picture of 256 px.
"""

from __future__ import annotations

import lzma
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.realtime.errors import SourceError

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_SIDE: Final = 8
_LUMA: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA: Final = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32,
)  # fmt: skip
#: Y, Cb and Cr of B, G and R in the full range.
_TO_YCC: Final = np.array([[0.114, 0.587, 0.299], [0.5, -0.331264, -0.168736], [-0.081312, -0.418688, 0.5]], np.float32)
_LEAST_QUALITY: Final = 50


def encode(pictures: Pixels, quality: int) -> bytes:
    """Code (N, S, S, 3) uint8 BGR pictures, S a multiple of 8, as JPEG of a quality of 50 to 100 would."""
    ycc = (pictures.astype(np.float32) - 128) @ _TO_YCC.T
    count, side = pictures.shape[:2]
    blocks = ycc.reshape(count, side // _SIDE, _SIDE, side // _SIDE, _SIDE, 3).transpose(5, 0, 1, 3, 2, 4)
    cosines = _cosines()
    found = np.rint(cosines @ blocks @ cosines.T / _tables(quality)[:, None, None, None])
    like = np.ascontiguousarray(found.reshape(3, -1, _SIDE * _SIDE).transpose(0, 2, 1), "<i2")
    # Low bytes and high bytes apart: the latter are nearly all alike.
    return lzma.compress(like.view(np.uint8).reshape(-1, 2).T.tobytes(), preset=3)


def decode(data: bytes, shape: tuple[int, ...], quality: int) -> Pixels:
    """The reverse of `encode`: (N, S, S, 3) uint8 BGR.

    Raises:
        SourceError: the bytes are not of such pictures.

    """
    count, side = shape[:2]
    across = side // _SIDE
    like = unpacked(data, 2 * int(np.prod(shape))).reshape(2, -1).T
    found = np.ascontiguousarray(like).view("<i2").reshape(3, _SIDE * _SIDE, -1).transpose(0, 2, 1)
    cosines, tables = _cosines(), _tables(quality).reshape(3, 1, _SIDE, _SIDE)
    back = np.linalg.inv(_TO_YCC).T.astype(np.float32)
    out = np.empty(shape, np.uint8)
    each = across * across
    for index in range(count):
        levels = found[:, index * each : (index + 1) * each].reshape(3, each, _SIDE, _SIDE) * tables
        blocks = (cosines.T @ levels @ cosines).reshape(3, across, across, _SIDE, _SIDE)
        ycc = blocks.transpose(1, 3, 2, 4, 0).reshape(side, side, 3)
        out[index] = np.clip(np.rint(ycc @ back + 128), 0, 255)
    return out


def unpacked(data: bytes, size: int) -> Pixels:
    """(size,) uint8, what LZMA packed; raises `SourceError` where that is not so many bytes."""
    try:
        reader = lzma.LZMADecompressor()
        # A stranger's file could grow to anything.
        found = np.frombuffer(reader.decompress(data, size + 1), np.uint8)
    except lzma.LZMAError as error:
        raise SourceError(f"coded pictures are damaged: {error}.") from error
    if len(found) != size or not reader.eof:
        raise SourceError(f"coded pictures are damaged: {len(found)} bytes or more, not {size}.")
    return found


def _cosines() -> Floats:
    """(8, 8) float32, orthonormal: rows are the cosines."""
    place = np.arange(_SIDE)
    out = np.cos(np.pi * np.outer(place, 2 * place + 1) / (2 * _SIDE)) * 0.5
    out[0] /= np.sqrt(2)
    return out.astype(np.float32)


def _tables(quality: int) -> Floats:
    """(3, 8, 8) float32, what coefficients are divided by."""
    if not _LEAST_QUALITY <= quality <= 100:
        raise ValueError(f"a quality is {_LEAST_QUALITY} to 100, not {quality}")
    scale = np.float32((200 - 2 * quality) / 100)
    out = np.array((_LUMA, _CHROMA, _CHROMA), np.float32).reshape(3, _SIDE, _SIDE) * scale
    return np.asarray(np.maximum(out, 1), np.float32)
