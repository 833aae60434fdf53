"""Things that stand or hang in a streamer's room, painted on a `Canvas`. All of them are made up."""

from __future__ import annotations

import numpy as np

from mien.engines.cast.camera.canvas import Canvas, Lighting
from mien.engines.cast.camera.colour import Floats, black_body, f32, hue

Rng = np.random.Generator
DARK = np.array([0.02, 0.02, 0.022], np.float32)
CREAM = np.array([0.62, 0.58, 0.5], np.float32)
_WOODS = np.array([[0.36, 0.2, 0.09], [0.2, 0.1, 0.045], [0.5, 0.33, 0.18], [0.07, 0.045, 0.03], [0.66, 0.64, 0.6]])
_CLOTHS = np.array(
    [[0.45, 0.07, 0.05], [0.05, 0.13, 0.3], [0.5, 0.33, 0.08], [0.06, 0.2, 0.12], [0.6, 0.55, 0.45],
     [0.04, 0.045, 0.06], [0.3, 0.1, 0.2], [0.12, 0.3, 0.36], [0.62, 0.6, 0.58], [0.35, 0.17, 0.06]]
)  # fmt: skip


def wood(rng: Rng) -> Floats:
    """(3,) float32 reflectance of a board."""
    return np.asarray(_WOODS[rng.integers(len(_WOODS))] * rng.uniform(0.8, 1.2), dtype=np.float32)


def cloth(rng: Rng) -> Floats:
    """(3,) float32 reflectance of a book's back, a cushion, a poster's ink."""
    colour = _CLOTHS[rng.integers(len(_CLOTHS))] * rng.uniform(0.75, 1.2, 3)
    # Dyes seen across a room are duller than they are: dust, and the wall's light between.
    return np.asarray(0.66 * colour + 0.3 * colour.mean(), dtype=np.float32)


def books(canvas: Canvas, x: float, y: float, width: float, height: float, rng: Rng) -> None:
    """A row that stands on y and ends near x + width; backs of a series repeat, the last one leans."""
    right, series, left = x + width, 0, x
    colour, tall, thick = cloth(rng), 0.7, 0.015
    while left < right:
        if series == 0:
            series = int(rng.integers(1, 5))
            colour, tall, thick = cloth(rng), rng.uniform(0.55, 0.95), rng.uniform(0.012, 0.03)
        series -= 1
        top = height * tall * rng.uniform(0.97, 1.0)
        if left + thick > right:
            lean = np.array(
                [[left, y - top], [left + thick, y - top], [left + 2.2 * thick, y], [left + 1.2 * thick, y]]
            )
            canvas.polygon(lean.astype(np.float32), colour)
            break
        canvas.rect(left, y - top, thick * 0.93, top, colour)
        if thick * canvas.height > 4:
            canvas.rect(left + thick * 0.2, y - top * 0.86, thick * 0.55, top * 0.12, colour * 0.4 + CREAM * 0.4)
        canvas.rect(left, y - top, thick * 0.2, top, colour * 0.5)
        left += thick


