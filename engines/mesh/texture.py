"""The persona's portrait, prepared once: smaller copies of it, and its eyes taken apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.topology import EYES, OVAL, EyeMarks, topology, with_skirt
from mien.realtime.frame import Floats, Pixels

_SMALLEST_SIDE_PX = 64


class Pyramid:
    """A picture in halves, so that a small face is not read from a large texture (which shimmers).

    Args:
        pixels: (H, W, 3) uint8 BGR, or (H, W) uint8.
        points: (N, 2) float32 px, texture coordinates of a mesh's vertices.

    """

    def __init__(self, pixels: Pixels, points: Floats) -> None:
        self._levels = [(pixels, points.astype(np.float32))]
        while min(pixels.shape[:2]) >= 2 * _SMALLEST_SIDE_PX:
            height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
            scale = np.array([width / pixels.shape[1], height / pixels.shape[0]], np.float32)
            points = ((points + 0.5) * scale - 0.5).astype(np.float32)
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            self._levels.append((pixels, points))

    @property
    def points(self) -> Floats:
        """The vertices in the full-size picture."""
        return self._levels[0][1]

    def at(self, size_px: float) -> tuple[Pixels, Floats]:
        """The picture and points whose width over all points is the least that is still >= 0.8 of `size_px`."""
        best = self._levels[0]
        for level in self._levels[1:]:
            if float(np.ptp(level[1][:, 0])) < 0.8 * size_px:
                break
            best = level
        return best


@dataclass(frozen=True, slots=True, eq=False)
class EyeTexture:
    """One eye of the portrait.

    Attributes:
        white: (h, w, 3) uint8 BGR, the eyeball without its iris, continued under the lids.
        iris: (d, d, 4) float32, BGR and opacity of the whole iris, also where lids hid it.
        outer: (2,) float32, corner at the temple, px of `white`.
        inner: (2,) float32, corner at the nose, px of `white`.
        centre: (2,) float32, iris's centre from the corners' middle, in eye widths in the eye's own axes.
        radius: iris's radius in eye widths.
        lashes: how dark the upper lid's edge is against the lid, 0..1.

    """

    white: Pixels
    iris: Floats
    outer: Floats
    inner: Floats
    centre: Floats
    radius: float
    lashes: float


#: Side of the iris's picture, px, and its radius within it.
IRIS_SIDE_PX = 96
IRIS_RADIUS_PX = 40.0
_EYE_WIDTH_PX = 128
#: How far around an eye's contour its edge is taken for eye, in eye widths: landmarks err by about this much.
_LID_EDGE = 0.045
#: How far above the lid's edge lashes reach, in eye widths.
_LASH_REACH = 0.2
_LASH_BOUNDS = (0.25, 0.8)
#: How far inside its outline the portrait is read at the outline, so that neither hair nor background comes along.
_OUTLINE_INSET = 0.05


def take_eye(portrait: Pixels, landmarks: Floats, eye: EyeMarks) -> EyeTexture:
    """Cut one eye out of a portrait with (478, 2 or 3) landmarks, px: eyeball and iris apart."""
    marks = landmarks[:, :2].astype(np.float32)
    image, matrix = _upright(portrait, marks, eye)
    points = (marks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    opening = _fill(image.shape[:2], points[list(eye.contour)])
    centre = points[eye.iris]
    radius = float(np.linalg.norm(points[eye.iris + 1 : eye.iris + 5] - centre, axis=1).mean())
    iris = _iris(image, opening, centre, radius)
    white = _white(image, opening, centre, radius)
    outer, inner = points[eye.outer], points[eye.inner]
    width = float(np.linalg.norm(inner - outer))
    offset = (centre - (outer + inner) / 2) / width
    lashes = _lashes(image, points, eye)
    return EyeTexture(white, iris, outer, inner, offset.astype(np.float32), radius / width, lashes)


def _lashes(image: Pixels, points: Floats, eye: EyeMarks) -> float:
    """Darkness of the upper lid's edge against the middle of the lid; bounded, since lids without any look unreal."""
    edge, fold = points[list(eye.upper)], points[list(eye.upper_fold)]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    kernel = np.ones((5, 5), np.uint8)

    def read(picture: NDArray[np.uint8], places: Floats) -> float:
        x, y = np.rint(places).astype(int).T
        inside = picture[np.clip(y, 0, picture.shape[0] - 1), np.clip(x, 0, picture.shape[1] - 1)]
        return float(np.median(inside))

    dark = read(np.asarray(cv2.erode(grey, kernel), np.uint8), edge)
    skin = read(grey, np.asarray((edge + fold) / 2, np.float32))
    return float(np.clip(1 - dark / max(skin, 1.0), *_LASH_BOUNDS))


