"""What lies inside the openings of the skin: eyeballs with moving irises, and the mouth's inside."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.raster import draw_map
from mien.engines.mesh.shape import Target
from mien.engines.mesh.texture import IRIS_RADIUS_PX, IRIS_SIDE_PX, EyeTexture
from mien.engines.mesh.topology import EYES, INNER_LIP_CORNERS, INNER_LIP_LOWER, INNER_LIP_UPPER, EyeMarks, topology
from mien.realtime.frame import Floats, Pixels

#: Iris movements stay within this many eye widths; more would show no iris at all.
_GAZE_LIMIT = np.array([0.30, 0.16], np.float32)
#: Openness below which no eyeball shows.
_SHUT = 0.03
#: How dark the lid's shadow is on the eyeball's upper edge.
_LID_SHADOW = 0.45
#: How far inside the driver's lips his mouth is read, so that his lips do not show: share of the gap, each side.
_LIP_INSET = 0.10
#: The same for the corners of his mouth: share of its width, each side.
_CORNER_INSET = 0.04


def outline_mask(size: tuple[int, int], polygon: Floats, soft_px: float = 0.0) -> NDArray[np.uint8]:
    """(height, width) uint8, 255 inside `polygon` (N, 2) px; anti-aliased, and blurred by `soft_px`."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    if soft_px > 0:
        mask = cv2.GaussianBlur(mask, (0, 0), soft_px).astype(np.uint8, copy=False)
    return mask


