"""Where a body is red, bearded, hairy or dressed: attributes of its vertices, and its colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body, data_folder, read_picture
from mien.engines.cast.recipe import Look

Floats = NDArray[np.float32]

#: Linear RGB albedo of skin from very fair to very dark, by melanin 0 to 1.
_TONES = np.array(
    [
        [0.66, 0.45, 0.36],
        [0.55, 0.345, 0.255],
        [0.42, 0.245, 0.165],
        [0.285, 0.152, 0.095],
        [0.175, 0.088, 0.055],
        [0.1, 0.052, 0.035],
    ]
)
_HAIRS = np.array(
    [[0.42, 0.27, 0.12], [0.2, 0.105, 0.048], [0.075, 0.04, 0.022], [0.034, 0.021, 0.014], [0.018, 0.013, 0.011]]
)
_WHITE_HAIR = np.array([0.46, 0.45, 0.44])

#: Hairline: elevation in degrees above the head's centre at azimuths from the front (0) to the back (180).
_AZIMUTH = np.array([0.0, 18.0, 32.0, 44.0, 54.0, 64.0, 76.0, 88.0, 100.0, 112.0, 130.0, 180.0])
_LINE_FEMALE = np.array([36.0, 35.5, 33.0, 28.0, 19.0, 7.0, -4.0, 6.0, 2.0, -14.0, -28.0, -34.0])
_LINE_MALE = np.array([38.0, 38.5, 39.0, 33.0, 24.0, 11.0, -6.0, 6.0, 2.0, -14.0, -28.0, -32.0])


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Vertex attributes of a body.

    Attributes:
        paint: (V, 4) float32: redness, scalp, stubble, lash line; each 0..1.
        collar: (V,) float32, m below the shirt's edge (negative on bare skin).
        masks: (2048, 2048, 3) float32 in texture space: lips, eyelids, ears; 0..1.

    """

    paint: Floats
    collar: Floats
    masks: Floats


def build_skin(body: Body, look: Look) -> Skin:
    """Paint a body."""
    masks = _masks()
    ears = vertex_mask(body, masks[:, :, 2])
    paint = np.stack(
        [_redness(body, look, ears), scalp(body, look, ears), _stubble(body, look, ears), _lash_line(body)], 1
    )
    return Skin(paint=paint.astype(np.float32), collar=_collar(body), masks=masks)


def skin_tone(look: Look) -> Floats:
    """(3,) linear RGB albedo; `look.redness` warms it."""
    tone = _along(_TONES, look.melanin)
    tone = tone * np.array([1.0 + 0.03 * look.redness, 1.0, 1.0 - 0.02 * look.redness])
    return np.asarray(tone, dtype=np.float32)


def lip_tone(look: Look) -> Floats:
    """(3,) linear RGB albedo of the lips: rosier than the skin, and darker on fair skin."""
    rose = np.array([0.92, 0.56, 0.58]) if look.gender < 0.5 else np.array([0.95, 0.68, 0.69])
    return np.asarray(_along(_TONES, look.melanin) * rose + np.array([0.012, 0.0, 0.002]), dtype=np.float32)


def hair_tone(look: Look) -> Floats:
    """(3,) linear RGB of the hair, whitened by `look.hair_grey`."""
    plain = _along(_HAIRS, look.hair_melanin)
    return np.asarray(plain + (_WHITE_HAIR - plain) * look.hair_grey, dtype=np.float32)


def brow_tone(look: Look) -> Floats:
    """(3,) linear RGB of brows: they grey later than the head."""
    plain = _along(_HAIRS, min(1.0, look.hair_melanin + 0.1))
    return np.asarray(plain + (_WHITE_HAIR - plain) * look.hair_grey * 0.4, dtype=np.float32)


def vertex_mask(body: Body, picture: Floats) -> Floats:
    """(V,) float32: a texture-space mask read at each vertex, the largest over its texture coordinates."""
    height, width = picture.shape
    rows = np.clip(((1 - body.uv[:, 1]) * height).astype(int), 0, height - 1)
    columns = np.clip((body.uv[:, 0] * width).astype(int), 0, width - 1)
    values = picture[rows, columns]
    out = np.zeros(len(body.rest), np.float32)
    skin = body.parts == SKIN
    np.maximum.at(out, body.faces[skin].ravel(), values[body.uv_faces[skin].ravel()])
    return out


def scalp(body: Body, look: Look, ears: Floats) -> Floats:
    """(V,) float32: 1 where hair grows, soft at the hairline."""
    centre = head_centre(body)
    offset = body.rest - centre
    azimuth = np.degrees(np.arctan2(np.abs(offset[:, 0]), -offset[:, 1]))
    elevation = np.degrees(np.arctan2(offset[:, 2], np.hypot(offset[:, 0], offset[:, 1])))
    # Men's lines recede with age; women's hardly.
    line = np.interp(azimuth, _AZIMUTH, _LINE_FEMALE + (_LINE_MALE - _LINE_FEMALE) * look.gender)
    line += look.gender * look.age * 7.0 * np.exp(-(((azimuth - 28.0) / 16.0) ** 2))
    wobble = 1.2 * np.sin(azimuth * 0.37 + 1.0) + 0.8 * np.sin(azimuth * 0.83)
    soft = np.clip((elevation - line - wobble) / 5.0 + 0.5, 0.0, 1.0)
    grown = soft * soft * (3 - 2 * soft) * (1.0 - np.clip(ears * 3, 0, 1))
    inside = np.zeros(len(body.rest), bool)
    inside[np.unique(body.faces[body.parts != SKIN])] = True
    return np.where(inside, 0.0, grown).astype(np.float32)