def close_lids(portrait: Pixels, landmarks: Floats) -> Pixels:
    """Cover both eyes of a portrait with the skin around them; what a warp then reads at a lid's edge is lid."""
    skin = portrait.copy()
    for eye in EYES:
        contour = landmarks[list(eye.contour), :2].astype(np.float32)
        width = max(float(np.linalg.norm(landmarks[eye.outer, :2] - landmarks[eye.inner, :2])), 4.0)
        pad = round(0.5 * width)
        low = np.maximum(np.floor(contour.min(axis=0)).astype(int) - pad, 0)
        high = np.minimum(np.ceil(contour.max(axis=0)).astype(int) + pad, (skin.shape[1], skin.shape[0]))
        if (high - low < 4).any():
            continue
        region = skin[low[1] : high[1], low[0] : high[0]]
        hole = _fill(region.shape, contour - low.astype(np.float32))
        reach = _disc(max(1, round(_LID_EDGE * width)))
        hole = np.asarray(cv2.dilate(hole, reach), np.uint8)
        # Lashes lie just outside the hole; what fills it is read beyond them.
        known = (cv2.dilate(hole, _disc(max(1, round(0.05 * width)))) == 0).astype(np.float32)
        filled = spread(region, known, [0.5 * width, 0.2 * width, 0.09 * width])
        soft = cv2.GaussianBlur(hole.astype(np.float32) / 255, (0, 0), max(0.012 * width, 0.4))[..., None]
        region[:] = np.clip(region * (1 - soft) + filled * soft + 0.5, 0, 255).astype(np.uint8)
        _comb_lashes_away(region, contour - low.astype(np.float32), width)
    return skin


def _comb_lashes_away(region: Pixels, contour: Floats, width: float) -> None:
    """Take thin dark strands off the upper lid, in place: a closing lid would draw them out into stripes."""
    band = np.zeros(region.shape[:2], np.uint8)
    rise = np.array([0, _LASH_REACH * width], np.float32)
    for step in np.linspace(0, 1, 6, dtype=np.float32):
        band = np.maximum(band, _fill(band.shape, contour - rise * step))
    band = np.asarray(cv2.dilate(band, _disc(max(1, round(0.06 * width)))), np.uint8)
    bare = cv2.morphologyEx(region, cv2.MORPH_CLOSE, _disc(max(1, round(0.05 * width))))
    soft = cv2.GaussianBlur(band.astype(np.float32) / 255, (0, 0), max(0.03 * width, 0.5))[..., None]
    region[:] = np.clip(region * (1 - soft) + bare * soft + 0.5, 0, 255).astype(np.uint8)


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def spread(pixels: Pixels, known: Floats, sigmas: list[float]) -> Floats:
    """Continue (h, w, 3) pixels from where `known` (h, w) is 1: normalised blurs, coarse to fine. Gives float32."""
    colours = pixels.astype(np.float32)
    mean = (colours * known[..., None]).sum(axis=(0, 1)) / max(float(known.sum()), 1.0)
    total = np.broadcast_to(mean, colours.shape).astype(np.float32)
    for sigma in sigmas:
        near = np.asarray(cv2.GaussianBlur(known, (0, 0), sigma), np.float32)[..., None]
        colour = cv2.GaussianBlur(colours * known[..., None], (0, 0), sigma) / np.maximum(near, 1e-6)
        total = np.asarray(total + (colour - total) * np.clip(near * 8, 0, 1), np.float32)
    return total


