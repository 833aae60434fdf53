"""What stands behind a person: a painted room, defocused by a disc as a lens does it, in which something moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np

from mien.engines.cast.camera.colour import Floats, Triple, triple
from mien.engines.cast.camera.rooms import paint
from mien.engines.cast.camera.window import Passing, Room
from mien.engines.cast.look import BackdropStyle

#: After this long everything that moves is where it was.
LOOP_S = 12.0
#: Radius of the circle of confusion, picture heights: a webcam's small sensor blurs little, a camera's much.
DEFAULT_BLUR = 0.014
#: A disc up to this radius is convolved directly by OpenCV, ten times faster than a wider one.
_WIDEST_PX = 5.0
_SMALLEST_PX = 144
#: Below this blur, in pictures up to this height, edges are painted finer than the picture.
_STEPS_SHOW_PX, _SMALL_PX = 2.5, 400
_SWAY = 0.006
_SALT = 0xBD


@dataclass(frozen=True, slots=True)
class BackdropChoice:
    """What a sampler chose; the arguments of `Backdrop`."""

    style: BackdropStyle
    colour: Triple
    seed: int
    blur: float


def draw_backdrop(rng: np.random.Generator) -> BackdropChoice:
    """A random backdrop for training: rooms most often, walls of any usual paint, any focus."""
    styles = get_args(BackdropStyle)
    share = {"plain": 0.12, "gradient": 0.08, "bokeh": 0.1, "room": 0.34, "shelves": 0.18, "night": 0.18}
    style: BackdropStyle = styles[int(rng.choice(len(styles), p=[share[each] for each in styles]))]
    # Most walls are pale and nearly grey; some are painted.
    grey = rng.uniform(0.05, 0.62)
    tint = 1.0 + rng.normal(0.0, 0.05 if rng.random() < 0.75 else 0.18, 3)
    colour = np.clip(grey * tint, 0.02, 0.8).astype(np.float32)
    blur = float(np.clip(rng.lognormal(np.log(0.011), 0.7), 0.002, 0.045))
    return BackdropChoice(style, triple(colour), int(rng.integers(2**31)), blur)


def backdrop(
    height: int, width: int, style: BackdropStyle, colour: Triple, seed: int, *,
    time_s: float = 0.0, blur: float = DEFAULT_BLUR, tint: Triple = (1.0, 1.0, 1.0),
) -> Floats:  # fmt: skip
    """(height, width, 3) float32 linear RGB, 0..1; for a clip build one `Backdrop` and ask it."""
    return Backdrop(height, width, style, colour, seed, blur=blur, tint=tint).at(time_s)


class Backdrop:
    """A room built once, then asked for any time.

    Args:
        height: of the pictures, px.
        width: of the pictures, px.
        style: see `BackdropStyle`.
        colour: of the wall, linear RGB reflectance.
        seed: of everything else.
        blur: radius of the circle of confusion at the wall, picture heights.
        tint: light that fills the room, linear RGB about 1; `light.ambient(rig)` gives it.

    """

    def __init__(
        self, height: int, width: int, style: BackdropStyle, colour: Triple, seed: int, *,
        blur: float = DEFAULT_BLUR, tint: Triple = (1.0, 1.0, 1.0),
    ) -> None:  # fmt: skip
        self._size = (width, height)
        rng = np.random.default_rng((seed, _SALT))
        # Bokeh is what the style is about.
        blur = max(2.0 * blur, 0.02) if style == "bokeh" else blur
        # What is small and nearly sharp is painted larger, or its edges would show steps.
        most = round(1.5 * height) if blur * height < _STEPS_SHOW_PX and height <= _SMALL_PX else height
        rows = int(np.clip(_WIDEST_PX / max(blur, 1e-4), _SMALLEST_PX, max(most, _SMALLEST_PX)))
        columns = max(round(rows * width / height), 8)
        room = paint(style, rows, columns, np.array(colour, np.float32), np.array(tint, np.float32), rng)
        self._radius = blur * rows
        self._passing, self._rows, self._columns = tuple(room.passing), rows, columns
        self._develop(room)

    def at(self, time_s: float) -> Floats:
        """(height, width, 3) float32 linear RGB, 0..1; the same after every `LOOP_S` seconds."""
        turn = 2 * np.pi * ((time_s / LOOP_S) % 1.0)
        picture = self._far.copy()
        for glow, waves in self._glows:
            picture += glow * np.float32(sum(a * np.sin(k * turn + phase) for a, k, phase in waves))
        for each in self._passing:
            self._cross(picture, each, turn / (2 * np.pi))
        if self._curtain is not None:
            _over(picture, self._swayed(self._curtain, turn))
        if self._near is not None:
            _over(picture, self._near)
        way = cv2.INTER_CUBIC if self._rows < self._size[1] else cv2.INTER_AREA
        out = cv2.resize(_rolled(picture), self._size, interpolation=way)
        return np.asarray(np.clip(out, 0.0, 1.0, out=out), dtype=np.float32)

    def _develop(self, room: Room) -> None:
        """Light the layers and take them out of focus; what is nearer is sharper."""
        light = room.light.spread()
        wall = _disc(self._radius)
        self._far: Floats = _defocused(room.far.lit(light)[:, :, :3], wall)
        self._curtain = None if room.curtain is None else _defocused(room.curtain.lit(light), wall)
        self._near = _defocused(room.near.lit(light), _disc(self._radius * 0.7)) if room.near.albedo.any() else None
        self._outside = None if room.outside is None else _defocused(room.outside, wall)
        self._glows = tuple((_defocused(glow.picture, wall), glow.waves) for glow in room.glows)

    def _cross(self, picture: Floats, light: Passing, share: float) -> None:
        """Add a passing light as the disc that the lens makes of it."""
        size = light.size * self._rows
        radius = float(np.hypot(self._radius, size))
        way = (light.cycles * share + light.phase) % 1.0
        x, y = way * (self._columns + 4 * radius) - 2 * radius, light.y * self._rows
        reach = int(np.ceil(radius)) + 1
        rows, columns = _span(y, reach, self._rows), _span(x, reach, self._columns)
        v, u = np.mgrid[rows, columns].astype(np.float32)
        disc = np.clip(radius + 0.5 - np.hypot(u - x, v - y), 0.0, 1.0) * np.float32((size / radius) ** 2)
        if self._outside is not None:
            disc = disc * self._outside[rows, columns]
        picture[rows, columns] += disc[:, :, None] * np.array(light.colour, np.float32)

    def _swayed(self, curtain: Floats, turn: float) -> Floats:
        """The cloth pushed sideways by a draught, more towards its hem."""
        y, x = np.mgrid[0 : self._rows, 0 : self._columns].astype(np.float32)
        down = y / self._rows
        push = np.sin(turn - 2.0 * down) + 0.4 * np.sin(3 * turn - 5.0 * down)
        moved = cv2.remap(curtain, x - _SWAY * self._rows * down * push.astype(np.float32), y, cv2.INTER_LINEAR)
        return np.asarray(moved, dtype=np.float32)


def _span(middle: float, reach: int, size: int) -> slice:
    return slice(*(min(max(int(middle) + side, 0), size) for side in (-reach, reach + 1)))


def _disc(radius: float) -> Floats:
    """An anti-aliased disc that sums to 1: the image of a point out of focus."""
    reach = max(int(np.ceil(radius - 0.5)), 0)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0.0, 1.0)
    return np.asarray(disc / disc.sum() if disc.sum() > 0 else np.ones((1, 1)), dtype=np.float32)


def _defocused(picture: Floats, disc: Floats) -> Floats:
    out = cv2.filter2D(np.ascontiguousarray(picture), -1, disc, borderType=cv2.BORDER_REFLECT)
    return np.asarray(out, dtype=np.float32)


def _over(below: Floats, above: Floats) -> None:
    """Composite premultiplied (H, W, 4) over (H, W, 3), in place."""
    below *= 1.0 - above[:, :, 3:]
    below += above[:, :, :3]


def _rolled(picture: Floats) -> Floats:
    """Highlights rolled off into 1 as the person's own tone curve does; below 0.6 nothing changes."""
    x = np.maximum(picture, 0.0)
    over = np.maximum(x - 0.6, 0.0)
    return np.asarray(np.minimum(x, 0.6) + over / (1.0 + over / 0.4), dtype=np.float32)
