"""A persona's texture: kept beside its decoder as a PNG, and laid over what the decoder paints.

What the network says of each pixel is where it lies in the texture; looking it up is not left to a network's operator,
which runtimes disagree on, and which half precision would blur.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.errors import ModelError
from mien.realtime.frame import Floats

#: The name of an ONNX file's note that holds it.
TEXTURE_NOTE = "mien.texture"
#: Levels of 0..255 for one step of the PNG: it holds -254 to 254, as a texture adds to what is painted.
_STEP = 2.0
_MIDDLE = 127
#: Rows and columns of a square.
Window = tuple[slice, slice]
EVERYWHERE: Final[Window] = (slice(None), slice(None))
_MOST_PX, _MOST_CHARACTERS = 2048, 24 * 2**20


def write_texture(texture: Floats) -> str:
    """A (3, T, T) float32 texture, RGB to add to 0..1, as text for a note."""
    levels = np.clip(np.rint(texture.transpose(1, 2, 0)[..., ::-1] * (255 / _STEP)) + _MIDDLE, 0, 2 * _MIDDLE)
    done, data = cv2.imencode(".png", levels.astype(np.uint8))
    if not done:
        raise ModelError("The texture cannot be written as PNG.")
    return base64.b64encode(data.tobytes()).decode("ascii")


def read_texture(note: str, name: str) -> Floats:
    """The reverse: (T, T, 3) float32, blue, green, red to add to 0..255.

    Args:
        note: a text that anybody may have written.
        name: of the network, for messages.

    Raises:
        ModelError: it is no square PNG of three channels, or too large.

    """
    if len(note) > _MOST_CHARACTERS:
        raise ModelError(f"The texture of {name!r} is too large.")
    try:
        data = np.frombuffer(base64.b64decode(note, validate=True), np.uint8)
        header = bytes(data[:24])
        sides = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
        if not header.startswith(b"\x89PNG") or sides[0] != sides[1] or not 2 <= sides[0] <= _MOST_PX:
            raise ValueError("it is no square PNG")
        levels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except (binascii.Error, ValueError, cv2.error) as error:
        raise ModelError(f"The texture of {name!r} cannot be read: {error}.") from error
    if levels is None or levels.shape != (*sides, 3) or levels.dtype != np.uint8:
        raise ModelError(f"The texture of {name!r} is damaged.")
    return (levels.astype(np.float32) - _MIDDLE) * np.float32(_STEP)


def dressed(painted: Floats, where: Floats, texture: Floats, window: Window = EVERYWHERE) -> NDArray[np.uint8]:
    """A painted square's window, the texture added to it, in whole levels.

    Args:
        painted: (h, w, C) float32, the window's pixels: blue, green, red 0..255, and whatever else.
        where: (S/2, S/2, 3) float32, of the whole square: how far right and down of its own place each pixel lies in
            the texture, half sides of the square, and the share 0..1 of the texture that is added.
        texture: (T, T, C) float32, see `read_texture`; 0 for what is no colour. OpenCV looks up four channels twice as
            fast as three.
        window: rows and columns of the square.

    Returns:
        (h, w, C) uint8; what is beyond 0..255 is cut off.

    """
    size, side = 2 * where.shape[0], texture.shape[0]
    # Channel by channel, for OpenCV works on whole planes.
    moved, lowered, share = (
        np.asarray(cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)[window]
        for each in cv2.split(where)
    )
    half = (side - 1) / 2
    right, down = (each[window] for each in own_places(size, side))
    across, along = cv2.scaleAdd(moved, half, right), cv2.scaleAdd(lowered, half, down)
    found = cv2.remap(texture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cv2.multiply(found, cv2.merge([share] * texture.shape[2]), dst=found)
    return np.asarray(cv2.add(painted, found, dtype=cv2.CV_8U), np.uint8)


@lru_cache(4)
def own_places(size: int, side: int) -> tuple[Floats, Floats]:
    """Right and down, (size, size) float32 each: the pixels of one square as places in another of `side` px."""
    line = np.linspace(0, side - 1, size, dtype=np.float32)
    return np.ascontiguousarray(np.broadcast_to(line, (size, size))), np.repeat(line[:, None], size, 1)


def levels_of(painted: Floats) -> NDArray[np.uint8]:
    """(S, S, C) float32 0..255 as uint8, what is beyond cut off."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(painted, 0.0)), np.uint8)
