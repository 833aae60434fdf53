"""A persona's portrait from its recipe, and the check that a portrait came from one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.extra import require_anny
from mien.engines.cast.recipe import Recipe

Pixels = NDArray[np.uint8]

#: A portrait is taken to be its recipe's from this PSNR on, dB. JPEG at quality 92 and other devices' rounding of
#: strand edges stay above it; another person in the same place, light and shirt stays well below.
MATCH_PSNR_DB = 30.0
#: Large enough to tell people apart, small enough to render in about a second.
MATCH_SIZE_PX = 256
_SAMPLES = 3


def render_portrait(recipe: Recipe, *, device: str = "cpu") -> Pixels:
    """The neutral, frontal portrait of a recipe: (size, size, 3) uint8 BGR, sRGB.

    The same recipe gives the same bytes on one device and one set of package versions.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    from mien.engines.cast.light import PORTRAIT
    from mien.engines.cast.scene import Actor, Shot, View

    actor = Actor(recipe, PORTRAIT, device=device)
    return to_bgr(actor.draw(Shot(), View(recipe.size, recipe.size, _SAMPLES)))


def portrait_matches(recipe: Recipe, picture_bgr: Pixels, *, size: int = MATCH_SIZE_PX) -> float:
    """PSNR in dB between a picture and a fresh render of a recipe; compare it with `MATCH_PSNR_DB`.

    Args:
        recipe: what the picture is said to be.
        picture_bgr: (H, W, 3) uint8 BGR, square.
        size: edge at which both are compared, px; never more than the recipe's own.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.
        ValueError: the picture is not square 8-bit BGR.

    """
    import cv2

    if picture_bgr.ndim != 3 or picture_bgr.shape[2] != 3 or picture_bgr.dtype != np.uint8:
        raise ValueError(f"A portrait must be (H, W, 3) uint8; this is {picture_bgr.shape} {picture_bgr.dtype}.")
    if picture_bgr.shape[0] != picture_bgr.shape[1]:
        raise ValueError(f"A cast portrait is square; this one is {picture_bgr.shape[1]}x{picture_bgr.shape[0]} px.")
    edge = min(size, recipe.size)
    fresh = render_portrait(recipe.at_size(edge)).astype(np.float32)
    given = cv2.resize(picture_bgr, (edge, edge), interpolation=cv2.INTER_AREA).astype(np.float32)
    # A small blur: what is compared is the person, not the last pixel of each strand.
    error = float(np.mean((cv2.GaussianBlur(fresh, (0, 0), 1.0) - cv2.GaussianBlur(given, (0, 0), 1.0)) ** 2))
    return 99.0 if error < 1e-6 else float(10.0 * np.log10(255.0**2 / error))


def to_bgr(picture: NDArray[np.float32]) -> Pixels:
    """(H, W, 3) display-linear RGB 0..1 to uint8 BGR with the sRGB transfer curve (IEC 61966-2-1)."""
    clipped = np.clip(picture, 0.0, 1.0)
    curved = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.power(clipped, 1 / 2.4) - 0.055)
    return np.ascontiguousarray((curved[:, :, ::-1] * 255.0 + 0.5).astype(np.uint8))
