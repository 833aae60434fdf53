"""Pictures of a pack, decoded with their size read from the header first."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mien.realtime.errors import PersonaError
from mien.realtime.frame import Pixels

#: 40 megapixels decode to 120 MB; a phone's portrait has 12 to 50, so `create` says to shrink the largest.
MAX_PICTURE_PIXELS = 40_000_000
MAX_PICTURE_SIDE_PX = 8192
MIN_PICTURE_SIDE_PX = 64
_FORMATS = ("PNG", "JPEG")


def open_picture(data: bytes, name: str, formats: tuple[str, ...] = _FORMATS) -> Image.Image:
    """The picture in `data`, its header read and its size checked, its pixels not decoded yet.

    Args:
        data: the file's bytes.
        name: what to call it in an error.
        formats: Pillow's names of the formats that are tried; no other decoder ever sees the bytes.

    Raises:
        PersonaError: no picture of these formats, or one that is too large or too small.

    """
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PersonaError(f"{name} is too large ({error}).", hint=_size_hint()) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PersonaError(f"{name} is not a readable picture; allowed are {' and '.join(formats)}.") from error
    width, height = picture.size
    if width * height > MAX_PICTURE_PIXELS or max(width, height) > MAX_PICTURE_SIDE_PX:
        raise PersonaError(f"{name} is too large: {width}x{height} px.", hint=_size_hint())
    if min(width, height) < MIN_PICTURE_SIDE_PX:
        raise PersonaError(
            f"{name} is too small: {width}x{height} px; each side must be {MIN_PICTURE_SIDE_PX} or more."
        )
    return picture


def decode_bgr(data: bytes, name: str) -> Pixels:
    """(H, W, 3) uint8 BGR, C-contiguous, read-only, as stored (a pack's portrait was set upright when it was made).

    Raises:
        PersonaError: see `open_picture`; also a file that ends early.

    """
    pixels = np.ascontiguousarray(to_array(open_picture(data, name), "RGB", name)[:, :, ::-1])
    pixels.flags.writeable = False
    return pixels


def decode_grey(data: bytes, name: str) -> NDArray[np.uint8]:
    """(H, W) uint8, read-only.

    Raises:
        PersonaError: see `open_picture`; also a file that ends early.

    """
    pixels = np.ascontiguousarray(to_array(open_picture(data, name), "L", name))
    pixels.flags.writeable = False
    return pixels


def to_array(picture: Image.Image, mode: str, name: str) -> NDArray[np.uint8]:
    """The decoded pixels in Pillow's `mode`, uint8.

    Raises:
        PersonaError: the file is cut off or damaged.

    """
    try:
        return np.asarray(picture.convert(mode), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise PersonaError(f"{name} is damaged or cut off ({error}).") from error


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of (H, W, 3) uint8 BGR or (H, W) uint8; without metadata, so that nothing of a camera's file goes along."""
    rgb = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _size_hint() -> str:
    return f"Use one of at most {MAX_PICTURE_PIXELS // 10**6} megapixels and {MAX_PICTURE_SIDE_PX} px a side."
