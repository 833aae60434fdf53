"""A persona's portrait from its recipe; `mien.engines.personas.check` compares a pack's picture with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.extra import require_anny
from mien.engines.cast.recipe import Recipe

Pixels = NDArray[np.uint8]

_SAMPLES = 3


def render_portrait(recipe: Recipe, *, device: str = "cpu") -> Pixels:
    """The neutral, frontal portrait of a recipe: (size, size, 3) uint8 BGR, sRGB.

    The same recipe gives the same bytes on one device and one set of package versions.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    from mien.engines.cast.camera.light import PORTRAIT
    from mien.engines.cast.scene import Actor, Shot, View

    actor = Actor(recipe, PORTRAIT, device=device)
    return to_bgr(actor.draw(Shot(), View(recipe.size, recipe.size, _SAMPLES)))


def to_bgr(picture: NDArray[np.float32]) -> Pixels:
    """(H, W, 3) display-linear RGB 0..1 to uint8 BGR with the sRGB transfer curve (IEC 61966-2-1)."""
    clipped = np.clip(picture, 0.0, 1.0)
    curved = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.power(clipped, 1 / 2.4) - 0.055)
    return np.ascontiguousarray((curved[:, :, ::-1] * 255.0 + 0.5).astype(np.uint8))
