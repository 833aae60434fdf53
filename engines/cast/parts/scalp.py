"""Where head hair grows and what colour it has: the hairline as a field that skin and strands share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body, data_folder, read_picture
from mien.engines.cast.look import Look

Floats = NDArray[np.float32]

#: Linear RGB of hair by melanin 0 (blond) to 1 (black).
_HAIRS = np.array(
    [[0.42, 0.27, 0.12], [0.2, 0.105, 0.048], [0.075, 0.04, 0.022], [0.034, 0.021, 0.014], [0.018, 0.013, 0.011]]
)
#: Pheomelanin alone: copper.
_RED_HAIR = np.array([0.26, 0.075, 0.02])
_WHITE_HAIR = np.array([0.46, 0.45, 0.44])

#: Hairline: elevation in degrees above the head's centre at azimuths from the front (0) to the back (180), on a head
#: whose ears stand at `_EAR_DEG`: forehead, recess of the temple, its peak, sideburn, arch over the ear, nape.
_EAR_DEG = 78.0
_AZIMUTH = np.array(
    [0.0, 12.0, 24.0, 34.0, 40.0, 44.0, 47.0, 51.0, 57.0, 62.0, 68.0, 73.0, 84.0, 92.0, 100.0, 114.0, 132.0, 180.0]
)
_FEMALE = np.array(
    [28.0, 28.0, 28.0, 28.5, 27.0, 21.0, 13.0, 6.0, 0.0, -6.0, -9.0, 5.0, 5.0, -6.0, -24.0, -38.0, -48.0, -54.0]
)
_MALE = np.array(
    [29.5, 30.0, 31.0, 32.0, 31.0, 24.0, 15.0, 7.0, 0.0, -9.0, -15.0, 5.0, 5.0, -6.0, -24.0, -36.0, -46.0, -52.0]
)


@dataclass(frozen=True, slots=True, eq=False)
class Hairline:
    """The edge of one person's hair, as an elevation over azimuth around the middle of the skull.

    Attributes:
        centre: (3,) float32, m.
        azimuth: (K,) degrees, -180 to 180, positive on the person's left.
        elevation: (K,) degrees.
        soft: degrees over which hair thins out at the front.

    """

    centre: Floats
    azimuth: Floats
    elevation: Floats
    soft: float

    def above(self, points: Floats) -> Floats:
        """(N,) float32: degrees of elevation above the line at (N, 3) points; negative on bare skin."""
        offset = points - self.centre
        azimuth = np.degrees(np.arctan2(offset[:, 0], -offset[:, 1]))
        elevation = np.degrees(np.arctan2(offset[:, 2], np.hypot(offset[:, 0], offset[:, 1])))
        return np.asarray(elevation - np.interp(azimuth, self.azimuth, self.elevation), dtype=np.float32)

    def grown(self, points: Floats) -> Floats:
        """(N,) float32 0..1: how densely hair grows at (N, 3) points of the skin (ears not looked at)."""
        share = np.clip(self.above(points) / self.soft + 0.4, 0.0, 1.0)
        return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def hairline(body: Body, look: Look, seed: int = 0) -> Hairline:
    """The hairline of one person: temples, widow's peak and recession vary by sex, age and seed."""
    rng = np.random.default_rng((seed, 0x5CA1))
    azimuth = np.linspace(-180.0, 180.0, 361)
    side = np.abs(azimuth)
    ear = _ear_azimuth(body)
    # The table's ear is moved to where this head has it.
    placed = np.where(side < ear, side * _EAR_DEG / ear, 180 - (180 - side) * (180 - _EAR_DEG) / (180 - ear))
    line = np.interp(placed, _AZIMUTH, _FEMALE + (_MALE - _FEMALE) * look.gender)
    peak, tilt, height = rng.uniform(-0.5, 1.0), rng.normal(0.0, 0.6), rng.normal(0.0, 1.0)
    line -= 4.0 * max(0.0, float(peak)) * np.exp(-((side / 9.0) ** 2))
    # Men's lines recede with age, from the temples first; women's hardly.
    recession = look.gender * max(0.0, look.age - 0.15) * rng.uniform(0.2, 1.3)
    line += recession * (13.0 * np.exp(-(((side - 28.0) / 14.0) ** 2)) + 5.0 * np.exp(-((side / 40.0) ** 2)))
    front = np.exp(-((side / 70.0) ** 4))
    line += front * (height + tilt * np.sign(azimuth) * np.minimum(side / 20.0, 1.0))
    for period_deg, size in ((23.0, 0.7), (9.5, 0.55), (4.1, 0.4)):
        line += size * np.sin(azimuth * 2 * np.pi / period_deg + rng.uniform(0, 2 * np.pi))
    return Hairline(head_centre(body), azimuth.astype(np.float32), line.astype(np.float32), soft=5.5)


