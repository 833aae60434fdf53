"""A room as its painters leave it, and the window that some of them have: what is outside, its frame and its cloth."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.engines.cast.camera import furniture as things
from mien.engines.cast.camera.canvas import Canvas, Lighting
from mien.engines.cast.camera.colour import Floats, black_body

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Glow:
    """Light that swells and fades.

    Attributes:
        picture: (H, W, 3) float32 linear RGB at strength 1.
        waves: (amplitude, whole cycles in a loop, phase in radians) of each sine; their sum is the strength.

    """

    picture: Floats
    waves: tuple[tuple[float, int, float], ...]


@dataclass(frozen=True, slots=True)
class Passing:
    """A small light that crosses the view from one side to the other.

    Attributes:
        y: height in the picture, 0..1.
        cycles: how often it crosses in a loop; negative from right to left.
        phase: share of its way at time 0.
        size: radius before the blur, picture heights.
        colour: linear RGB.

    """

    y: float
    cycles: int
    phase: float
    size: float
    colour: tuple[float, float, float]


@dataclass(slots=True, eq=False)
class Room:
    """What a painter fills.

    Attributes:
        far: wall and what hangs on it.
        near: furniture before it; less out of focus.
        light: what falls on both.
        curtain: given, cloth before the window, which sways.
        outside: (H, W) float32, 1 where the world outside is seen: passing lights show there only.
        glows: light that changes.
        passing: lights that move.

    """

    far: Canvas
    near: Canvas
    light: Lighting
    curtain: Canvas | None = None
    outside: Floats | None = None
    glows: list[Glow] = field(default_factory=list)
    passing: list[Passing] = field(default_factory=list)


def window(room: Room, x: float, rng: Rng, *, day: bool) -> None:
    """Panes around x with a view, a frame, and often cloth at the sides that sways."""
    far, wide, top, tall = room.far, rng.uniform(0.34, 0.5), rng.uniform(-0.05, 0.12), rng.uniform(0.5, 0.72)
    left, frame = x - wide / 2, things.CREAM * 1.25
    far.rect(left - 0.03, top - 0.03, wide + 0.06, tall + 0.06, frame, shadow=0.3)
    (_daylight if day else _city)(room, left, top, wide, tall, rng)
    outside = np.zeros((far.height, far.width), np.float32)
    outside[far.box(left, top, wide, tall)] = 1.0
    room.outside = outside
    far.rect(x - 0.011, top, 0.022, tall, frame)
    if rng.random() < 0.6:
        far.rect(left, top + 0.42 * tall, wide, 0.018, frame)
    far.rect(left - 0.05, top + tall + 0.02, wide + 0.1, 0.03, frame * 0.95, shadow=0.3)
    if rng.random() < 0.6:
        things.plant(far, x + rng.uniform(-0.3, 0.3) * wide, top + tall + 0.02, rng.uniform(0.14, 0.22), rng)
    if rng.random() < 0.75:
        room.curtain = Canvas(far.height, far.width)
        tone = things.cloth(rng) * 0.7 + 0.22
        for edge, inwards in ((left - 0.08, 1.0), (left + wide + 0.08, -1.0)):
            _drape(room.curtain, edge, inwards * rng.uniform(0.12, 0.2), top - 0.06, tone, day=day)


def _drape(canvas: Canvas, x: float, width: float, top: float, tone: Floats, *, day: bool) -> None:
    folds = 7
    for k in range(folds):
        a, b = x + width * k / folds, x + width * (k + 1) / folds
        shade = tone * (0.62 + 0.38 * abs(np.sin(1.9 * k + 0.6)))
        points = np.array([(a, top), (b, top), (b + 0.1 * width, 1.05), (a, 1.05)], np.float32)
        # Thin cloth lets some of the day through where it hangs before the glass.
        canvas.polygon(points, shade, glow=shade * 0.45 * k / folds if day else None, shadow=0.0)


def _daylight(room: Room, x: float, y: float, width: float, height: float, rng: Rng) -> None:
    far, sky = room.far, black_body(rng.uniform(5600, 9500)) * rng.uniform(0.75, 1.5)
    rows, columns = far.box(x, y, width, height)
    count = rows.stop - rows.start
    far.albedo[rows, columns], far.shines = (0.0, 0.0, 0.0, 1.0), True
    far.emission[rows, columns] = sky * (1.0 - 0.25 * np.linspace(0, 1, count, dtype=np.float32))[:, None, None]
    trees = Canvas(far.height, far.width)
    crown, spread = rng.uniform(0.0, 1.0), rng.uniform(0.2, 0.5)
    for _ in range(int(rng.integers(20, 45))):
        across, up = x + rng.normal(crown, spread) * width, y + height * rng.uniform(0.3, 1.0) ** 0.6
        green = np.array([0.36, 0.48, 0.26], np.float32) * rng.uniform(0.3, 0.95) * sky
        radius = rng.uniform(0.02, 0.075)
        trees.ellipse(across, up, radius, radius * rng.uniform(0.6, 1.0), things.DARK, glow=green)
    leaves = trees.emission[rows, columns]
    view = np.where(leaves > 0, leaves, far.emission[rows, columns])
    if view.size:
        # The garden is further than the wall, so further out of focus.
        far.emission[rows, columns] = cv2.GaussianBlur(view, (0, 0), 0.012 * far.height)
    room.light.spot(x + width / 2, y + height / 2, 0.5, sky * 0.45)
    glow = Canvas(far.height, far.width)
    glow.emission[rows, columns] = sky * 0.12
    room.glows.append(Glow(glow.emission, ((0.6, 1, 0.0), (0.4, 2, 1.7))))


def _city(room: Room, x: float, y: float, width: float, height: float, rng: Rng) -> None:
    far = room.far
    rows, columns = far.box(x, y, width, height)
    count = rows.stop - rows.start
    dusk = np.array([0.03, 0.045, 0.1], np.float32) * rng.uniform(0.5, 2.0)
    far.albedo[rows, columns], far.shines = (0.0, 0.0, 0.0, 1.0), True
    fade = np.linspace(0.5, 1.6, count, dtype=np.float32)[:, None, None]
    far.emission[rows, columns] = dusk * fade
    left = x
    while left < x + width:
        wide, top = min(rng.uniform(0.05, 0.12), x + width - left), y + height * rng.uniform(0.2, 0.7)
        far.rect(left, top, wide, y + height - top, things.DARK * 0.2, glow=dusk * 0.35)
        for _ in range(int(rng.integers(4, 12))):
            lit = black_body(rng.uniform(2200, 6500)) * rng.uniform(0.6, 3.0)
            spot = left + rng.uniform(0.0, 0.8) * wide, top + rng.uniform(0.02, 0.9) * (y + height - top)
            far.rect(*spot, min(0.009, wide * 0.2), 0.011, things.DARK, glow=lit)
        left += wide + rng.uniform(-0.01, 0.02)
    traffic(room, rng, y + 0.6 * height, y + 0.95 * height)


def traffic(room: Room, rng: Rng, top: float, bottom: float) -> None:
    """Five cars' lights that pass between the heights `top` and `bottom`: red ones away, white ones along."""
    for _ in range(5):
        cycles, red = int(rng.integers(1, 3)), rng.random() < 0.5
        rgb = np.array([9.0, 0.8, 0.4]) if red else black_body(4500.0) * 7.0
        room.passing.append(
            Passing(
                rng.uniform(top, bottom), -cycles if red else cycles, rng.random(), rng.uniform(0.004, 0.007),
                (float(rgb[0]), float(rgb[1]), float(rgb[2])),
            )
        )  # fmt: skip
