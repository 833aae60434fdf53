"""Draws the light that webcams see: windows, lamps, rings, screens, ceilings, LEDs, nights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mien.engines.cast.camera.colour import LUMA, Floats, Triple, black_body, f32, hue, triple
from mien.engines.cast.camera.light import Catchlight, Rig, frontal

#: Luminance on a surface that faces the camera, for which the presets and the tone curve are made.
_LEVEL = 1.7
_DARK = np.zeros(3, np.float32)

Draw = Callable[[np.random.Generator], Rig]


def draw_rig(rng: np.random.Generator) -> Rig:
    """A believable light: one of the settings below, then a camera that balances white and exposes, not perfectly.

    The colours are scaled so that a face is lit about as by the presets; what the camera got wrong is in `exposure`.
    """
    draws, weights = zip(*_SETTINGS, strict=True)
    rig = draws[int(rng.choice(len(draws), p=np.array(weights) / sum(weights)))](rng)
    seen = frontal(rig)
    # A camera balances for most of the colour that it sees, in real life for more by day than by lamp light.
    share = rng.uniform(0.35, 0.92)
    balance = (float(LUMA @ seen) / np.maximum(seen, 0.04 * float(LUMA @ seen))) ** share
    level = _LEVEL / float(LUMA @ (seen * balance))
    exposure = float(np.clip(rng.lognormal(-0.06, 0.24) * rig.exposure, 0.35, 1.7))
    return replace(_graded(rig, f32(balance * level)), exposure=exposure)


def _graded(rig: Rig, gain: Floats) -> Rig:
    # Four times the face's level is where a lamp behind is blown out whatever its true strength.
    def graded(colour: Triple) -> Triple:
        return triple(f32(np.clip(np.array(colour) * gain, 0.0, 6.0)))

    return replace(
        rig, key_colour=graded(rig.key_colour), fill_colour=graded(rig.fill_colour), rim_colour=graded(rig.rim_colour),
        sky=graded(rig.sky), ground=graded(rig.ground),
    )  # fmt: skip


def _side(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _rig(
    key: tuple[float, float], key_rgb: Floats, spread: float, *, fill: tuple[float, float] = (30.0, 5.0),
    fill_rgb: Floats = _DARK, rim: tuple[float, float] = (150.0, 35.0), rim_rgb: Floats = _DARK,
    sky: Floats = _DARK, ground: Floats = _DARK, catchlight: Catchlight = "softbox", fill_spread: float = 0.8,
    rim_spread: float = 0.4, exposure: float = 1.0,
) -> Rig:  # fmt: skip
    return Rig(
        key=key, key_colour=triple(key_rgb), key_spread=spread, fill=fill, fill_colour=triple(fill_rgb),
        rim=rim, rim_colour=triple(rim_rgb), sky=triple(sky), ground=triple(ground), catchlight=catchlight,
        fill_spread=fill_spread, rim_spread=rim_spread, exposure=exposure,
    )  # fmt: skip


def _window(rng: np.random.Generator) -> Rig:
    """Daylight from a side; the room answers from the other."""
    side, day = _side(rng), black_body(rng.uniform(5200, 8000))
    room = f32(day * (0.6 + 0.4 * rng.random()) + 0.4 * black_body(rng.uniform(2900, 5000)))
    return _rig(
        (side * rng.uniform(20, 78), rng.uniform(4, 36)), day, rng.uniform(0.4, 0.95),
        fill=(-side * rng.uniform(25, 70), rng.uniform(-5, 20)), fill_rgb=room * rng.uniform(0.08, 0.3),
        rim=(-side * rng.uniform(120, 160), rng.uniform(10, 45)), rim_rgb=room * rng.uniform(0.0, 0.35),
        sky=room * rng.uniform(0.14, 0.4), ground=room * rng.uniform(0.08, 0.22), catchlight="window",
    )  # fmt: skip


def _ring(rng: np.random.Generator) -> Rig:
    """A ring light around or just above the camera; the room behind it is dimmer."""
    white, room = black_body(rng.uniform(3200, 6500)), black_body(rng.uniform(2700, 5000))
    return _rig(
        (rng.uniform(-8, 8), rng.uniform(4, 22)), white, rng.uniform(0.2, 0.42),
        fill=(_side(rng) * rng.uniform(30, 80), rng.uniform(10, 50)), fill_rgb=room * rng.uniform(0.05, 0.3),
        rim=(_side(rng) * rng.uniform(120, 165), rng.uniform(20, 50)), rim_rgb=room * rng.uniform(0.0, 0.5),
        sky=room * rng.uniform(0.06, 0.22), ground=white * rng.uniform(0.05, 0.16), catchlight="ring",
    )  # fmt: skip


def _monitor(rng: np.random.Generator) -> Rig:
    """The screen is the strongest light: large, near, in front and below, bluish or in a game's colour."""
    glow = black_body(rng.uniform(6500, 12000))
    if rng.random() < 0.3:
        glow = 0.45 * glow + 0.8 * hue(rng.random(), rng.uniform(0.3, 0.7))
    lamp = black_body(rng.uniform(2500, 4000))
    return _rig(
        (rng.uniform(-22, 22), rng.uniform(-24, -4)), glow, rng.uniform(0.4, 0.75),
        fill=(_side(rng) * rng.uniform(30, 85), rng.uniform(5, 50)), fill_rgb=lamp * rng.uniform(0.1, 0.55),
        rim=(_side(rng) * rng.uniform(115, 165), rng.uniform(15, 45)), rim_rgb=lamp * rng.uniform(0.0, 0.7),
        sky=lamp * rng.uniform(0.06, 0.24), ground=glow * rng.uniform(0.1, 0.25), catchlight="window",
        exposure=rng.uniform(0.75, 1.0),
    )  # fmt: skip