def _upright(portrait: Pixels, marks: Floats, eye: EyeMarks) -> tuple[Pixels, Floats]:
    """The eye turned so that its corners are level, `_EYE_WIDTH_PX` apart, in a picture of twice that width."""
    left, right = sorted((eye.outer, eye.inner), key=lambda index: float(marks[index, 0]))
    across = marks[right] - marks[left]
    scale = _EYE_WIDTH_PX / max(float(np.linalg.norm(across)), 1.0)
    cos, sin = across / max(float(np.linalg.norm(across)), 1.0) * scale
    turn = np.array([[cos, sin], [-sin, cos]], np.float32)
    middle = turn @ ((marks[left] + marks[right]) / 2)
    matrix = np.column_stack([turn, np.array([_EYE_WIDTH_PX, 0.75 * _EYE_WIDTH_PX]) - middle]).astype(np.float32)
    size = (2 * _EYE_WIDTH_PX, int(1.5 * _EYE_WIDTH_PX))
    image = cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return image.astype(np.uint8, copy=False), matrix


def _fill(shape: tuple[int, ...], polygon: Floats) -> NDArray[np.uint8]:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon * 16).astype(np.int32)], 255, shift=4)
    return mask


def _iris(image: Pixels, opening: NDArray[np.uint8], centre: Floats, radius: float) -> Floats:
    """The iris's disc; what the lids hide is filled with the median of its ring of equal radius."""
    grid = (np.arange(IRIS_SIDE_PX, dtype=np.float32) - (IRIS_SIDE_PX - 1) / 2) / IRIS_RADIUS_PX
    x, y = np.meshgrid(grid, grid)
    map_x, map_y = x * radius + centre[0], y * radius + centre[1]
    colour = cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    inset = cv2.erode(opening, np.ones((7, 7), np.uint8))
    seen = cv2.remap(inset, map_x, map_y, cv2.INTER_LINEAR) > 250
    distance = np.hypot(x, y)
    rings = np.minimum((distance * 24).astype(np.int32), 30)
    filled = colour.copy()
    last = np.array([30, 30, 30], np.float32)
    for ring in range(31):
        here = rings == ring
        if (here & seen).any():
            last = np.median(colour[here & seen], axis=0).astype(np.float32)
        filled[here & ~seen] = last
    blend = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 2.5)[..., None]
    blend = np.minimum(blend, seen[..., None])
    opacity = np.clip((1.04 - distance) / 0.12, 0, 1)
    return np.dstack([colour * blend + filled * (1 - blend), opacity]).astype(np.float32)


def _white(image: Pixels, opening: NDArray[np.uint8], centre: Floats, radius: float) -> Pixels:
    """The eyeball's white over the whole picture: the seen white, continued smoothly where iris and lids are."""
    inset = cv2.erode(opening, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    disc = np.zeros_like(opening)
    cv2.circle(disc, (round(float(centre[0])), round(float(centre[1]))), round(radius * 1.16), 255, -1)
    known = ((inset > 0) & (disc == 0)).astype(np.float32)
    if known.sum() < 20:
        known = (opening > 0).astype(np.float32)
    # Near the seen white its own shading stays, far away its mean.
    total = spread(image, known, [64.0, 24.0, 9.0, 3.0])
    soft = cv2.GaussianBlur(known, (0, 0), 1.0)[..., None] * known[..., None]
    white: Pixels = np.clip(total * (1 - soft) + image * soft, 0, 255).astype(np.uint8)
    return white


@dataclass(frozen=True, slots=True, eq=False)
class PersonaTexture:
    """All that is drawn of a persona.

    Attributes:
        skin: the portrait and its mesh's vertices with the skirt, at several sizes.
        eyes: right, left.

    """

    skin: Pyramid
    eyes: tuple[EyeTexture, EyeTexture]

    @classmethod
    def prepare(cls, portrait: Pixels, landmarks: Floats) -> PersonaTexture:
        """From a portrait and its (478, 3) landmarks, px."""
        right, left = (take_eye(portrait, landmarks, eye) for eye in EYES)
        points = landmarks[:468, :2].copy()
        middle = points[list(OVAL)].mean(axis=0)
        points += (middle - points) * (topology().near_outline[:, None] * np.float32(_OUTLINE_INSET))
        return cls(Pyramid(close_lids(portrait, landmarks), with_skirt(points)), (right, left))