def scalp(body: Body, look: Look, ears: Floats, seed: int = 0) -> Floats:
    """(V,) float32: 1 where hair grows, soft at the hairline.

    Args:
        body: at rest.
        look: sex and age move the line.
        ears: (V,) float32 0..1, see `ear_mask`.
        seed: of the recipe; the line's shape.

    """
    grown = hairline(body, look, seed).grown(body.rest) * (1.0 - np.clip(ears * 3, 0, 1))
    inside = np.zeros(len(body.rest), bool)
    inside[np.unique(body.faces[body.parts != SKIN])] = True
    return np.where(inside, 0.0, grown).astype(np.float32)


def ear_mask(body: Body) -> Floats:
    """(V,) float32 0..1: the ears, from MakeHuman's painted mask."""
    return painted(body, "ears")


def painted(body: Body, name: Literal["ears", "lips"]) -> Floats:
    """(V,) float32 0..1: a part of the skin that MakeHuman has painted a mask of."""
    picture = _mask(name)
    height, width = picture.shape
    rows = np.clip(((1 - body.uv[:, 1]) * height).astype(int), 0, height - 1)
    columns = np.clip((body.uv[:, 0] * width).astype(int), 0, width - 1)
    values = picture[rows, columns]
    out = np.zeros(len(body.rest), np.float32)
    skin = body.parts == SKIN
    np.maximum.at(out, body.faces[skin].ravel(), values[body.uv_faces[skin].ravel()])
    return out


@lru_cache(maxsize=2)
def _mask(name: str) -> Floats:
    picture = read_picture(data_folder() / "mpfb2" / "textures" / f"mpfb_{name}.jpg", cv2.IMREAD_REDUCED_GRAYSCALE_4)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.9) / 255.0, dtype=np.float32)


def _ear_azimuth(body: Body) -> float:
    """Where the middle of the ears stands around `head_centre`, degrees from the front."""
    offset = (body.rest - head_centre(body))[ear_mask(body) > 0.5]
    return float(np.median(np.degrees(np.arctan2(np.abs(offset[:, 0]), -offset[:, 1]))))


def head_centre(body: Body) -> Floats:
    """(3,) float32: middle of the skull, m; what the hairline's angles are measured around."""
    return np.asarray(body.brow_centre + np.array([0.0, 0.095, 0.012]), dtype=np.float32)


def hair_tone(look: Look) -> Floats:
    """(3,) linear RGB of the hair, whitened by `look.hair_grey`."""
    plain = _plain(look, look.hair_melanin)
    return np.asarray(plain + (_WHITE_HAIR - plain) * look.hair_grey, dtype=np.float32)


def pigment(look: Look) -> Floats:
    """(3,) linear RGB of the hairs that are not grey."""
    return np.asarray(_plain(look, look.hair_melanin), dtype=np.float32)


def brow_tone(look: Look) -> Floats:
    """(3,) linear RGB of brows: they grey later than the head, and are darker on fair people."""
    plain = _plain(look, min(1.0, look.hair_melanin + 0.1 + 0.15 * (1 - look.hair_melanin)))
    return np.asarray(plain + (_WHITE_HAIR - plain) * look.hair_grey * 0.4, dtype=np.float32)


def _plain(look: Look, melanin: float) -> NDArray[np.float64]:
    steps = np.linspace(0.0, 1.0, len(_HAIRS))
    brown = np.stack([np.interp(melanin, steps, _HAIRS[:, channel]) for channel in range(3)])
    # Red pigment shows where there is little black.
    red = look.hair_red * (1.0 - 0.75 * melanin**2)
    return np.asarray(brown + (_RED_HAIR * (0.35 + 0.65 * (1 - melanin)) - brown) * red, dtype=np.float64)
