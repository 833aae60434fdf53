"""What is behind the people: blurred, replaced by a green that other programs key out, or transparent.

The people's mask is small. Its border is brought back to the picture's own edges by a guided filter (He, Sun and Tang,
"Guided image filtering", ECCV 2010; its coefficients enlarged as in He and Sun, "Fast guided filter", 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import cv2
import numpy as np

from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import Alpha, Floats, Pixels

#: BGR. OBS's own choice for a key, but for a few levels: at 0 and 255 the watermark would be cut off on one side.
GREEN: Final = (8, 247, 8)
#: BGR of what is transparent, for whoever shows no transparency; no level of it is cut off either.
NOTHING: Final = (16, 16, 16)
#: The mask follows the people with this time constant, seconds: less and its border flickers, more and it trails.
_FOLLOW_S = 0.04
#: After this time without a picture the mask begins anew, seconds.
_GAP_S = 0.3
#: Of the guided filter: its window's radius, px of the mask, and the variance of luma, 0..1, that counts as an edge.
_RADIUS_PX, _EDGE = 3, 1e-3
#: Below the first a pixel is all background, above the second all person. What is in doubt belongs to the background,
#: for the room is what was to be hidden.
_NONE, _WHOLE = 0.25, 0.85
#: Deviation of the blur as a share of the frame's width: writing on a wall cannot be read.
_BLUR = 0.018
#: About how wide the picture is that is blurred, px: what is finer is gone afterwards anyway.
_BLURRED_PX = 160


class BackgroundFilter:
    """Blurs or replaces what is behind the people of one stream. Called on one thread, in time's order.

    Args:
        kind: "blur" keeps the room's colours and light, "green" replaces it by `GREEN`, "alpha" by `NOTHING`, and says
            where.
        segmenter: gives (h, w) float32 0..1, where the people are in (H, W, 3) uint8 BGR.

    """

    def __init__(self, kind: Literal["blur", "green", "alpha"], segmenter: Callable[[Pixels], Floats]) -> None:
        self._kind = kind
        self._segmenter = segmenter
        self._people: Floats | None = None
        self._media_ns = 0
        self._flat: Pixels | None = None

    def __call__(self, pixels: Pixels, media_ns: int) -> Alpha | None:
        """Change (H, W, 3) uint8 BGR of the time `media_ns`, in place.

        Returns (H, W) uint8 for "alpha", how much of each pixel is a person's and not `NOTHING`; else None.
        """
        people = self._followed(self._segmenter(pixels), media_ns)
        share = _refined(people, pixels)
        ground = _blurred(pixels, people) if self._kind == "blur" else self._ground(pixels)
        alpha = None
        if self._kind == "alpha":
            alpha = np.rint(share * 255).astype(np.uint8)
            share = alpha * np.float32(1 / 255)
        cv2.blendLinear(pixels, ground, share, 1.0 - share, dst=pixels)
        return alpha

    def _followed(self, seen: Floats, media_ns: int) -> Floats:
        """The mask, steadied in time."""
        gap_s = (media_ns - self._media_ns) / NS_PER_S
        if self._people is None or self._people.shape != seen.shape or not 0 <= gap_s <= _GAP_S:
            self._people = seen
        else:
            self._people = self._people + (seen - self._people) * np.float32(1 - np.exp(-gap_s / _FOLLOW_S))
        self._media_ns = media_ns
        return self._people

    def _ground(self, pixels: Pixels) -> Pixels:
        if self._flat is None or self._flat.shape != pixels.shape:
            self._flat = np.full_like(pixels, GREEN if self._kind == "green" else NOTHING)
        return self._flat


def with_alpha(pixels: Pixels, alpha: Alpha) -> Pixels:
    """(H, W, 4) uint8 BGRA with straight alpha, of pixels that a `BackgroundFilter` mixed with `NOTHING`."""
    out = cv2.merge([*cv2.split(pixels), alpha])
    # Where a border is soft, `NOTHING` is taken out again, or there would be a dark rim around everybody.
    rows, columns = np.nonzero((alpha > 0) & (alpha < 255))
    share = alpha[rows, columns, None] * np.float32(1 / 255)
    bare = (pixels[rows, columns] - np.array(NOTHING, np.float32) * (1 - share)) / share
    out[rows, columns, :3] = np.rint(np.clip(bare, 0, 255))
    return np.asarray(out, np.uint8)


def _refined(people: Floats, pixels: Pixels) -> Floats:
    """(H, W) float32 0..1: the mask at the picture's size, its border on the picture's edges."""
    height, width = pixels.shape[:2]
    # At half size: a border is soft over more than two pixels.
    size, small = (max(1, width // 2), max(1, height // 2)), (people.shape[1], people.shape[0])
    half = _luma(np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8))
    guide = np.asarray(cv2.resize(half, small, interpolation=cv2.INTER_AREA), np.float32)
    mean_guide, mean_people = _mean(guide), _mean(people)
    slope = (_mean(guide * people) - mean_guide * mean_people) / (_mean(guide * guide) - mean_guide**2 + _EDGE)
    slope, offset = _mean(slope), _mean(mean_people - slope * mean_guide)
    found = _enlarged(slope, size) * half + _enlarged(offset, size)
    found = np.clip((found - _NONE) * np.float32(1 / (_WHOLE - _NONE)), 0, 1)
    return _enlarged(found, (width, height))


def _blurred(pixels: Pixels, people: Floats) -> Pixels:
    """The room alone, blurred: weighed by the mask, or the people would shine through around themselves."""
    height, width = pixels.shape[:2]
    factor = max(1, width // _BLURRED_PX)
    size = max(1, width // factor), max(1, height // factor)
    # The guess may be too narrow by a little; a rim of the person would be the brightest part of the halo.
    wide = cv2.dilate(cv2.resize(people, size, interpolation=cv2.INTER_LINEAR), np.ones((3, 3), np.uint8))
    behind = (1 - np.clip(wide / np.float32(_WHOLE), 0, 1))[..., None] + np.float32(1e-3)
    deviation = max(_BLUR * size[0], 1.0)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    light = cv2.GaussianBlur(small * behind, (0, 0), deviation)
    weight = cv2.GaussianBlur(behind, (0, 0), deviation)[..., None]
    ground = np.clip(light / weight, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(ground, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _luma(pixels: Pixels) -> Floats:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.float32) * np.float32(1 / 255)


def _mean(values: Floats) -> Floats:
    side = 2 * _RADIUS_PX + 1
    return np.asarray(cv2.blur(values, (side, side)), np.float32)


def _enlarged(values: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
