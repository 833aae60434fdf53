"""Where on a face skin is red, oily, porous, bearded: smooth fields in MakeHuman's own coordinates.

The head lies in them with its chin at larger u and its mirror line at v = 0.483; one unit is about one metre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MIRROR_V = 0.483
#: Number of fields that `zones` gives, in this order.
BLOOD, SALLOW, UNDER_EYE, BEARD, PORES, OIL, FRECKLES, CALM = range(8)


def zones(body: Body) -> Floats:
    """(T, 8) float32 0..1 for `body.uv_faces`: see the names above; CALM is 1 where pores and lines vanish (lids)."""
    u = body.uv[:, 0].astype(np.float64)
    side = np.abs(body.uv[:, 1].astype(np.float64) - MIRROR_V)
    head = (body.uv[:, 0] >= 0.6409) | (body.uv[:, 1] <= 0.6)
    cheek = bump(u, side, 0.868, 0.047, 0.017, 0.02)
    nose = bump(u, side, 0.868, 0.0, 0.009, 0.013) + 0.6 * bump(u, side, 0.872, 0.016, 0.006, 0.006)
    ear = bump(u, side, 0.85, 0.1265, 0.026, 0.012)
    chin = bump(u, side, 0.938, 0.0, 0.011, 0.018)
    forehead = bump(u, side, 0.795, 0.0, 0.017, 0.045)
    sockets = bump(u, side, 0.8375, 0.036, 0.013, 0.021)
    below_eye = bump(u, side, 0.8525, 0.027, 0.0042, 0.012) + 0.6 * bump(u, side, 0.845, 0.0205, 0.006, 0.004)
    nostril = bump(u, side, 0.878, 0.008, 0.006, 0.009)
    blood = 0.8 * cheek + 0.75 * nose + 0.8 * ear + 0.35 * chin + 0.25 * sockets + 0.3 * nostril
    blood += 0.25 * bump(u, side, 0.80, 0.0, 0.012, 0.02)
    sallow = forehead + 0.5 * bump(u, side, 0.905, 0.04, 0.012, 0.012) + 0.4 * bump(u, side, 0.97, 0.0, 0.03, 0.08)
    pores = cheek * 0.8 + nose * 1.3 + 0.5 * chin + 0.45 * bump(u, side, 0.805, 0.0, 0.012, 0.03)
    pores += 0.6 * bump(u, side, 0.865, 0.026, 0.012, 0.01)
    oil = forehead * 0.8 + nose + 0.4 * chin + 0.35 * cheek
    freckles = 1.2 * bump(u, side, 0.862, 0.036, 0.015, 0.022) + 1.1 * bump(u, side, 0.858, 0.0, 0.012, 0.014)
    freckles += 0.25 * forehead + 0.12
    calm = np.clip(bump(u, side, 0.838, 0.0355, 0.007, 0.015) * 1.6, 0, 1)
    columns = [blood, sallow, sockets * 0.55 + below_eye, beard(u, side), pores, oil, freckles, calm]
    out = np.clip(np.stack(columns, axis=1), 0.0, 1.5)
    out[~head] = 0.0
    out[~head, FRECKLES] = 0.25
    return out.astype(np.float32)


def bump(u: Doubles, side: Doubles, at_u: float, at_side: float, width_u: float, width_side: float) -> Doubles:
    """A smooth hill, 1 at its top."""
    return np.asarray(np.exp(-0.5 * (((u - at_u) / width_u) ** 2 + ((side - at_side) / width_side) ** 2)))


def beard(u: Doubles, side: Doubles) -> Doubles:
    """Where beards grow, 0..1: lip, chin, jaw and the upper throat, bare under the lower lip's corners."""
    # The upper edge by distance from the mirror line: under the nose, past the mouth's corner, up to the sideburn.
    edge = np.interp(side, [0.0, 0.012, 0.022, 0.034, 0.05, 0.07, 0.09, 0.105, 0.115],
                     [0.8835, 0.8835, 0.886, 0.900, 0.9065, 0.897, 0.876, 0.852, 0.84])  # fmt: skip
    inside = smooth((u - edge) / 0.008 + 0.5)
    throat = smooth((0.985 - 0.30 * np.maximum(side - 0.06, 0.0) - u) / 0.022 + 0.5)
    before_ear = smooth((0.118 - side) / 0.010 + 0.5)
    bare = 0.75 * bump(u, side, 0.9265, 0.018, 0.005, 0.008)
    return inside * throat * before_ear * (1.0 - bare)


def smooth(x: Doubles) -> Doubles:
    """Hermite step from 0 at 0 to 1 at 1."""
    t = np.clip(x, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def on_neck(plain_uv: Floats) -> NDArray[np.bool_]:
    """(..., ) bool of the head's skin below the jaw, from (..., 2) of MakeHuman's coordinates."""
    side = np.abs(plain_uv[..., 1] - MIRROR_V)
    jaw = np.interp(side, [0.0, 0.03, 0.06, 0.09, 0.115, 0.14, 0.4], [0.956, 0.953, 0.945, 0.922, 0.895, 0.872, 0.86])
    return np.asarray(plain_uv[..., 0] > jaw, dtype=bool)


def crease_zone(plain_uv: Floats) -> NDArray[np.uint8]:
    """(...,) uint8 from (..., 2): which group of expression lines, 1 to 4, may be engraved at a place."""
    u, side = plain_uv[..., 0], np.abs(plain_uv[..., 1] - MIRROR_V)
    zone = np.full(u.shape, 3, np.uint8)
    zone[(u < 0.8165) & (side < 0.062)] = 1
    zone[(u >= 0.8165) & (u < 0.834) & (side < 0.014)] = 2
    zone[(u >= 0.834) & (u < 0.864) & (side < 0.0165)] = 4
    return zone
