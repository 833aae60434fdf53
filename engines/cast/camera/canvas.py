"""A small painter in linear light: what reflects, what shines, and what falls on it, kept apart until the end."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.camera.colour import Floats

Points = NDArray[np.float32]
#: Fractional bits of the coordinates that go to OpenCV.
_BITS = 4
_ONE = 1 << _BITS
_BLACK = (0.0, 0.0, 0.0)


class Canvas:
    """One layer of a room. Coordinates are picture heights: y from 0 (top) to 1, x from -half to half, 0 the middle.

    Attributes:
        albedo: (H, W, 4) float32, reflectance premultiplied with cover (the last channel).
        emission: (H, W, 3) float32 linear RGB, light that leaves whatever falls on it.
        shade: (H, W) float32, shadow to be blurred and multiplied in: 1 none, 0 black.
        shines: whether anything emits; until then what is painted over need not be made dark.

    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.half = width / (2 * height)
        self.albedo: Floats = np.zeros((height, width, 4), np.float32)
        self.emission: Floats = np.zeros((height, width, 3), np.float32)
        self.shade: Floats = np.ones((height, width), np.float32)
        self.shines = False

    def fill(self, colour: Floats) -> None:
        """Cover everything."""
        self.albedo[:, :, :3], self.albedo[:, :, 3] = colour, 1.0

    def polygon(self, points: Points, colour: Floats, *, glow: Floats | None = None, shadow: float = 0.0) -> None:
        """Fill a polygon, (N, 2) of x, y.

        Args:
            points: the corners; need not be convex.
            colour: (3,) linear RGB reflectance.
            glow: (3,) linear RGB that it shines with, if it does.
            shadow: how dark its shadow on what lies behind is, 0..1.

        """
        pixels = self._pixels(points)
        if not self._seen(*pixels.min(axis=0), *pixels.max(axis=0)):
            return
        if shadow > 0.0:
            cv2.fillPoly(self.shade, [pixels + 6 * _ONE * self.height // 256], 1.0 - shadow, shift=_BITS)
        cv2.fillPoly(self.albedo, [pixels], (*_scalar(colour), 1.0), shift=_BITS)
        if glow is not None or self.shines:
            self.shines = True
            cv2.fillPoly(self.emission, [pixels], _BLACK if glow is None else _scalar(glow), shift=_BITS)

    def rect(
        self, x: float, y: float, width: float, height: float, colour: Floats, *,
        glow: Floats | None = None, shadow: float = 0.0,
    ) -> None:  # fmt: skip
        """Fill an upright rectangle; x, y is its top left corner. The rest as for `polygon`."""
        (left, top), (right, bottom) = self._at(x, y), self._at(x + width, y + height)
        if not self._seen(left, top, right, bottom):
            return
        if shadow > 0.0:
            far = 6 * _ONE * self.height // 256
            self._rectangle(self.shade, left + far, top + far, right + far, bottom + far, (1.0 - shadow,))
        self._rectangle(self.albedo, left, top, right, bottom, (*_scalar(colour), 1.0))
        if glow is not None or self.shines:
            self.shines = True
            self._rectangle(self.emission, left, top, right, bottom, _BLACK if glow is None else _scalar(glow))

    def ellipse(
        self, x: float, y: float, a: float, b: float, colour: Floats, *,
        turn_deg: float = 0.0, glow: Floats | None = None, shadow: float = 0.0,
    ) -> None:  # fmt: skip
        """Fill an ellipse around x, y with half axes a and b, its first axis turned. The rest as for `polygon`."""
        middle, reach = self._at(x, y), max(a, b) * self.height
        axes = (max(round(a * self.height * _ONE), 1), max(round(b * self.height * _ONE), 1))
        if not self._seen(*(round(part - side * reach * _ONE) for side in (1, -1) for part in middle)):
            return
        if shadow > 0.0:
            far = 6 * _ONE * self.height // 256
            off = (middle[0] + far, middle[1] + far)
            cv2.ellipse(self.shade, off, axes, turn_deg, 0, 360, (1.0 - shadow,), -1, shift=_BITS)
        cv2.ellipse(self.albedo, middle, axes, turn_deg, 0, 360, (*_scalar(colour), 1.0), -1, shift=_BITS)
        if glow is not None or self.shines:
            self.shines = True
            shine = _BLACK if glow is None else _scalar(glow)
            cv2.ellipse(self.emission, middle, axes, turn_deg, 0, 360, shine, -1, shift=_BITS)

    def stroke(self, points: Points, thickness: float, colour: Floats, *, glow: Floats | None = None) -> None:
        """A polyline, (N, 2), of even thickness."""
        pixels, wide = [self._pixels(points)], max(1, round(thickness * self.height))
        if not self._seen(*pixels[0].min(axis=0), *pixels[0].max(axis=0)):
            return
        cv2.polylines(self.albedo, pixels, False, (*_scalar(colour), 1.0), wide, shift=_BITS)
        if glow is not None or self.shines:
            self.shines = True
            over = _BLACK if glow is None else _scalar(glow)
            cv2.polylines(self.emission, pixels, False, over, wide, shift=_BITS)

    def box(self, x: float, y: float, width: float, height: float) -> tuple[slice, slice]:
        """Rows and columns of a rectangle, cut to the picture, for painting into the arrays."""
        left, top = round((x + self.half) * self.height), round(y * self.height)
        right, bottom = round((x + width + self.half) * self.height), round((y + height) * self.height)
        rows = slice(min(max(top, 0), self.height), min(max(bottom, 0), self.height))
        return rows, slice(min(max(left, 0), self.width), min(max(right, 0), self.width))

    def lit(self, light: Floats) -> Floats:
        """(H, W, 4) float32 radiance, premultiplied with cover, under (H, W, 3) light."""
        shade = cv2.GaussianBlur(self.shade, (0, 0), 0.012 * self.height)
        out = self.albedo.copy()
        out[:, :, :3] *= light * shade[:, :, None]
        out[:, :, :3] += self.emission
        return out

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(((x + self.half) * self.height - 0.5) * _ONE), round((y * self.height - 0.5) * _ONE)

    def _seen(self, left: int, top: int, right: int, bottom: int) -> bool:
        return right >= 0 and bottom >= 0 and left < self.width * _ONE and top < self.height * _ONE

    @staticmethod
    def _rectangle(
        picture: Floats, left: int, top: int, right: int, bottom: int, value: tuple[float, ...]
    ) -> None:  # fmt: skip
        cv2.rectangle(picture, (left, top), (right, bottom), value, -1, shift=_BITS)

    def _pixels(self, points: Points) -> NDArray[np.int32]:
        scaled = (points + np.array([self.half, 0.0], np.float32)) * self.height - 0.5
        return np.round(scaled * _ONE).astype(np.int32)


class Lighting:
    """Light that falls on a room, (H, W, 3) linear RGB, gathered at a quarter of the canvas's resolution."""

    def __init__(self, canvas: Canvas, ambient: Floats) -> None:
        self._full = (canvas.width, canvas.height)
        height, width = max(canvas.height // 4, 8), max(canvas.width // 4, 8)
        self.y = ((np.arange(height) + 0.5) / height).astype(np.float32)[:, None]
        self.x = (((np.arange(width) + 0.5) / width - 0.5) * 2 * canvas.half).astype(np.float32)[None, :]
        self.map: Floats = np.tile(ambient.astype(np.float32), (height, width, 1))

    def spot(self, x: float, y: float, reach: float, colour: Floats, *, squash: float = 1.0) -> None:
        """Add a lamp's pool: inverse-square with a soft core; half of it is gone at `reach` heights.

        Args:
            x: its middle.
            y: its middle.
            reach: picture heights.
            colour: (3,) linear RGB at the middle.
            squash: above 1 the pool is narrower in y, below 1 in x.

        """
        near = ((self.x - x) ** 2 + ((self.y - y) * squash) ** 2) / reach**2
        self.map += (1.0 / (1.0 + near))[:, :, None] ** 1.5 * colour.astype(np.float32)

    def slope(self, down: float, right: float) -> None:
        """Scale by a gradient: `down` and `right` are the changes from the middle to the edge, -1..1."""
        self.map *= np.clip(1.0 + down * (2 * self.y - 1) + right * self.x, 0.05, 3.0)[:, :, None]

    def mottle(self, strength: float, rng: np.random.Generator) -> None:
        """Scale by soft blotches of two sizes: paint, dust and light that bounced are never even."""
        height, width = self.map.shape[:2]
        for rows, share in ((5, 1.0), (18, 0.35)):
            noise = rng.standard_normal((rows, 2 * rows), dtype=np.float32) * strength * share
            self.map *= 1.0 + cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]

    def spread(self) -> Floats:
        """(H, W, 3) float32 at the canvas's own resolution."""
        return np.asarray(cv2.resize(self.map, self._full, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _scalar(colour: Floats) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])
