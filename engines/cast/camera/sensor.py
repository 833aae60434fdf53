"""A small sensor's noise after demosaicing, in linear light."""

from __future__ import annotations

import cv2
import numpy as np

from mien.engines.cast.camera.colour import Floats, f32

#: Electrons that a small pixel holds where the picture is white, without gain; and its read noise, electrons.
#: About what makers state for 1.4 um pixels.
FULL_WELL_E = 5000.0
READ_E = 2.5
#: How a grey noise and two coloured ones make red, green and blue.
_MIX = np.array([[1.0, 1.0, 0.0], [1.0, -0.3, -0.25], [1.0, 0.0, 1.1]], np.float32)


def noisy(
    picture: Floats, gain_ev: float, colour: float, blotches: float, grain_px: float, seed: tuple[int, ...]
) -> Floats:
    """Shot and read noise.

    The variance is Poisson's, linear in the light, plus read noise; each stop of gain halves the electrons (Janesick,
    "Photon Transfer", 2007). Demosaicing and the camera's own smoothing correlate it: colour more than grey.

    Args:
        picture: (H, W, 3) float32 display-linear RGB 0..1; its shoulder, above 0.7, compresses noise as it does light.
        gain_ev: stops of amplification.
        colour: strength of coloured noise against grey noise.
        blotches: strength of slow, wide coloured noise.
        grain_px: standard deviation of the smoothing that the grey noise went through.
        seed: of this frame.

    """
    rng = np.random.default_rng(seed)
    noise = cv2.transform(_field(picture.shape[0], picture.shape[1], colour, blotches, grain_px, rng), _MIX)
    well = FULL_WELL_E * 0.5**gain_ev
    sigma = np.sqrt(np.maximum(picture, 0.0) / np.float32(well) + np.float32((READ_E / well) ** 2))
    sigma *= 1.0 - 0.7 * np.clip(picture - 0.5, 0.0, 0.5)
    return f32(cv2.accumulateProduct(sigma, noise, picture.copy()))


def _field(
    height: int, width: int, colour: float, blotches: float, grain_px: float, rng: np.random.Generator
) -> Floats:
    """(height, width, 3) float32: grey noise of deviation 1, then two coloured ones."""
    grey = rng.standard_normal((height, width), dtype=np.float32)
    if grain_px > 0.2:
        reach = 2 * int(np.ceil(2.5 * grain_px)) + 1
        line = cv2.getGaussianKernel(reach, grain_px)
        # Divided by what the smoothing leaves, so that grain changes the size of noise and not its strength.
        line = line / np.linalg.norm(line)
        grey = f32(cv2.sepFilter2D(grey, -1, line, line))
    half = rng.standard_normal((height // 2 + 1, width // 2 + 1, 2), dtype=np.float32) * np.float32(1.3 * colour)
    tints = cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR)
    if blotches > 0.0:
        slow = rng.standard_normal((height // 9 + 2, width // 9 + 2, 2), dtype=np.float32) * np.float32(blotches)
        tints = cv2.add(tints, cv2.resize(slow, (width, height), interpolation=cv2.INTER_CUBIC))
    return f32(cv2.merge([grey, *cv2.split(tints)]))
