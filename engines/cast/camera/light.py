"""Lamps: three and a dome, as the renderer takes them; `rigs.draw_rig` draws them at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.engines.cast.camera.colour import LUMA, Floats, Triple, triple

#: Shape of the key lamp's highlight in an eye.
Catchlight = Literal["softbox", "window", "ring", "strip"]


@dataclass(frozen=True, slots=True)
class Rig:
    """Three lamps and a dome; a lamp is its azimuth and elevation in degrees (0, 0 is the camera) and its colour.

    Attributes:
        key: azimuth (to the picture's right), elevation.
        key_colour: linear RGB times intensity.
        key_spread: tangent of the lamp's half angle; wide lamps give soft shadows.
        fill: as key.
        fill_colour: as key.
        rim: as key.
        rim_colour: as key.
        sky: light from above.
        ground: light from below.
        fill_spread: as key_spread.
        rim_spread: as key_spread.
        catchlight: shape of the key's highlight in an eye.
        exposure: gain of the whole picture before the tone curve, 1 as exposed by a good camera.

    """

    key: tuple[float, float]
    key_colour: Triple
    key_spread: float
    fill: tuple[float, float]
    fill_colour: Triple
    rim: tuple[float, float]
    rim_colour: Triple
    sky: Triple
    ground: Triple
    fill_spread: float = 0.8
    rim_spread: float = 0.4
    catchlight: Catchlight = "softbox"
    exposure: float = 1.0


#: Even and nearly frontal: a portrait becomes a face texture, and baked-in shadows would travel with it.
PORTRAIT = Rig(
    key=(-24.0, 30.0), key_colour=(1.52, 1.42, 1.30), key_spread=0.55,
    fill=(38.0, 8.0), fill_colour=(0.62, 0.62, 0.64),
    rim=(150.0, 38.0), rim_colour=(1.0, 0.94, 0.86),
    sky=(0.52, 0.53, 0.56), ground=(0.30, 0.26, 0.23),
)  # fmt: skip
#: A desk by a window, as a webcam sees it.
DESK = Rig(
    key=(-36.0, 28.0), key_colour=(1.62, 1.46, 1.28), key_spread=0.5,
    fill=(48.0, 4.0), fill_colour=(0.40, 0.43, 0.50),
    rim=(140.0, 32.0), rim_colour=(0.95, 0.98, 1.10),
    sky=(0.44, 0.46, 0.50), ground=(0.25, 0.22, 0.20), catchlight="window",
)  # fmt: skip


def direction(azimuth_deg: float, elevation_deg: float) -> Floats:
    """(3,) float32 unit vector towards a lamp; the camera stands at -y."""
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    return np.array(
        [np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)], np.float32
    )


def frontal(rig: Rig) -> Floats:
    """(3,) float32 linear RGB: the light, shadows aside, on a surface that faces the camera; `exposure` aside."""
    out = 0.5 * (np.array(rig.sky, np.float32) + np.array(rig.ground, np.float32))
    for lamp, colour in ((rig.key, rig.key_colour), (rig.fill, rig.fill_colour), (rig.rim, rig.rim_colour)):
        out = out + np.array(colour, np.float32) * max(-float(direction(*lamp)[1]), 0.0)
    return out


def ambient(rig: Rig) -> Triple:
    """Linear RGB by which the room behind a person is multiplied so that it agrees loosely with the rig; about 1.

    A wall takes the light of the dome and a share of the lamps, and by exposure it is bright or dark with the face.
    """
    dome = 0.5 * (np.array(rig.sky, np.float32) + np.array(rig.ground, np.float32))
    light = 0.34 * frontal(rig) + 1.2 * dome
    grey = float(LUMA @ light)
    # Half of the tint: what stands behind has lamps of its own.
    tint = (light / max(grey, 1e-4)) ** 0.5
    return triple(np.clip(tint * np.clip(grey, 0.35, 1.5) * rig.exposure, 0.05, 2.0).astype(np.float32))
