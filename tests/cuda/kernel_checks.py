"""What each kernel must do: one check for each, against the CPU path's own functions, over any device that runs them.

A device has `run(kernel, **values)`, over NumPy arrays (changed in place) and numbers. The checks are called by pytest,
by a process with sanitizers, and once for each planted mutation, which they must catch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Alignment

U8 = NDArray[np.uint8]

#: Greatest and mean difference, levels. Both sample in float32 and may round a half level apart: OpenCV adds in another
#: order.
SAMPLED: Final = (1.0, 0.002)
#: The same of a mean of pixels.
AVERAGED: Final = (1.0, 0.01)
#: OpenCV enlarges in fixed point, its weights of 11 bits.
ENLARGED: Final = (1.0, 0.08)
#: OpenCV's colour transform has coefficients of 10 bits, so a level comes out up to 3/8 off before it is rounded.
COLOURED: Final = (1.0, 0.05)
#: A half level apart, once each.
MIXED: Final = (1.0, 0.002)
#: L, a and b that OpenCV computes too (from linear light).
LAB_COMPUTED: Final = 2e-3
#: The same where it looks them up, in a table of 33 nodes a side.
LAB_LOOKED_UP: Final = 0.15
#: Levels of a mapped colour: the reference fits over Lab that OpenCV looked up.
FITTED: Final = (0.6, 0.35)

JUNK: Final = 0xC3


class Device(Protocol):
    """What runs kernels."""

    def run(self, kernel: str, **values: Any) -> None:
        """Launch `kernel` over arrays, changed in place, and numbers."""


#: Raises `AssertionError` for a kernel that does something else.
Check = Callable[[Device], None]


# -- pictures, and rows that are longer than they need be


def picture(height: int, width: int, channels: int = 3, seed: int = 0, blur: float = 1.2) -> U8:
    """(height, width, channels) uint8 (no last axis for one) of coloured noise, soft enough to be sampled."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    soft = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    return np.asarray(soft, np.uint8).reshape((height, width, channels) if channels > 1 else (height, width))


def mask_of(height: int, width: int, seed: int = 0) -> U8:
    """(height, width) uint8: blobs with holes and soft edges, some of them over the array's edge."""
    soft = cv2.GaussianBlur(np.random.default_rng(seed).random((height, width), np.float32), (0, 0), 4.0)
    return np.asarray(np.clip((soft - soft.mean()) / soft.std() * 160 + 100, 0, 255), np.uint8)


def face_mask(height: int, width: int) -> U8:
    """(height, width) uint8: a soft ellipse with two soft holes."""
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width * 2 // 5, height * 2 // 5), 8, 0, 360, 255, -1)
    for x in (width * 3 // 8, width * 5 // 8):
        cv2.circle(mask, (x, height // 2), max(2, height // 16), 0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.5), np.uint8)


def padded(pixels: U8, extra: int = 7) -> U8:
    """(height, pitch) uint8: the rows with `extra` bytes of junk behind each."""
    rows = pixels.reshape(len(pixels), -1)
    return np.pad(rows, ((0, 0), (0, extra)), constant_values=JUNK)


def junk(height: int, width: int, channels: int = 1, extra: int = 5) -> U8:
    """(height, pitch) uint8 of rows to be written, all junk."""
    return np.full((height, width * channels + extra), JUNK, np.uint8)


def pixels_in(rows: U8, *shape: int) -> U8:
    """The picture in padded rows, whose padding must still be junk."""
    used = int(np.prod(shape[1:]))
    assert (rows[:, used:] == JUNK).all(), "written between the rows"
    return rows[:, :used].reshape(shape)


def same(found: NDArray[Any], wanted: NDArray[Any], tolerance: tuple[float, float] = (0, 0), what: object = "") -> None:
    """Raise `AssertionError` where values differ by more than a greatest and a mean difference."""
    assert found.shape == wanted.shape, (found.shape, wanted.shape, what)
    apart = np.abs(found.astype(np.float64) - wanted.astype(np.float64))
    most, mean = float(apart.max()), float(apart.mean())
    close = most <= tolerance[0] and mean <= tolerance[1]
    assert close, f"{most:.4g} at most, {mean:.4g} in the mean: {what}"


def affine(matrix: NDArray[Any]) -> dict[str, float]:
    """A kernel's six numbers."""
    names = ("m00", "m01", "m02", "m10", "m11", "m12")
    return dict(zip(names, (float(value) for value in np.asarray(matrix, np.float32).ravel()), strict=True))


def turned(degrees: float, scale: float, x: float, y: float, at: tuple[float, float]) -> NDArray[np.float32]:
    """(2, 3) float32 frame to crop: turned and scaled so that frame (x, y) comes to `at`."""
    cos, sin = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([turn, np.array(at) - turn @ [x, y]]).astype(np.float32)


FRAME_WIDTH, FRAME_HEIGHT = 93, 61


def alignments() -> Iterator[Alignment]:
    """Crops of a 93x61 frame: odd sizes, turns, each corner beyond the frame, all of it beyond, one pixel, a window."""
    yield Alignment(turned(0, 1.0, 40.25, 30.5, (20, 20)), 41, 37)
    yield Alignment(turned(17, 1.4, 45, 30, (31, 32)), 65, 67)
    yield Alignment(turned(-100, 0.8, 60, 20, (20, 16)), 43, 33)
    for x in (0.0, FRAME_WIDTH - 1.0):
        for y in (0.0, FRAME_HEIGHT - 1.0):
            yield Alignment(turned(33, 0.9, x + 0.37, y - 0.21, (19, 18)), 39, 37)
    yield Alignment(turned(180, 1.1, -300, 500, (8, 8)), 17, 19)
    yield Alignment(turned(5, 0.7, 46, 30, (0, 0)), 1, 1)
    yield Alignment(turned(-20, 0.6, 46, 30, (40, 40)), 81, 83)
    yield Alignment.window(-5, 12, 40, 60)