def head_centre(body: Body) -> Floats:
    """(3,) float32: middle of the skull, m; what the hairline's angles are measured around."""
    return np.asarray(body.brow_centre + np.array([0.0, 0.095, 0.012]), dtype=np.float32)


def _along(table: NDArray[np.float64], position: float) -> NDArray[np.float64]:
    steps = np.linspace(0.0, 1.0, len(table))
    return np.stack([np.interp(position, steps, table[:, channel]) for channel in range(3)])


def _masks() -> Floats:
    folder = data_folder() / "mpfb2" / "textures"
    layers = [read_picture(folder / f"mpfb_{name}.jpg", cv2.IMREAD_GRAYSCALE) for name in ("lips", "eyelids", "ears")]
    blurred = [cv2.GaussianBlur(layer, (0, 0), sigma) for layer, sigma in zip(layers, (1.6, 5.0, 3.0), strict=True)]
    return np.ascontiguousarray(np.stack(blurred, axis=-1).astype(np.float32) / 255.0)


def _redness(body: Body, look: Look, ears: Floats) -> Floats:
    at = body.rest - body.brow_centre
    nose = at[np.argmin(np.where(np.abs(body.rest[:, 0]) < 0.01, body.rest[:, 1], np.inf))]
    red = 0.55 * _bump(at, nose, 0.016)
    for side in (-1.0, 1.0):
        red += 0.75 * _bump(at, np.array([side * 0.046, at[:, 1].min() + 0.035, -0.048]), 0.026)
        red += 0.3 * _bump(at, np.array([side * 0.012, nose[1] + 0.01, nose[2]]), 0.009)
    red += 0.25 * _bump(at, np.array([0.0, nose[1] + 0.02, -0.108]), 0.016) + 0.6 * ears
    return np.asarray(np.clip(red * (0.35 + look.redness) * (1.0 - 0.45 * look.melanin), 0.0, 1.0), dtype=np.float32)


def _stubble(body: Body, look: Look, ears: Floats) -> Floats:
    at = body.rest - body.brow_centre
    # Below a line from the nose's base to the ear, above the throat, not high on the cheeks.
    line = -0.050 - 0.018 * np.exp(-(((np.abs(at[:, 0]) - 0.038) / 0.018) ** 2))
    below = np.clip((line - at[:, 2]) / 0.012, 0.0, 1.0)
    above = np.clip((at[:, 2] + 0.158) / 0.02, 0.0, 1.0)
    front = np.clip((0.075 - at[:, 1]) / 0.02, 0.0, 1.0)
    return np.asarray((look.stubble * below * above * front * (1.0 - ears)), dtype=np.float32)


def _lash_line(body: Body) -> Floats:
    out = np.zeros(len(body.rest), np.float32)
    for eye in body.eyes:
        near = np.flatnonzero(np.linalg.norm(body.rest - eye.centre, axis=1) < 0.035)
        for lid, strength, width in ((eye.upper, 0.95, 0.0010), (eye.lower, 0.45, 0.0007)):
            t = np.linspace(0, len(lid) - 1, 120)
            edge = np.stack([np.interp(t, np.arange(len(lid)), body.rest[lid, axis]) for axis in range(3)], axis=1)
            distance = np.linalg.norm(body.rest[near, None] - edge[None], axis=2).min(1)
            out[near] = np.maximum(out[near], strength * np.exp(-((distance / width) ** 2)))
    return out


def _collar(body: Body) -> Floats:
    at = body.rest - body.brow_centre
    # A crew neck: a ring on a plane through the pit of the throat and the base of the nape. Outside the ring's
    # radius the shirt lies on the shoulders, whatever their height.
    edge = -0.176 + 0.45 * (at[:, 1] - 0.045)
    outside = np.hypot(at[:, 0], 0.9 * (at[:, 1] - 0.075)) - 0.088
    plane = edge - at[:, 2]
    # A smooth union, so that the band keeps its width where the two meet.
    soft = 0.012 * np.logaddexp(plane / 0.012, np.where(at[:, 2] < -0.125, outside, -0.1) / 0.012)
    return np.where(at[:, 2] < -0.10, soft, -1.0).astype(np.float32)


def _bump(points: Floats, centre: Floats | NDArray[np.float64], radius: float) -> Floats:
    return np.asarray(np.exp(-((points - centre) ** 2).sum(1) / (2 * radius**2)), dtype=np.float32)
