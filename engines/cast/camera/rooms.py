"""The rooms behind a person, one painter for each `BackdropStyle`, built from `furniture`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np

from mien.engines.cast.camera import furniture as things
from mien.engines.cast.camera.canvas import Canvas, Lighting
from mien.engines.cast.camera.colour import Floats, black_body, f32, hue
from mien.engines.cast.camera.window import Glow, Room, traffic, window
from mien.engines.cast.look import BackdropStyle

Rng = np.random.Generator


def paint(style: BackdropStyle, height: int, width: int, colour: Floats, tint: Floats, rng: Rng) -> Room:
    """A room of `style`, in focus. colour (3,) is the wall's reflectance, tint (3,) the light that fills the room."""
    far = Canvas(height, width)
    room = Room(far, Canvas(height, width), Lighting(far, tint))
    far.fill(colour)
    _PAINTERS[style](room, colour, rng)
    room.light.mottle(0.03, rng)
    return room


def _plain(room: Room, colour: Floats, rng: Rng) -> None:
    _wall(room, colour, rng, bare=True)
    _leaf_shadows(room, rng)


def _gradient(room: Room, colour: Floats, rng: Rng) -> None:
    """A studio's paper with a coloured light from each side."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    room.light.slope(rng.uniform(-0.25, 0.45), side * rng.uniform(0.1, 0.6))
    room.light.spot(
        side * rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.8), 0.55, black_body(rng.uniform(3000, 7500)) * 0.5
    )
    turn = rng.random()
    for k, x in enumerate((-0.75, 0.75)):
        wash = hue(turn + 0.22 * k, rng.uniform(0.35, 0.85)) * rng.uniform(0.2, 1.3)
        room.light.spot(x, rng.uniform(0.2, 0.9), 0.5, wash)
        pool = Lighting(room.far, np.zeros(3, np.float32))
        pool.spot(x * 0.7, rng.uniform(0.2, 0.8), 0.4, hue(turn + 0.22 * k + 0.1, 0.6) * 0.22)
        room.glows.append(Glow(pool.spread() * colour, ((1.0, 1, 2.1 * k),)))


def _bokeh(room: Room, colour: Floats, rng: Rng) -> None:
    """Small lights far out of focus: fairy lights, a street, or a garden."""
    kind = rng.integers(3)
    room.light.slope(-0.3, rng.uniform(-0.5, 0.5))
    # Between a garden's leaves is pale sky, whatever the wall would have been.
    room.far.fill(f32(0.2 * colour + np.array([0.22, 0.27, 0.28])) if kind == 2 else colour * 0.35)
    ground = np.array([0.05, 0.11, 0.03], np.float32) if kind == 2 else colour * 0.5
    for _ in range(14):
        x, y = rng.uniform(-0.95, 0.95), rng.uniform(0, 1)
        a, b, shade = rng.uniform(0.08, 0.3), rng.uniform(0.08, 0.3), ground * rng.uniform(0.3, 2.0)
        room.far.ellipse(x, y, a, b, shade, turn_deg=rng.uniform(0, 90))
    # What is behind the lights is further still.
    room.far.albedo = f32(cv2.GaussianBlur(room.far.albedo, (0, 0), 0.05 * room.far.height))
    for group in range(3):
        bulbs = Canvas(room.far.height, room.far.width)
        start, sag = rng.uniform(0.02, 0.5), rng.uniform(0.05, 0.3)
        for x in rng.uniform(-0.95, 0.95, rng.integers(7, 16)):
            # Fairy lights hang on a string; the others are anywhere.
            y = start + sag * np.cos(3.3 * x + group) if kind == 0 else rng.uniform(0.02, 0.85) ** 1.2
            _bulb(bulbs, float(x), float(y), int(kind), rng)
        room.far.emission += bulbs.emission
        room.glows.append(
            Glow(bulbs.emission, ((0.22, 1 + group, rng.uniform(0, 6)), (0.1, 5 + group, rng.uniform(0, 6))))
        )
    if kind == 1:
        traffic(room, rng, 0.35, 0.8)


def _bulb(canvas: Canvas, x: float, y: float, kind: int, rng: Rng) -> None:
    size = rng.uniform(0.004, 0.009)
    if kind == 0:
        rgb = black_body(rng.uniform(2000, 3000)) * rng.uniform(4, 14)
    elif kind == 1:
        coloured = hue(rng.random(), 0.8) * 12
        rgb = coloured if rng.random() < 0.35 else black_body(rng.uniform(2000, 6000)) * rng.uniform(3, 14)
    else:
        rgb = (black_body(rng.uniform(4500, 6000)) + np.array([0.0, 0.25, 0.0])) * rng.uniform(2, 9)
    canvas.ellipse(x, y, size, size, things.DARK, glow=np.asarray(rgb, np.float32))


def _room(room: Room, colour: Floats, rng: Rng) -> None:
    """A living room or a study by day."""
    _wall(room, colour, rng)
    slots = [x + rng.uniform(-0.05, 0.05) for x in (-0.66, -0.36, 0.0, 0.36, 0.66)]
    order = [int(slot) for slot in rng.permutation(5)]
    if rng.random() < 0.55:
        order = _windowed(room, slots, order, rng, day=True)
    if order and rng.random() < 0.22:
        wide, tone = rng.uniform(0.3, 0.36), things.CREAM * 0.95 if rng.random() < 0.6 else things.wood(rng)
        things.door(room.far, slots[order.pop()] - wide / 2, wide, tone)
    if order and rng.random() < 0.3:
        _streamer_light(room, slots[order.pop()], rng)
    for slot in order:
        _piece(room, slots[slot], rng)
    if rng.random() < 0.3:
        things.sofa(room.near, rng)
    if not room.glows:
        _leaf_shadows(room, rng)


def _piece(room: Room, x: float, rng: Rng, *, lamps: bool = True, kind: float | None = None) -> None:
    """One of what a wall carries or what stands before it; `kind`, 0..1, picks it."""
    kind = rng.random() if kind is None else kind
    kind = 0.1 if 0.52 <= kind < 0.68 and not lamps else kind
    if kind < 0.32:
        wide = rng.uniform(0.14, 0.24)
        things.poster(room.far, x - wide / 2, rng.uniform(0.1, 0.28), wide, wide * rng.uniform(1.1, 1.45), rng)
    elif kind < 0.52:
        things.plant(room.near, x, rng.uniform(1.0, 1.1), rng.uniform(0.45, 0.75), rng)
    elif kind < 0.68:
        things.lamp(room.near, room.light, x, 1.04, rng.uniform(0.45, 0.75), rng)
    elif kind < 0.86:
        for y in (rng.uniform(0.26, 0.36), rng.uniform(0.56, 0.66)):
            _board(room, room.far, x - 0.13, y, 0.26, 0.2, rng)
    else:
        _chest(room, x, rng)


def _shelves(room: Room, colour: Floats, rng: Rng) -> None:
    """A wall of boards: books, plants and things."""
    _wall(room, colour, rng, bare=True)
    tone, rows, half = things.wood(rng), int(rng.integers(3, 5)), room.far.half + 0.02
    back = tone * 0.45 if rng.random() < 0.6 else colour * 0.8
    room.far.rect(-half, 0.0, 2 * half, 1.0, back)
    pitch, first = 0.94 / rows, rng.uniform(0.16, 0.26)
    lit = rng.random() < 0.4
    rgb = hue(rng.random(), 0.75) if rng.random() < 0.5 else black_body(2700.0) * 0.8
    edges = np.cumsum(np.r_[-0.95 + rng.uniform(-0.2, 0.1), rng.uniform(0.34, 0.5, 6)])
    for row in range(rows + 1):
        y = first + row * pitch
        for left, right in pairwise(edges):
            _board(room, room.far, left, y, right - left, pitch * 0.82, rng, tone=tone)
        if lit:
            things.led_line(room.far, room.light, (-half, y - pitch + 0.025), (half, y - pitch + 0.025), rgb * 0.45)
    for x in edges:
        room.far.rect(x - 0.008, 0.0, 0.016, 1.0, tone * 0.8, shadow=0.3)
    if rng.random() < 0.5:
        things.plant(room.near, rng.choice([-1, 1]) * rng.uniform(0.34, 0.7), 1.05, rng.uniform(0.4, 0.6), rng)
    if lit:
        wash = Lighting(room.far, np.zeros(3, np.float32))
        wash.spot(0.0, 0.5, 0.8, rgb * 0.1)
        room.glows.append(Glow(wash.spread() * tone, ((1.0, 1, 0.0), (0.4, 3, 1.0))))
    else:
        _leaf_shadows(room, rng)


def _night(room: Room, colour: Floats, rng: Rng) -> None:
    """The same rooms after dark: a city outside, lamps, neon, a second screen."""
    room.light.map *= rng.uniform(0.06, 0.22)
    _wall(room, colour, rng)
    slots = [x + rng.uniform(-0.05, 0.05) for x in (-0.64, -0.36, 0.04, 0.38, 0.66)]
    order = [int(slot) for slot in rng.permutation(5)]
    if rng.random() < 0.6:
        order = _windowed(room, slots, order, rng, day=False)
    x = slots[order.pop()] if order else 0.0
    if order:
        _streamer_light(room, slots[order.pop()], rng)
    for slot in order:
        _piece(room, slots[slot], rng, lamps=bool(rng.random() < 0.4))
    if rng.random() < 0.5:
        things.screen(room.near, room.light, x - 0.18, rng.uniform(0.42, 0.6), 0.36, rng)
        flicker = Lighting(room.far, np.zeros(3, np.float32))
        flicker.spot(x, 0.5, 0.35, hue(rng.random(), 0.5) * 0.5)
        waves = ((0.3, 5, 0.0), (0.25, 11, 1.3), (0.2, 17, 2.9))
        room.glows.append(Glow(flicker.spread() * (colour + 0.05), waves))
    else:
        _piece(room, x, rng, kind=0.6)
        ember = Lighting(room.far, np.zeros(3, np.float32))
        ember.spot(x, 0.5, 0.4, black_body(2300.0) * 0.12)
        room.glows.append(Glow(ember.spread() * colour, ((0.4, 2, 0.0), (0.3, 5, 1.3))))


def _wall(room: Room, colour: Floats, rng: Rng, *, bare: bool = False) -> None:
    """Paint, an accent, slats or a corner; light that falls off to a side."""
    half, level = room.far.half, float(room.light.map.mean())
    room.light.slope(rng.uniform(-0.45, 0.1), rng.uniform(-0.6, 0.6))
    if rng.random() < 0.8:
        pool = black_body(rng.uniform(2800, 6800)) * rng.uniform(0.15, 0.6) * level
        room.light.map *= 0.8
        room.light.spot(rng.uniform(-0.8, 0.8), rng.uniform(-0.1, 0.5), rng.uniform(0.3, 0.6), pool)
    if bare:
        return
    kind = rng.random()
    if kind < 0.3:
        corner, side = rng.uniform(0.3, 0.8), rng.choice([-1.0, 1.0])
        edge, out = side * corner, side * (half + 0.1)
        face = [(edge, 0.0), (out, 0.0), (out, 1.0), (edge, 1.0)]
        room.far.polygon(np.array(face, np.float32), colour * rng.uniform(0.55, 0.8))
    elif kind < 0.45:
        tone, pitch, left = things.wood(rng), rng.uniform(0.022, 0.035), rng.uniform(-0.9, 0.1)
        for x in np.arange(left, left + rng.uniform(0.5, 1.2), pitch):
            room.far.rect(x, 0.0, pitch, 1.0, things.DARK)
            room.far.rect(x, 0.0, pitch * 0.66, 1.0, tone * rng.uniform(0.85, 1.1))
    elif kind < 0.6:
        room.far.rect(-half, rng.uniform(0.5, 0.68), 2 * half, 1.0, colour * 0.55 + things.cloth(rng) * 0.3)
    if rng.random() < 0.25:
        room.far.rect(-half, 0.0, 2 * half, rng.uniform(0.03, 0.1), np.minimum(colour * 1.5 + 0.12, 0.85), shadow=0.2)


def _windowed(room: Room, slots: list[float], order: list[int], rng: Rng, *, day: bool) -> list[int]:
    """Panes with a view, a frame, and cloth at its sides that sways; gives the places that are left on the wall."""
    taken = order[-1]
    window(room, slots[taken], rng, day=day)
    free = [slot for slot in order[:-1] if abs(slots[slot] - slots[taken]) > 0.45]
    for slot in order[:-1]:
        if slot not in free and rng.random() < 0.6:
            # Before a window things may stand, not hang.
            _piece(room, slots[slot], rng, kind=float(rng.choice([0.4, 0.6, 0.9])))
    return free


def _leaf_shadows(room: Room, rng: Rng) -> None:
    """Sunlight through leaves that move: two patterns in quadrature pass into each other."""
    far, sun = room.far, black_body(rng.uniform(3600, 6000)) * rng.uniform(0.01, 0.07)
    x0 = rng.uniform(-0.6, 0.6)
    for phase in (0.0, np.pi / 2):
        spots = Lighting(far, np.zeros(3, np.float32))
        for _ in range(9):
            spots.spot(x0 + rng.normal(0, 0.2), rng.uniform(0.0, 0.8), rng.uniform(0.05, 0.12), sun)
        room.glows.append(Glow(spots.spread() * far.albedo[:, :, :3] * 2.5, ((0.6, 1, phase), (0.4, 3, 2 * phase))))


def _board(
    room: Room, canvas: Canvas, x: float, y: float, width: float, height: float, rng: Rng, *, tone: Floats | None = None
) -> None:
    """A shelf's board under y with something on it, `height` at most."""
    # Its own dice, so that what is out of view can be skipped and the rest stays as it is in a wider picture.
    rng = np.random.default_rng(int(rng.integers(2**31)))
    if abs(x + width / 2) - width > canvas.half or y - height > 1.0:
        return
    tone = things.wood(rng) if tone is None else tone
    canvas.rect(x, y, width, 0.018, tone * 1.1, shadow=0.45)
    left = x + 0.02
    while left < x + width - 0.06:
        share, kind = rng.uniform(0.07, 0.2), rng.random()
        share = min(share, x + width - 0.02 - left)
        if kind < 0.6:
            things.books(canvas, left, y, share, height, rng)
        elif kind < 0.75:
            things.plant(canvas, left + share / 2, y, min(height * 0.9, 0.2), rng)
        elif kind < 0.95:
            things.trinket(canvas, left + share / 2, y, min(height * 0.9, 0.16), rng)
        left += share + 0.012


