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

    total = max(float(skin.sum()), 1e-3)

    def over_skin(picture: Floats) -> Floats:
        # As a product of matrices: NumPy's sum over two of three axes takes thirty times as long.
        weighted: Floats = skin.ravel() @ picture.reshape(-1, 3)
        return weighted / np.float32(total)

    def slow(pixels: Pixels) -> tuple[Floats, float]:
        few = np.ascontiguousarray(pixels[::skip, ::skip])
        small = cv2.resize(few, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        mean = over_skin(small)
        bare = skin * _not_hair((small @ terms.LUMA).astype(np.float32), skin, sigma)
        bare_weight = cv2.GaussianBlur(bare, (0, 0), sigma) + 1e-4
        # Beyond the skin the blur runs out of weight; the mean takes over there, so that the gain ends calmly.
        blurred = (cv2.GaussianBlur(small * bare[..., None], (0, 0), sigma) + 1e-4 * mean) / bare_weight[..., None]
        return np.log(blurred + np.float32(terms.FLOOR)), float(mean.mean())

    (theirs, their_mean), (ours, our_mean) = slow(driver), slow(persona)
    ratio = theirs - ours
    ratio -= over_skin(ratio)
    luma = (ratio @ terms.LUMA)[..., None]
    chroma = np.clip(terms.CHROMA * (ratio - luma), -terms.MOST_CHROMA, terms.MOST_CHROMA)
    gain: Floats = np.clip(np.exp(strength * luma + chroma), terms.LEAST, terms.MOST).astype(np.float32)
    return gain, float(np.clip((their_mean + terms.FLOOR) / (our_mean + terms.FLOOR), 0.2, 2.0))


def _not_hair(luma: Floats, skin: Floats, sigma: float) -> Floats:
    """0..1 of luma's shape, 0 for what is much darker than the skin around it: brows, liner, strands over a temple.

    Shadow has no such edge: a side in the dark is as dark as its own surroundings, and stays.
    """
    # Twice as wide as the light's own blur: a lock of hair must not be its own surroundings.
    around = cv2.GaussianBlur(luma * skin, (0, 0), 2 * sigma) / (cv2.GaussianBlur(skin, (0, 0), 2 * sigma) + 1e-4)
    share: Floats = np.clip((luma / (around + 1e-3) - terms.HAIR) / (terms.SKIN - terms.HAIR), 0.0, 1.0).astype(
        np.float32
    )
    return share


def apply_gain(pixels: Pixels, gain: Floats) -> Pixels:
    """Multiply (h, w, 3) uint8 pixels by a gain (h', w', 3) of any smaller size; saturates."""
    # A gain up to 1.9 in steps of 1/128 fits uint8, and uint8 products are quick.
    steps = cv2.convertScaleAbs(gain, alpha=128.0)
    full = cv2.resize(steps, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
    lit: Pixels = cv2.multiply(pixels, full, scale=1 / 128).astype(np.uint8, copy=False)
    return lit