def plant(canvas: Canvas, x: float, y: float, size: float, rng: Rng) -> None:
    """A pot on y with leaves up to `size` above it: a bush, swords, or a trailing one."""
    kind, green = rng.integers(3), np.array([0.06, 0.13, 0.045], np.float32) * rng.uniform(0.7, 1.3, 3)
    pot, tone = size * rng.uniform(0.22, 0.32), cloth(rng) if rng.random() < 0.5 else CREAM
    for _ in range(int(rng.integers(14, 26) * (1.0 if size > 0.25 else 0.6))):
        shade = (green * rng.uniform(0.4, 1.5)).astype(np.float32)
        if kind == 1:
            lean, tall = rng.normal(0, 0.22), rng.uniform(0.5, 0.95) * size
            tip = (x + lean * tall, y - pot - tall * 0.8)
            foot = x + rng.uniform(-0.3, 0.3) * pot
            blade = [(foot - 0.05 * size, y - pot), tip, (foot + 0.05 * size, y - pot)]
            canvas.polygon(np.array(blade, np.float32), shade)
            continue
        angle = rng.uniform(-1.9, 1.9) if kind == 0 else rng.uniform(-2.7, 2.7)
        reach = size * rng.uniform(0.2, 0.62)
        leaf = (x + np.sin(angle) * reach, y - pot - np.cos(angle) * reach * (0.95 if kind == 0 else 0.75))
        canvas.stroke(np.array([(x, y - pot), leaf], np.float32), 0.012 * size, f32(green * 0.6))
        long = size * rng.uniform(0.08, 0.15)
        canvas.ellipse(*leaf, long * 0.5, long, shade, turn_deg=float(np.degrees(angle)) + rng.normal(0, 25))
    wide = pot * 0.62
    canvas.polygon(
        np.array([(x - wide, y - pot), (x + wide, y - pot), (x + 0.75 * wide, y), (x - 0.75 * wide, y)], np.float32),
        tone * 0.8, shadow=0.35,
    )  # fmt: skip
    canvas.rect(x - wide * 1.06, y - pot, wide * 2.12, pot * 0.18, tone)


def poster(canvas: Canvas, x: float, y: float, width: float, height: float, rng: Rng) -> None:
    """A framed abstract print: a sun over hills, stripes, discs or blocks."""
    frame, paper = DARK if rng.random() < 0.6 else wood(rng), CREAM * rng.uniform(0.5, 1.1)
    edge = 0.012
    canvas.rect(x - edge, y - edge, width + 2 * edge, height + 2 * edge, frame, shadow=0.45)
    canvas.rect(x, y, width, height, paper)
    inner = 0.12 * width * float(rng.random() < 0.6)
    _print(canvas, x + inner, y + inner, width - 2 * inner, height - 2 * inner, rng)


def _print(canvas: Canvas, x: float, y: float, width: float, height: float, rng: Rng) -> None:
    kind, ground = rng.integers(4), cloth(rng)
    canvas.rect(x, y, width, height, ground)
    if kind == 0:
        canvas.ellipse(x + width * rng.uniform(0.3, 0.7), y + 0.36 * height, 0.2 * width, 0.2 * width, cloth(rng) + 0.1)
        for level in (0.55, 0.7, 0.84):
            ridge = y + height * (level + 0.07 * np.sin(np.linspace(0, 5, 9) + rng.uniform(0, 6)))
            line = np.stack([np.linspace(x, x + width, 9), ridge], 1)
            hill = np.concatenate([line, [[x + width, y + height], [x, y + height]]])
            canvas.polygon(hill.astype(np.float32), cloth(rng) * (1.3 - level))
    elif kind == 1:
        for k in range(int(rng.integers(4, 8))):
            canvas.rect(x, y + height * k / 8, width, height / 14, cloth(rng))
    elif kind == 2:
        for k in range(3):
            radius = width * (0.4 - 0.12 * k)
            canvas.ellipse(x + width / 2, y + height * 0.5, radius, radius, cloth(rng))
    else:
        for _ in range(5):
            left, top = rng.uniform(0, 0.6, 2)
            canvas.rect(x + left * width, y + top * height, width * rng.uniform(0.15, 0.4), height * 0.3, cloth(rng))


def lamp(canvas: Canvas, light: Lighting, x: float, y: float, size: float, rng: Rng) -> None:
    """A lit lamp with a cloth shade that stands on y, and its pool of light."""
    warm, wide = black_body(rng.uniform(2300, 3100)), size * rng.uniform(0.22, 0.34)
    canvas.rect(x - 0.012 * size, y - size, 0.024 * size, size, DARK)
    canvas.ellipse(x, y, 0.16 * size, 0.03 * size, DARK)
    tall, narrow = wide * rng.uniform(0.9, 1.3), rng.uniform(0.5, 0.95)
    top = y - size - 0.2 * tall
    for k in range(5):
        # The bulb is behind the middle of the cloth.
        low, high = k / 5, (k + 1) / 5
        a, b = wide * (narrow + (1 - narrow) * low), wide * (narrow + (1 - narrow) * high)
        band = [
            (x - a, top + low * tall),
            (x + a, top + low * tall),
            (x + b, top + high * tall),
            (x - b, top + high * tall),
        ]
        canvas.polygon(np.array(band, np.float32), CREAM, glow=(0.5 * warm + 0.42) * (1.3 - 2.6 * (low - 0.45) ** 2))
    light.spot(x, top + 0.5 * tall, 0.24, warm * 0.9)
    light.spot(x, y, 0.3, warm * 0.35)