def window(points: Floats, size: tuple[int, int], margin: int) -> tuple[int, int, int, int] | None:
    """(x0, y0, x1, y1) around `points` within a picture of `size`; None where nothing of it is inside."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + margin + 1, size)
    if (high - low < 2).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def mix(under: Pixels, over: Floats | Pixels, alpha: Floats) -> None:
    """Blend `over` onto `under` in place with (h, w) float32 opacity."""
    base = under.astype(np.float32)
    np.copyto(under, np.clip(base + (over - base) * alpha[..., None] + 0.5, 0, 255).astype(np.uint8))


def draw_eye(
    canvas: Pixels,
    lit: NDArray[np.uint8],
    points: Floats,
    eye: EyeMarks,
    texture: EyeTexture,
    target: Target,
    light: float,
) -> None:
    """Draw one eyeball between its lids, in place.

    Args:
        canvas: (h, w, 3) uint8 BGR with the skin drawn.
        lit: (h, w) uint8, set where the eyeball is drawn (see `Patch.lit`).
        points: (478, 2) float32, the persona's landmarks in the canvas, px.
        eye: landmarks of this eye.
        texture: the portrait's eye.
        target: for the head's pose and the gaze.
        light: gain of the eyeball against the portrait.

    """
    index = EYES.index(eye)
    contour = points[list(eye.contour)]
    left, right = (points[k] for k in sorted((eye.outer, eye.inner), key=lambda k: 0 if k in (33, 362) else 1))
    across = right - left
    width = float(np.linalg.norm(across))
    box = window(contour, (canvas.shape[1], canvas.shape[0]), 3)
    if box is None or width < 4:
        return
    x0, y0, x1, y1 = box
    region, size = canvas[y0:y1, x0:x1], (x1 - x0, y1 - y0)
    down = _down(target, width, across)
    axes = np.stack([across, down], axis=1)
    middle = (left + right) / 2 - (x0, y0)
    local = points - (x0, y0)
    if target.openness[index] > _SHUT:
        eyeball = _eyeball(texture, axes, middle, target.gaze[index], size)
        alpha = outline_mask(size, local[list(eye.contour)], 0.012 * width).astype(np.float32) * np.float32(1 / 255)
        shade = cv2.GaussianBlur(alpha, (0, 0), max(0.045 * width, 0.5))
        shade = cv2.warpAffine(shade, np.array([[1, 0, 0], [0, 1, 0.035 * width]], np.float32), size)
        eyeball *= (1 - _LID_SHADOW * (1 - np.clip(shade * 1.25, 0, 1)))[..., None]
        mix(region, eyeball * np.float32(light), alpha)
        lit[y0:y1, x0:x1] = np.maximum(lit[y0:y1, x0:x1], (alpha * 255).astype(np.uint8))
    _draw_lashes(region, local, eye, texture.lashes, width)


def _draw_lashes(region: Pixels, points: Floats, eye: EyeMarks, strength: float, width: float) -> None:
    """Darken the upper lid's edge; the warp has taken the portrait's own lashes away with the eye."""
    line = np.zeros(region.shape[:2], np.uint8)
    edge = np.rint(points[[eye.outer, *eye.upper, eye.inner]] * 16).astype(np.int32)
    thick = max(1, round(0.022 * width))
    cv2.polylines(line, [edge[:, None]], False, 255, thick, cv2.LINE_AA, shift=4)
    soft = cv2.GaussianBlur(line, (0, 0), max(0.012 * width, 0.45)).astype(np.float32)
    keep = 1 - strength * soft / 255
    np.copyto(region, (region * keep[..., None] + 0.5).astype(np.uint8))


def _down(target: Target, width: float, across: Floats) -> Floats:
    """One eye width down the head, projected into the picture; bounded so that a lost fit cannot fold the eye."""
    axis = target.fit.rotation[:2, 1]
    sideways = max(float(np.linalg.norm(target.fit.rotation[:2, 0])), 0.3)
    down: Floats = (axis * np.float32(width / sideways)).astype(np.float32)
    return down


def _eyeball(texture: EyeTexture, axes: Floats, middle: Floats, gaze: Floats, size: tuple[int, int]) -> Floats:
    """(h, w, 3) float32: white and iris, unmasked."""
    inverse = np.linalg.inv(axes.astype(np.float64))
    corners = np.stack([texture.outer, texture.inner])
    eye_px = float(np.linalg.norm(corners[0] - corners[1]))
    turned = inverse * eye_px
    to_white = np.column_stack([turned, corners.mean(axis=0) - turned @ middle])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    ball = cv2.warpAffine(texture.white, to_white, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ball = ball.astype(np.float32)
    place = texture.centre + np.clip(gaze, -_GAZE_LIMIT, _GAZE_LIMIT)
    zoom = IRIS_RADIUS_PX / texture.radius
    turned = inverse * zoom
    offset = (IRIS_SIDE_PX - 1) / 2 - zoom * place - turned @ middle
    iris = cv2.warpAffine(texture.iris, np.column_stack([turned, offset]), size, flags=flags)
    mixed: Floats = ball + (iris[..., :3] - ball) * iris[..., 3:]
    return mixed


def draw_mouth(canvas: Pixels, lit: NDArray[np.uint8], points: Floats, driver: Pixels, landmarks: Floats) -> None:
    """Put the driver's own mouth, warped between the persona's lips, in place. It has his light already.

    Args:
        canvas: (h, w, 3) uint8 BGR with the skin drawn.
        lit: (h, w) uint8, set where the mouth is drawn (see `Patch.lit`).
        points: (478, 3) float32, the persona's landmarks in the canvas, px.
        driver: (h, w, 3) uint8 BGR, the unprocessed crop.
        landmarks: (478, 2) float32, the driver's landmarks in the crop, px.

    """
    topo = topology()
    contour = points[topo.inner_lip]
    gap = points[list(INNER_LIP_LOWER), :2] - points[list(INNER_LIP_UPPER), :2]
    if float(np.linalg.norm(gap, axis=1).max()) < 1.0:
        return
    box = window(contour[:, :2], (canvas.shape[1], canvas.shape[0]), 3)
    if box is None:
        return
    x0, y0, x1, y1 = box
    size = (x1 - x0, y1 - y0)
    local = points[:468] - np.array([x0, y0, 0], np.float32)
    source = landmarks[:468].copy()
    upper, lower = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)
    inset = (source[lower] - source[upper]) * np.float32(_LIP_INSET)
    source[upper] += inset
    source[lower] -= inset
    # The corners have no gap to take a share of, and would show the driver's lips where the persona's mouth is higher.
    right, left = INNER_LIP_CORNERS
    inward = (source[left] - source[right]) * np.float32(_CORNER_INSET)
    source[right] += inward
    source[left] -= inward
    map_x, map_y = draw_map(local, source, topo.mouth, size, 1 if size[0] < 80 else 2)
    inside = np.asarray(cv2.remap(driver, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    # A pixel inside the lips' own outline: beyond the last triangle the map no longer knows his mouth from his lips.
    ring = local[topo.inner_lip, :2]
    middle = ring.mean(axis=0)
    ring = middle + (ring - middle) * np.maximum(1 - 2.5 / np.maximum(np.ptp(ring, axis=0), 1), 0).astype(np.float32)
    alpha = outline_mask(size, ring, max(0.008 * size[0], 0.5)).astype(np.float32) * np.float32(1 / 255)
    mix(canvas[y0:y1, x0:x1], inside, alpha)
    lit[y0:y1, x0:x1] = np.maximum(lit[y0:y1, x0:x1], (alpha * 255).astype(np.uint8))