def _ceiling(rng: np.random.Generator) -> Rig:
    """A lamp overhead: shaded sockets, a bright brow; the desk and the screen send some of it back up."""
    lamp, desk = black_body(rng.uniform(2700, 5200)), black_body(rng.uniform(3000, 6500))
    return _rig(
        (rng.uniform(-50, 50), rng.uniform(46, 74)), lamp, rng.uniform(0.3, 0.7),
        fill=(rng.uniform(-40, 40), rng.uniform(-20, 8)), fill_rgb=desk * rng.uniform(0.12, 0.4),
        rim=(_side(rng) * rng.uniform(130, 175), rng.uniform(45, 65)), rim_rgb=lamp * rng.uniform(0.1, 0.8),
        sky=lamp * rng.uniform(0.2, 0.5), ground=desk * rng.uniform(0.1, 0.28),
        catchlight="strip" if rng.random() < 0.5 else "softbox",
    )  # fmt: skip


def _lamp(rng: np.random.Generator) -> Rig:
    """A lamp on the desk, and another one, or a window, behind."""
    side, lamp = _side(rng), black_body(rng.uniform(2500, 4200))
    behind = black_body(rng.uniform(2700, 7500))
    return _rig(
        (side * rng.uniform(15, 65), rng.uniform(0, 40)), lamp, rng.uniform(0.18, 0.45),
        fill=(-side * rng.uniform(20, 70), rng.uniform(-10, 15)), fill_rgb=behind * rng.uniform(0.08, 0.35),
        rim=(-side * rng.uniform(120, 165), rng.uniform(15, 50)), rim_rgb=behind * rng.uniform(0.5, 1.8),
        sky=lamp * rng.uniform(0.08, 0.25), ground=lamp * rng.uniform(0.06, 0.2),
    )  # fmt: skip


def _studio(rng: np.random.Generator) -> Rig:
    """A streamer who bought lights: softbox, fill and a rim."""
    side, white = _side(rng), black_body(rng.uniform(4300, 6200))
    return _rig(
        (side * rng.uniform(18, 48), rng.uniform(12, 36)), white, rng.uniform(0.4, 0.7),
        fill=(-side * rng.uniform(25, 55), rng.uniform(0, 18)), fill_rgb=white * rng.uniform(0.18, 0.55),
        rim=(-side * rng.uniform(125, 160), rng.uniform(25, 45)), rim_rgb=white * rng.uniform(0.3, 1.4),
        sky=white * rng.uniform(0.12, 0.32), ground=white * rng.uniform(0.08, 0.2),
        catchlight="strip" if rng.random() < 0.25 else "softbox",
    )  # fmt: skip


