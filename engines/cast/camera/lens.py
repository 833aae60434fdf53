"""A webcam's optics and shutter, in linear light. Points are px, the middle of the first pixel is (0.5, 0.5)."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from mien.engines.cast.camera.colour import Floats, f32

Motion = tuple[float, float] | Floats
_TAPS = 7
_STEPS = 6


def smeared(picture: Floats, motion_px: Motion, shutter: float) -> Floats:
    """What a shutter that is open for a share of the frame's time sees; the middle of the smear stays in place.

    Args:
        picture: (H, W, 3) float32.
        motion_px: (dx, dy) from one frame to the next, or a field of it, (H, W, 2) float32.
        shutter: 0..1.

    """
    if not isinstance(motion_px, tuple):
        return _smeared_along(picture, motion_px * np.float32(shutter))
    dx, dy = motion_px[0] * shutter, motion_px[1] * shutter
    if np.hypot(dx, dy) < 0.3:
        return picture
    return f32(cv2.filter2D(picture, -1, _line(round(dx, 2), round(dy, 2)), borderType=cv2.BORDER_REPLICATE))


def _smeared_along(picture: Floats, path: Floats) -> Floats:
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    out = np.zeros_like(picture)
    for k in range(_TAPS):
        share = np.float32((k + 0.5) / _TAPS - 0.5)
        cv2.accumulate(
            cv2.remap(picture, x - share * path[:, :, 0], y - share * path[:, :, 1], cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE),
            out,
        )  # fmt: skip
    return out / np.float32(_TAPS)


@lru_cache(maxsize=64)
def _line(dx: float, dy: float) -> Floats:
    """A centred streak as a kernel whose size is odd, sum 1."""
    reach = int(np.ceil(max(abs(dx), abs(dy)) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 8 * reach + 1):
        x, y = reach + share * dx, reach + share * dy
        left, top = min(int(x), 2 * reach - 1), min(int(y), 2 * reach - 1)
        u, v = x - left, y - top
        kernel[top : top + 2, left : left + 2] += np.outer((1 - v, v), (1 - u, u))
    return f32(kernel / kernel.sum())


def fringed(picture: Floats, share: float) -> Floats:
    """Red magnified and blue shrunk by `share` about the middle: a simple lens's lateral colour."""
    height, width = picture.shape[:2]
    channels = list(cv2.split(picture))
    for index, zoom in ((0, 1.0 + share), (2, 1.0 - share)):
        x, y = (width - 1) / 2, (height - 1) / 2
        affine = np.array([[zoom, 0, x - zoom * x], [0, zoom, y - zoom * y]])
        channels[index] = cv2.warpAffine(channels[index], affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return f32(cv2.merge(channels))


def hazed(picture: Floats, share: float) -> Floats:
    """A share of the light scattered wide by a greasy lens."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(width // 16, 2), max(height // 16, 2)), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.0), (width, height), interpolation=cv2.INTER_LINEAR)
    return f32(cv2.addWeighted(picture, 1.0 - share, wide, share, 0.0))


@lru_cache(maxsize=32)
def vignette(height: int, width: int, strength: float) -> Floats:
    """(height, width, 3) float32 gain: 1 in the middle, 1 - `strength` in the corners; after the cosine-fourth law."""
    y, x = np.mgrid[0:height, 0:width]
    r2 = ((x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2) / (((width - 1) ** 2 + (height - 1) ** 2) / 4)
    # cos^4 of the field's angle is 1 / (1 + t r2)^2; t is chosen so that the corner has the strength asked for.
    t = (1.0 - strength) ** -0.5 - 1.0
    gain = f32(np.repeat((1.0 / (1.0 + t * r2) ** 2)[:, :, None], 3, axis=2))
    gain.setflags(write=False)
    return gain


def bent(picture: Floats, barrel: float, skew_px: tuple[float, float]) -> Floats:
    """The picture through a lens that bends, read row by row while it moves.

    Args:
        picture: (H, W, 3) float32.
        barrel: radial distortion; a point in the corner moves inwards by about this share, outwards if negative.
        skew_px: motion, px, between the reading of the first row and of the last.

    """
    if barrel == 0.0 and skew_px == (0.0, 0.0):
        return picture
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    row = y / height - 0.5
    u, v = x - skew_px[0] * row - width / 2, y - skew_px[1] * row - height / 2
    grow = 1.0 + barrel * (u * u + v * v) / _radius2(height, width)
    x, y = (width / 2 - 0.5 + u * grow).astype(np.float32), (height / 2 - 0.5 + v * grow).astype(np.float32)
    return f32(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))


def bent_points(points_px: Floats, height: int, width: int, barrel: float, skew_px: tuple[float, float]) -> Floats:
    """Where `bent` puts points: (N, 2) float32 px to (N, 2) float32 px, its exact inverse map."""
    middle = np.array([width / 2, height / 2])
    away = points_px.astype(np.float64) - middle
    wanted = np.linalg.norm(away, axis=1) / np.sqrt(_radius2(height, width))
    r = wanted.copy()
    for _ in range(_STEPS):
        r -= (r + barrel * r**3 - wanted) / (1.0 + 3.0 * barrel * r**2)
    out = middle + away * np.where(wanted > 0, r / np.maximum(wanted, 1e-12), 1.0)[:, None]
    # A point's row decides when it is read, and its row moves too: linear, so solved at once.
    y = (out[:, 1] - 0.5 * skew_px[1]) / (1.0 - skew_px[1] / height)
    return np.asarray(np.stack([out[:, 0] + skew_px[0] * (y / height - 0.5), y], 1), dtype=np.float32)


def _radius2(height: int, width: int) -> float:
    return (height * height + width * width) / 4
