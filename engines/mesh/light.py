"""Carry the light on the driver's face over to the persona: its slow changes across the face, not its colour.

A portrait lit from the front on a driver lit from the side looks pasted on. The luminance of both, blurred over a good
part of the face, are compared; their ratio, free of its mean (overall brightness and colour are the blend's task) and
bounded, multiplies the persona. Blurred ratios as shading follow Liu, Shan and Zhang, "Expressive expression mapping
with ratio images", SIGGRAPH 2001.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh import light_terms as terms
from mien.realtime.frame import Floats, Pixels


def shading(
    driver: Pixels, persona: Pixels, mask: NDArray[np.uint8], face_px: float, strength: float = 0.9
) -> tuple[Floats, float]:
    """Gain for the persona, at a reduced size.

    Args:
        driver: (h, w, 3) uint8 BGR, the driver's face.
        persona: (h, w, 3) uint8 BGR, the persona warped onto it.
        mask: (h, w) uint8, where both show skin.
        face_px: width of the face, px.
        strength: 0 keeps the portrait's light, 1 takes the driver's.

    Returns:
        Gain (h', w', 3) float32, to be enlarged to (h, w), its mean over the mask about 1; and the driver's mean
        brightness over the persona's.

    """
    height, width = mask.shape
    scale = min(1.0, terms.WORK_PX / max(face_px, 1.0))
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    # Every few pixels are enough for a blur this wide, and averaging all of them would cost more than the blur.
    skip = max(1, int(0.5 / scale))
    few_mask = np.ascontiguousarray(mask[::skip, ::skip])
    skin: Floats = cv2.resize(few_mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    sigma = max(terms.SIGMA * face_px * scale, 0.8)

    weights = skin / max(float(skin.sum()), 1e-3)

    def over_skin(planes: Floats) -> Floats:
        mean: Floats = np.einsum("...hw,hw->...", planes, weights)[..., None, None]
        return mean

    small = np.stack([_small(pixels, skip, size) for pixels in (driver, persona)])
    mean = over_skin(small)
    bare = skin * _not_hair(_luma(small), skin, sigma)
    lit = _blurred(np.concatenate([small * bare, bare], axis=1), sigma)
    # Beyond the skin the blur runs out of weight; the mean takes over there, so that the gain ends calmly.
    theirs, ours = (lit[:, :3] + 1e-4 * mean) / (lit[:, 3:] + 1e-4) + np.float32(terms.FLOOR)
    ratio = np.log(theirs / ours)
    ratio -= over_skin(ratio)
    luma = _luma(ratio)
    chroma = np.clip(terms.CHROMA * (ratio - luma), -terms.MOST_CHROMA, terms.MOST_CHROMA)
    gain = np.clip(np.exp(strength * luma + chroma), terms.LEAST, terms.MOST)
    their_mean, our_mean = mean.mean(axis=(1, 2, 3)) + terms.FLOOR
    brightness = float(np.clip(their_mean / our_mean, 0.2, 2.0))
    return np.ascontiguousarray(gain.transpose(1, 2, 0), np.float32), brightness


def _small(pixels: Pixels, skip: int, size: tuple[int, int]) -> Floats:
    """(3, h', w') float32 of (h, w, 3) pixels."""
    few = np.ascontiguousarray(pixels[::skip, ::skip])
    return cv2.resize(few, size, interpolation=cv2.INTER_AREA).transpose(2, 0, 1).astype(np.float32)


def _luma(planes: Floats) -> Floats:
    """(..., 1, h, w) of (..., 3, h, w)."""
    blue, green, red = (planes[..., k : k + 1, :, :] * terms.LUMA[k] for k in range(3))
    return np.asarray(blue + green + red, np.float32)


def _blurred(planes: Floats, sigma: float) -> Floats:
    """(..., h, w) by a Gaussian, as OpenCV's: each plane between two matrices, which takes a third of the time."""
    down, across = (terms.blur_matrix(length, sigma) for length in planes.shape[-2:])
    return np.asarray(down @ planes @ across.T, np.float32)


def _not_hair(luma: Floats, skin: Floats, sigma: float) -> Floats:
    """0..1 of luma's shape, 0 for what is much darker than the skin around it: brows, liner, strands over a temple.

    Shadow has no such edge: a side in the dark is as dark as its own surroundings, and stays.
    """
    # Twice as wide as the light's own blur: a lock of hair must not be its own surroundings.
    around = _blurred(luma * skin, 2 * sigma) / (_blurred(skin, 2 * sigma) + 1e-4)
    share: Floats = np.clip((luma / (around + 1e-3) - terms.HAIR) / (terms.SKIN - terms.HAIR), 0.0, 1.0)
    return share


def apply_gain(pixels: Pixels, gain: Floats) -> Pixels:
    """Multiply (h, w, 3) uint8 pixels by a gain (h', w', 3) of any smaller size; saturates."""
    # A gain up to 1.9 in steps of 1/128 fits uint8, and uint8 products are quick.
    steps = cv2.convertScaleAbs(gain, alpha=128.0)
    full = cv2.resize(steps, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
    lit: Pixels = cv2.multiply(pixels, full, scale=1 / 128).astype(np.uint8, copy=False)
    return lit