def _night(rng: np.random.Generator) -> Rig:
    """One dim lamp and the glow of a screen; the camera does not get it all back."""
    side, lamp = _side(rng), black_body(rng.uniform(2200, 3400))
    glow = black_body(rng.uniform(7000, 12000))
    return _rig(
        (side * rng.uniform(25, 80), rng.uniform(0, 45)), lamp, rng.uniform(0.15, 0.4),
        fill=(-side * rng.uniform(0, 30), rng.uniform(-25, -6)), fill_rgb=glow * rng.uniform(0.15, 0.75),
        rim=(-side * rng.uniform(110, 165), rng.uniform(10, 45)), rim_rgb=lamp * rng.uniform(0.0, 0.5),
        sky=lamp * rng.uniform(0.03, 0.1), ground=glow * rng.uniform(0.03, 0.1), catchlight="window",
        exposure=rng.uniform(0.4, 0.85),
    )  # fmt: skip


def _overcast(rng: np.random.Generator) -> Rig:
    """Grey light from everywhere, most of it from above."""
    grey = black_body(rng.uniform(6000, 7800))
    return _rig(
        (rng.uniform(-50, 50), rng.uniform(25, 60)), grey, rng.uniform(0.9, 1.3),
        fill=(rng.uniform(-60, 60), rng.uniform(0, 25)), fill_rgb=grey * rng.uniform(0.2, 0.5), fill_spread=1.2,
        rim=(_side(rng) * rng.uniform(120, 170), rng.uniform(25, 60)), rim_rgb=grey * rng.uniform(0.1, 0.5),
        sky=grey * rng.uniform(0.5, 0.95), ground=grey * rng.uniform(0.2, 0.42), catchlight="window", rim_spread=0.9,
    )  # fmt: skip


def _golden(rng: np.random.Generator) -> Rig:
    """A low sun through a window: small, warm, hard; the sky fills in blue."""
    side, sun = _side(rng), black_body(rng.uniform(2100, 3400))
    blue = black_body(rng.uniform(7500, 12000))
    return _rig(
        (side * rng.uniform(28, 75), rng.uniform(2, 18)), sun, rng.uniform(0.06, 0.25),
        fill=(-side * rng.uniform(10, 60), rng.uniform(0, 20)), fill_rgb=blue * rng.uniform(0.1, 0.32),
        rim=(side * rng.uniform(95, 150), rng.uniform(5, 25)), rim_rgb=sun * rng.uniform(0.2, 1.6),
        sky=blue * rng.uniform(0.12, 0.35), ground=sun * rng.uniform(0.06, 0.2), catchlight="window",
    )  # fmt: skip


def _leds(rng: np.random.Generator) -> Rig:
    """A plain key, and coloured LEDs from the sides and behind: often pink against blue."""
    side, turn = _side(rng), rng.random()
    first, second = hue(turn, rng.uniform(0.6, 0.98)), hue(turn + rng.uniform(0.2, 0.6), rng.uniform(0.6, 0.98))
    key = black_body(rng.uniform(4000, 7500)) if rng.random() < 0.75 else 0.4 + 0.6 * first
    return _rig(
        (side * rng.uniform(5, 45), rng.uniform(0, 30)), key, rng.uniform(0.3, 0.6),
        fill=(-side * rng.uniform(55, 88), rng.uniform(-5, 25)), fill_rgb=second * rng.uniform(0.3, 1.1),
        rim=(side * rng.uniform(105, 155), rng.uniform(5, 40)), rim_rgb=first * rng.uniform(0.6, 2.4),
        sky=(0.3 + first) * rng.uniform(0.04, 0.14), ground=(0.3 + second) * rng.uniform(0.04, 0.14),
        catchlight="ring" if rng.random() < 0.4 else "softbox", exposure=rng.uniform(0.7, 1.0),
    )  # fmt: skip


#: How often each is met among people who stream or call; by judgement, no survey was found.
_SETTINGS: tuple[tuple[Draw, float], ...] = (
    (_window, 0.20), (_ring, 0.10), (_monitor, 0.12), (_ceiling, 0.12), (_lamp, 0.10), (_studio, 0.10),
    (_night, 0.09), (_overcast, 0.06), (_golden, 0.05), (_leds, 0.06),
)  # fmt: skip
