"""The numbers of `mien.engines.mesh.light`, for whatever carries light over. Needs NumPy alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mien.realtime.frame import Floats

#: Blur over the face's width. Smaller would copy the driver's nose and brows as shadows.
SIGMA = 0.11
#: Working width of the face, px: shading has no detail worth more. At 56 px gains differ by 0.5 %, and take twice the
#: time.
WORK_PX = 32.0
#: Bounds of the gain.
LEAST, MOST = 0.5, 1.7
#: Share of the light's change of colour across the face that is taken over, and its bound (logarithm): lightened by
#: brightness alone, a dark skin turns orange on the lit side, and a lamp's tint stays away.
CHROMA, MOST_CHROMA = 0.7, 0.2
#: A pixel this dark against the skin around it is hair or paint; from the second share on it is skin.
HAIR, SKIN = 0.65, 0.85
LUMA = np.array([0.114, 0.587, 0.299], np.float32)
#: Added to both luminances (0..255), so that noise in the dark does not become light.
FLOOR = 8.0


@lru_cache(32)
def blur_matrix(length: int, sigma: float) -> Floats:
    """(length, length): a Gaussian's mean along one axis, mirrored about its first and last pixel, as OpenCV's."""
    reach = (round(sigma * 8 + 1) | 1) // 2
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma * sigma))
    kernel /= kernel.sum()
    period = 2 * (length - 1)
    out = np.zeros((length, length))
    for row in range(length):
        place = np.abs(row + offsets) % period
        np.add.at(out[row], np.minimum(place, period - place), kernel)
    return out.astype(np.float32)