def led_line(
    canvas: Canvas, light: Lighting, start: tuple[float, float], end: tuple[float, float], rgb: Floats
) -> None:
    """A coloured LED strip, and what it washes."""
    canvas.stroke(np.array([start, end], np.float32), 0.005, DARK, glow=(rgb + 0.2) * 2.0)
    for share in (0.15, 0.5, 0.85):
        x, y = start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
        light.spot(x, y, 0.22, rgb * 0.55)


def neon(canvas: Canvas, light: Lighting, x: float, y: float, size: float, rng: Rng) -> None:
    """A bent tube: a ring, a wave, a bolt or a heart."""
    rgb, t = hue(rng.random(), rng.uniform(0.5, 0.95)), np.linspace(0, 2 * np.pi, 40)
    kind = rng.integers(4)
    if kind == 0:
        path = np.stack([np.cos(t), np.sin(t)], 1)
    elif kind == 1:
        path = np.stack([t / np.pi - 1, 0.35 * np.sin(2 * t)], 1)
    elif kind == 2:
        path = np.array([(0.3, -1.0), (-0.4, 0.1), (0.25, 0.05), (-0.25, 1.0)])
    else:
        tall = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        path = np.stack([16 * np.sin(t) ** 3, -tall], 1) / 16
    points = (path * size / 2 + np.array([x, y])).astype(np.float32)
    canvas.stroke(points, 0.011, DARK, glow=(rgb + 0.3) * 2.2)
    light.spot(x, y, size * 0.8, rgb * 0.8)


def panels(canvas: Canvas, light: Lighting, x: float, y: float, rng: Rng) -> None:
    """Glowing hexagons, as streamers hang them."""
    turn, r = rng.random(), rng.uniform(0.035, 0.055)
    t = np.radians(np.arange(6) * 60)
    for k in range(int(rng.integers(4, 9))):
        column, row = k % 3, k // 3
        cx, cy = x + column * r * 1.58, y + (row + 0.5 * (column % 2)) * r * 1.82
        rgb = hue(turn + 0.05 * k, 0.7)
        ring = np.stack([cx + 0.93 * r * np.cos(t), cy + 0.93 * r * np.sin(t)], 1).astype(np.float32)
        canvas.polygon(ring, CREAM, glow=rgb * rng.uniform(0.5, 1.1))
    light.spot(x + r, y + r, 0.2, hue(turn + 0.1, 0.7) * 0.5)


def door(canvas: Canvas, x: float, width: float, tone: Floats) -> None:
    """A panelled door from 0.12 down to the floor, out of the picture."""
    canvas.rect(x - 0.025, 0.095, width + 0.05, 1.0, tone * 1.15, shadow=0.25)
    canvas.rect(x, 0.12, width, 1.0, tone)
    for left in (0.12, 0.55):
        for top, tall in ((0.17, 0.32), (0.55, 0.5)):
            canvas.rect(x + left * width, top, 0.33 * width, tall, tone * 0.78)
            canvas.rect(x + left * width + 0.008, top + 0.008, 0.33 * width - 0.012, tall - 0.012, tone * 0.95)
    canvas.ellipse(x + 0.91 * width, 0.66, 0.013, 0.013, np.array([0.5, 0.45, 0.35], np.float32))


