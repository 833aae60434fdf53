"""The visible mark: a small pill of real words, in a corner, always there and calm.

The words for synthetic frames are larger at first and after a change of persona. The badge keeps to the 4:3 part of a
wider frame (what platforms crop to), leaves faces free, and takes a light or a dark plate by what lies behind it.
Nothing here hides it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from mien.realtime.clock import NS_PER_S
from mien.realtime.config import BadgeSettings
from mien.realtime.frame import Pixels
from mien.realtime.picture import HostPicture
from mien.realtime.plate import Raster, Stencil, Word, paint, plate_styles, short_words, stencil, words

#: (x0, y0, x1, y1), px.
Box = tuple[float, float, float, float]
Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

#: Cap height, as a part of the frame's short side.
CALM_HEIGHT: Final = 0.035
LARGE_HEIGHT: Final = 0.05
#: How long the badge stays large, seconds.
LARGE_S: Final = 10.0
#: The badge changes its corner at most this often, seconds.
MOVE_EVERY_S: Final = 5.0
#: Distance from the edge, as a part of the frame's short side.
MARGIN: Final = 0.03
#: The words are shortened when their capitals would come out lower than this, px.
LEGIBLE_PX: Final = 5

# Lightness (0..255) behind the badge at which an automatic plate turns; between the two it stays what it is.
_TURN_LIGHT_BELOW, _TURN_DARK_ABOVE = 80.0, 120.0
_LIGHTNESS_TIME_S = 0.7
# A face must be this far from the preferred corner, in cap heights, before the badge goes back there.
_RETURN_MARGIN = 2.0

_WORDS: Final[tuple[Word, ...]] = ("modified", "generated", "slate", "camera")
# A slate and the camera are not synthetic: there is nothing to disclose at first exposure, so they stay calm.
_ENLARGED: Final[frozenset[Word]] = frozenset({"modified", "generated"})


class Stamp(NamedTuple):
    """What is laid on one frame: a plate, and its corner, px."""

    raster: Raster
    x: int
    y: int


class Badge:
    """Draws the mark of one stream of frames of one size. Used by `Marker` alone, on one thread.

    Raises `ConfigError` for a language or a plate that is not offered. Everything is rasterised here, so that a
    draw only blends: about 0.1 ms at 1280x720.
    """

    def __init__(self, width: int, height: int, settings: BadgeSettings) -> None:
        self._width, self._height = width, height
        self._dark_picture, self._light_picture = plate_styles(settings.plate)
        self._rasters: dict[tuple[Word, bool, bool], Raster] = {}
        for word in _WORDS:
            for large in (False, True) if word in _ENLARGED else (False,):
                shape = self._fitted(settings.language, word, LARGE_HEIGHT if large else CALM_HEIGHT)
                self._rasters[word, large, True] = paint(shape, self._dark_picture)
                self._rasters[word, large, False] = paint(shape, self._light_picture)
        self._corners = _corners_from(settings.corner)
        self._corner = settings.corner
        self._moved_ns: int | None = None
        self._large_until_ns: int | None = None
        self._lightness: float | None = None
        self._seen_ns: int | None = None
        self._on_dark = False

    @property
    def boxes(self) -> dict[Corner, tuple[int, int, int, int]]:
        """Box (x0, y0, x1, y1) px of the calm "modified" badge by corner, the wished corner first."""
        size = self._rasters["modified", False, False].size
        return {corner: self._place(corner, size) for corner in self._corners}

    def announce(self) -> None:
        """Show the badge large for `LARGE_S` from the next draw, as at the start."""
        self._large_until_ns = None

    def draw(
        self,
        pixels: Pixels,
        word: Word,
        *,
        keep_clear: Sequence[Box],
        now_ns: int,
        corners: Collection[Corner] = (),
    ) -> tuple[int, int, int, int]:
        """Draw into `pixels` and return the badge's box (x0, y0, x1, y1), px.

        Args:
            pixels: (H, W, 3) uint8 BGR of the badge's frame size, writeable.
            word: what to say.
            keep_clear: boxes of faces that should stay visible.
            now_ns: time of this frame; does not decrease.
            corners: those that can be seen, where somebody crops the picture; none: all of them.

        """
        picture = HostPicture(pixels)
        stamp = self.stamp(word, keep_clear=keep_clear, now_ns=now_ns, lightness=picture.lightness, corners=corners)
        picture.lay(*stamp)
        width, height = stamp.raster.size
        return stamp.x, stamp.y, stamp.x + width, stamp.y + height

    def stamp(
        self,
        word: Word,
        *,
        keep_clear: Sequence[Box],
        now_ns: int,
        lightness: Callable[[int, int, int, int], float],
        corners: Collection[Corner] = (),
    ) -> Stamp:
        """Choose what a draw lays where, for whoever holds the pixels.

        Args:
            word: what to say.
            keep_clear: boxes of faces that should stay visible.
            now_ns: time of this frame; does not decrease.
            lightness: of a box of the frame, see `mien.realtime.picture.Picture.lightness`.
            corners: as `draw`'s.

        """
        large = word in _ENLARGED and self._is_large(now_ns)
        size, heads = self._rasters[word, large, False].size, [_head(face) for face in keep_clear]
        self._choose_corner(size, heads, now_ns, [corner for corner in self._corners if corner in corners])
        box = self._place(self._corner, size)
        self._follow_lightness(lightness(*box), now_ns)
        return Stamp(self._rasters[word, large, self._on_dark], box[0], box[1])

    def _is_large(self, now_ns: int) -> bool:
        if self._large_until_ns is None:
            self._large_until_ns = now_ns + round(LARGE_S * NS_PER_S)
        return now_ns < self._large_until_ns

    def _fitted(self, language: str, word: Word, part: float) -> Stencil:
        """The words at the height wanted, lower if the frame is too narrow; short ones before illegible ones."""
        cap = max(1, round(min(self._width, self._height) * part))
        shape = stencil(words(language, word), word, cap)
        space_x, space_y = self._safe_size()
        text = words(language, word)
        while cap > 1 and (shape.plate.shape[1] > space_x or shape.plate.shape[0] > space_y):
            cap = max(1, min(cap - 1, int(cap * space_x / shape.plate.shape[1])))
            if cap < LEGIBLE_PX and len(text) > len(short_words(language, word)):
                text = short_words(language, word)
                cap = max(cap, round(min(self._width, self._height) * part), LEGIBLE_PX)
            shape = stencil(text, word, cap)
        plate, ink = shape.plate[: self._height, : self._width], shape.ink[: self._height, : self._width]
        return Stencil(plate, ink, shape.cap_height_px)

    def _safe_size(self) -> tuple[int, int]:
        """(width, height) that a plate may take, px."""
        margin = self._margin()
        return min(self._width, self._height * 4 // 3) - 2 * margin, self._height - 2 * margin

    def _margin(self) -> int:
        return int(min(self._width, self._height) * MARGIN)

    def _place(self, corner: Corner, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Box of a plate of `size` in `corner`, on even pixels so that 4:2:0 video keeps its edges."""
        width, height = size
        inset = max(0, (self._width - self._height * 4 // 3) // 2)
        margin = self._margin()
        x = inset + margin if corner.endswith("left") else self._width - inset - margin - width
        y = margin if corner.startswith("top") else self._height - margin - height
        x, y = max(0, x & ~1), max(0, y & ~1)
        return x, y, x + width, y + height

    def _choose_corner(
        self, size: tuple[int, int], keep_clear: Sequence[Box], now_ns: int, seen: Sequence[Corner]
    ) -> None:
        corners = seen or self._corners
        if self._corner not in corners:
            # Nobody sees it there: no reason to wait.
            self._corner, self._moved_ns = corners[0], now_ns
            return
        if self._moved_ns is not None and now_ns - self._moved_ns < MOVE_EVERY_S * NS_PER_S:
            return
        covered = {corner: _overlap(self._place(corner, size), keep_clear, 0.0) for corner in corners}
        preferred = corners[0]
        if covered[self._corner] > 0:
            # Corners in order of preference: min keeps the first of equals.
            best = min(corners, key=covered.__getitem__)
        elif self._corner != preferred:
            reach = _RETURN_MARGIN * size[1] / 2
            best = preferred if _overlap(self._place(preferred, size), keep_clear, reach) == 0 else self._corner
        else:
            return
        if best != self._corner and (best == preferred or covered[best] < covered[self._corner]):
            self._corner, self._moved_ns = best, now_ns

    def _follow_lightness(self, lightness: float, now_ns: int) -> None:
        if self._lightness is None or self._seen_ns is None:
            self._lightness = lightness
            self._on_dark = lightness < (_TURN_LIGHT_BELOW + _TURN_DARK_ABOVE) / 2
        else:
            passed_s = max(0, now_ns - self._seen_ns) / NS_PER_S
            self._lightness += (lightness - self._lightness) * (1 - np.exp(-passed_s / _LIGHTNESS_TIME_S))
            if self._lightness < _TURN_LIGHT_BELOW:
                self._on_dark = True
            elif self._lightness > _TURN_DARK_ABOVE:
                self._on_dark = False
        self._seen_ns = now_ns


def _corners_from(preferred: Corner) -> tuple[Corner, ...]:
    """All corners: the preferred, the other one of the same edge, the one below or above, the last."""
    vertical, horizontal = preferred.split("-")
    other_vertical = "bottom" if vertical == "top" else "top"
    other_horizontal = "left" if horizontal == "right" else "right"
    pairs = ((vertical, horizontal), (vertical, other_horizontal), (other_vertical, horizontal))
    order = [f"{v}-{h}" for v, h in (*pairs, (other_vertical, other_horizontal))]
    known: tuple[Corner, ...] = ("top-left", "top-right", "bottom-left", "bottom-right")
    return tuple(sorted(known, key=order.index))


def _head(face: Box) -> Box:
    """The head around a face's box, whose top is the forehead: hair above, a little at the sides."""
    x0, y0, x1, y1 = face
    side, top = 0.1 * (x1 - x0), 0.35 * (y1 - y0)
    return x0 - side, y0 - top, x1 + side, y1


def _overlap(box: tuple[int, int, int, int], others: Sequence[Box], reach: float) -> float:
    """Area of `box`, grown by `reach` px, that lies in `others`, px^2."""
    area = 0.0
    for x0, y0, x1, y1 in others:
        width = min(box[2] + reach, x1) - max(box[0] - reach, x0)
        height = min(box[3] + reach, y1) - max(box[1] - reach, y0)
        area += max(width, 0.0) * max(height, 0.0)
    return area