def _chest(room: Room, x: float, rng: Rng) -> None:
    """A chest of drawers with a lamp or things on it."""
    tone, top, wide = things.wood(rng), rng.uniform(0.66, 0.78), rng.uniform(0.3, 0.42)
    room.near.rect(x - wide / 2, top, wide, 0.5, tone, shadow=0.3)
    room.near.rect(x - wide / 2 - 0.01, top - 0.015, wide + 0.02, 0.025, tone * 1.25)
    for y in (top + 0.13, top + 0.27):
        room.near.rect(x - wide / 2 + 0.01, y, wide - 0.02, 0.006, tone * 0.4)
    if rng.random() < 0.5:
        things.lamp(room.near, room.light, x, top - 0.01, rng.uniform(0.14, 0.2), rng)
    else:
        things.plant(room.near, x - wide * 0.28, top - 0.01, rng.uniform(0.16, 0.3), rng)
        things.trinket(room.near, x + wide * 0.22, top - 0.01, 0.14, rng)


def _streamer_light(room: Room, x: float, rng: Rng) -> None:
    """Neon or hexagons at x, or a strip of LEDs."""
    kind = rng.integers(3)
    if kind == 0:
        things.neon(room.far, room.light, x, rng.uniform(0.18, 0.35), rng.uniform(0.16, 0.26), rng)
    elif kind == 1:
        things.panels(room.far, room.light, x - 0.06, rng.uniform(0.1, 0.25), rng)
    else:
        y, rgb = rng.uniform(0.02, 0.1), hue(rng.random(), rng.uniform(0.6, 0.95))
        things.led_line(room.far, room.light, (-room.far.half, y), (room.far.half, y), rgb)
        wash = Lighting(room.far, np.zeros(3, np.float32))
        wash.spot(0.0, y, 0.5, rgb * 0.3)
        room.glows.append(Glow(wash.spread() * 0.3, ((0.5, 1, 0.0),)))


_PAINTERS: dict[BackdropStyle, Callable[[Room, Floats, Rng], None]] = {
    "plain": _plain, "gradient": _gradient, "bokeh": _bokeh, "room": _room, "shelves": _shelves, "night": _night,
}  # fmt: skip