def screen(canvas: Canvas, light: Lighting, x: float, y: float, width: float, rng: Rng) -> None:
    """A second monitor that shows soft coloured shapes."""
    height, turn = width * 0.56, rng.random()
    canvas.rect(x - 0.012, y - 0.012, width + 0.024, height + 0.03, DARK, shadow=0.4)
    canvas.rect(x, y, width, height, DARK, glow=hue(turn, 0.6) * 0.14)
    for _ in range(8):
        left, top = rng.uniform(0.02, 0.6, 2)
        glow = hue(turn + rng.uniform(0, 0.25), rng.uniform(0.2, 0.7)) * rng.uniform(0.15, 0.8)
        wide, tall = rng.uniform(0.12, 0.36, 2)
        canvas.rect(x + left * width, y + top * height, wide * width, tall * height, DARK, glow=glow)
    light.spot(x + width / 2, y + height / 2, width * 0.8, hue(turn, 0.5) * 0.22)


def trinket(canvas: Canvas, x: float, y: float, size: float, rng: Rng) -> None:
    """Something small that stands on y: a vase, a box, a ball, a picture, a trophy."""
    tone, kind = cloth(rng), rng.integers(5)
    if kind == 0:
        canvas.ellipse(x, y - 0.3 * size, 0.24 * size, 0.3 * size, tone, shadow=0.3)
        canvas.rect(x - 0.09 * size, y - 0.8 * size, 0.18 * size, 0.4 * size, tone)
    elif kind == 1:
        canvas.rect(x - 0.3 * size, y - 0.5 * size, 0.6 * size, 0.5 * size, tone, shadow=0.3)
        canvas.rect(x - 0.32 * size, y - 0.55 * size, 0.64 * size, 0.12 * size, tone * 0.8)
    elif kind == 2:
        canvas.ellipse(x, y - 0.36 * size, 0.3 * size, 0.3 * size, tone, shadow=0.3)
        canvas.ellipse(x - 0.09 * size, y - 0.46 * size, 0.08 * size, 0.08 * size, tone * 2.0 + 0.1)
    elif kind == 3:
        poster(canvas, x - 0.26 * size, y - 0.72 * size, 0.52 * size, 0.7 * size, rng)
    else:
        gold = np.array([0.5, 0.34, 0.1], np.float32)
        canvas.rect(x - 0.2 * size, y - 0.16 * size, 0.4 * size, 0.16 * size, DARK)
        canvas.rect(x - 0.04 * size, y - 0.4 * size, 0.08 * size, 0.3 * size, gold * 0.8)
        canvas.ellipse(x, y - 0.55 * size, 0.17 * size, 0.22 * size, gold, shadow=0.3)


def sofa(canvas: Canvas, rng: Rng) -> None:
    """The back of a sofa at the picture's foot, with a cushion or two."""
    tone, y, x, half = cloth(rng) * 0.8, rng.uniform(0.78, 0.88), rng.uniform(-0.5, 0.5), 0.46
    for side in (-1, 1):
        canvas.ellipse(x + side * half, y + 0.07, 0.07, 0.07, tone * 0.85)
        canvas.rect(x + side * half - 0.07, y + 0.06, 0.14, 0.4, tone * 0.85)
        canvas.ellipse(x + side * (half - 0.06), y + 0.04, 0.05, 0.04, tone)
    canvas.rect(x - half + 0.05, y, 2 * half - 0.1, 0.4, tone, shadow=0.3)
    canvas.rect(x - 0.004, y, 0.008, 0.4, tone * 0.5)
    for _ in range(int(rng.integers(1, 3))):
        t, turn, size = np.radians([45, 135, 225, 315]), rng.uniform(-0.4, 0.4), rng.uniform(0.08, 0.12)
        corners = np.stack([np.cos(t + turn), np.sin(t + turn)], 1) * size
        at = np.array([x + rng.uniform(-0.32, 0.32), y + rng.uniform(0.06, 0.12)])
        canvas.polygon((corners + at).astype(np.float32), cloth(rng) * 0.9 + 0.06, shadow=0.3)
