"""Changes samples' pictures: what the network sees of a stored crop, shaken, or as the live path has it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.terms import DRIVER_PX, SEEN_PX

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def shaken(how: Augment, rng: np.random.Generator, pixels: Pixels, front: Pixels) -> tuple[Pixels, Pixels]:
    """The network's square out of a stored crop, shaken.

    Args:
        how: how strongly.
        rng: where the choices come from.
        pixels: (`DRIVER_PX`, `DRIVER_PX`, 3) uint8 BGR.
        front: (`DRIVER_PX`, `DRIVER_PX`) uint8.

    Returns:
        (`SEEN_PX`, `SEEN_PX`, 3) uint8 BGR and (`SEEN_PX`, `SEEN_PX`) uint8.

    """
    matrix = _matrix(how, rng)
    size = (SEEN_PX, SEEN_PX)
    seen = np.asarray(cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    before = np.asarray(cv2.warpAffine(front, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if rng.random() < how.hide:
        _hide(rng, seen, before)
    if rng.random() < how.soft:
        seen = _softened(rng, seen)
    return _coloured(how, rng, seen), before


def middle(pixels: Pixels, front: Pixels) -> tuple[Pixels, Pixels]:
    """The network's square out of a stored crop, as the live path cuts it: both have the same px a centimetre."""
    edge = (DRIVER_PX - SEEN_PX) // 2
    return pixels[edge:-edge, edge:-edge], front[edge:-edge, edge:-edge]


def _matrix(how: Augment, rng: np.random.Generator) -> Floats:
    turn = np.radians(rng.normal(0, how.turn_deg))
    scale = float(np.exp(rng.normal(0, how.scale)))
    shift = rng.normal(0, how.shift * SEEN_PX, 2)
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    centre, target = (DRIVER_PX - 1) / 2, (SEEN_PX - 1) / 2 + shift
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, target - linear @ np.full(2, centre)]).astype(np.float32)


def _coloured(how: Augment, rng: np.random.Generator, pixels: Pixels) -> Pixels:
    level = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(rng.normal(0, 0.6 * how.colour))
    gains = 2.0 ** rng.normal(0, 0.5 * how.colour, 3) * 2.0 ** rng.normal(0, how.colour)
    table = np.clip(level[:, None] ** gamma * gains * 255, 0, 255).astype(np.uint8)
    out = np.asarray(cv2.LUT(pixels, table[None]), np.uint8)
    if rng.random() < 0.5 * how.colour:
        grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        out = np.asarray(cv2.addWeighted(out, 0.3, grey, 0.7, 0), np.uint8)
    return out


def _hide(rng: np.random.Generator, pixels: Pixels, front: Pixels) -> None:
    """Something of one colour or of noise before the face: an ellipse or a bar that comes from an edge."""
    size = pixels.shape[0]
    shape = np.zeros((size, size), np.uint8)
    centre = rng.uniform(0.1, 0.9, 2) * size
    axes = rng.uniform(0.05, 0.28, 2) * size
    if rng.random() < 0.4:
        axes = np.array([size, rng.uniform(0.03, 0.12) * size])
        centre += rng.choice([-0.9, 0.9]) * size * np.array([1.0, 0.3])
    angle = float(rng.uniform(0, 180))
    at, half = (int(centre[0]), int(centre[1])), (int(axes[0]) + 1, int(axes[1]) + 1)
    cv2.ellipse(shape, at, half, angle, 0, 360, 255, -1, cv2.LINE_AA)
    colour = rng.integers(0, 256, 3) + rng.normal(0, rng.uniform(0, 25), (size, size, 1))
    share = shape[..., None].astype(np.float32) / 255
    pixels[:] = np.clip(pixels * (1 - share) + np.clip(colour, 0, 255) * share, 0, 255).astype(np.uint8)
    np.maximum(front, shape, out=front)


def _softened(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    size = pixels.shape[0]
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 1.4))), np.uint8)
    small = int(size * rng.uniform(0.4, 0.9))
    less = cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(less, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
