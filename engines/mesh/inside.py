"""A mouth's inside that belongs to nobody: for portraits, where no pixel of the driver may be seen."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.features import mix, outline_mask, window
from mien.engines.mesh.shape import Target
from mien.engines.mesh.topology import INNER_LIP_CORNERS, INNER_LIP_LOWER, INNER_LIP_UPPER, topology
from mien.realtime.frame import Floats, Pixels

#: Texture pixels for each cm of head space, and the teeth's picture: 6 cm wide, 2 cm high, its bite line at 1 cm.
_PX_PER_CM = 32
_TEETH_SIZE = (192, 64)
_BITE_PX = 32
#: How far the upper teeth reach below the line where the lips meet at rest, cm.
_TEETH_BELOW_CM = 0.32
#: Half width of the visible arch, cm; teeth darken towards it.
_ARCH_CM = 2.3
_CAVITY = np.array([26, 18, 52], np.float32)
_TONGUE = np.array([92, 92, 178], np.float32)


@cache
def _teeth() -> NDArray[np.float32]:
    """(64, 192, 4) float32, BGR and opacity of the upper row of teeth, seen from the front; read-only."""
    width, height = _TEETH_SIZE
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / _PX_PER_CM
    y = (np.arange(height, dtype=np.float32) - _BITE_PX) / _PX_PER_CM
    grid_x, grid_y = np.meshgrid(x, y)
    # Incisors are about 0.85 cm wide, the others look narrower as the arch turns away.
    place = np.sign(grid_x) * (np.abs(grid_x) + 0.06 * grid_x**2) / 0.8
    within = np.abs(place - np.rint(place - 0.5) - 0.5) * 2
    edge = _TEETH_BELOW_CM - 0.05 * grid_x**2 - 0.035 * within**4
    opacity = np.clip((edge - grid_y) / 0.06 + 0.5, 0, 1) * np.clip((_ARCH_CM - np.abs(grid_x)) / 0.5, 0, 1)
    shade = (1 - 0.16 * within**10) * (1 - 0.5 * np.clip(np.abs(grid_x) / _ARCH_CM, 0, 1) ** 2)
    shade *= 0.86 + 0.14 * np.clip((edge - grid_y) / 0.4, 0, 1)
    teeth = np.dstack([shade * 196, shade * 214, shade * 222, opacity]).astype(np.float32)
    teeth.flags.writeable = False
    return teeth


def draw_inside(canvas: Pixels, points: Floats, target: Target, light: float) -> None:
    """Draw cavity, tongue and upper teeth between the lips, in place.

    Args:
        canvas: (h, w, 3) uint8 BGR with the skin drawn.
        points: (478, 2) float32, the persona's landmarks in the canvas, px.
        target: for the head's pose and its bite line, in the canvas's px.
        light: gain; 1 for a well lit portrait.

    """
    contour = points[topology().inner_lip]
    gap = points[list(INNER_LIP_LOWER)] - points[list(INNER_LIP_UPPER)]
    box = window(contour, (canvas.shape[1], canvas.shape[0]), 3)
    if box is None or float(np.linalg.norm(gap, axis=1).max()) < 1.0:
        return
    x0, y0, x1, y1 = box
    size = (x1 - x0, y1 - y0)
    local = points - np.array([x0, y0], np.float32)
    alpha = outline_mask(size, contour - (x0, y0), max(0.008 * size[0], 0.5)).astype(np.float32) * np.float32(1 / 255)
    inside = np.broadcast_to(_CAVITY, (size[1], size[0], 3)).astype(np.float32)
    inside = _with_tongue(inside, local, size)
    inside = _with_teeth(inside, local, target, np.array([x0, y0], np.float32))
    depth = cv2.GaussianBlur(alpha, (0, 0), max(0.06 * size[0], 1.0))
    inside *= (light * (0.35 + 0.65 * np.clip(1.5 * depth - 0.25, 0, 1)))[..., None]
    mix(canvas[y0:y1, x0:x1], inside, alpha)


def _with_tongue(inside: Floats, local: Floats, size: tuple[int, int]) -> Floats:
    lower = local[list(INNER_LIP_LOWER)]
    left, right = (local[k] for k in INNER_LIP_CORNERS)
    width = max(float(np.linalg.norm(right - left)), 2.0)
    centre = lower[len(lower) // 2]
    x = np.arange(size[0], dtype=np.float32)[None] - centre[0]
    y = np.arange(size[1], dtype=np.float32)[:, None] - centre[1]
    near = np.exp(-((x / (0.3 * width)) ** 2) - (y / (0.16 * width)) ** 2)[..., None] * 0.75
    mixed: Floats = inside + (_TONGUE - inside) * near
    return mixed


def _with_teeth(inside: Floats, local: Floats, target: Target, corner: Floats) -> Floats:
    cm = np.float32(target.fit.scale / _PX_PER_CM)
    axes = (target.fit.rotation[:2, :2] * cm).astype(np.float64)
    inverse = np.linalg.inv(axes + np.eye(2) * 1e-6)
    middle = target.bite[:2] - corner
    offset = np.array([(_TEETH_SIZE[0] - 1) / 2, _BITE_PX]) - inverse @ middle
    warp = np.column_stack([inverse, offset])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    teeth = cv2.warpAffine(_teeth(), warp, (inside.shape[1], inside.shape[0]), flags=flags)
    mixed: Floats = inside + (teeth[..., :3] - inside) * teeth[..., 3:]
    return mixed
