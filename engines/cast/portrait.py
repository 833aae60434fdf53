"""A persona's portrait from its recipe; `mien.engines.personas.check` compares a pack's picture with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.extra import require_anny
from mien.engines.cast.recipe import Recipe

if TYPE_CHECKING:
    from mien.engines.cast.frame import Picture

Pixels = NDArray[np.uint8]

_SAMPLES = 4
#: From here on the skin's finer maps can be seen.
_FINE_FROM_PX = 900


def render_portrait(recipe: Recipe, *, device: str = "cpu") -> Pixels:
    """The neutral, frontal portrait of a recipe: (size, size, 3) uint8 BGR, sRGB.

    The same recipe gives the same bytes on one device and one set of package versions.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    return to_bgr(portrait_picture(recipe, device=device).colour)


def portrait_picture(recipe: Recipe, *, device: str = "cpu") -> Picture:
    """The same with all its passes.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    from mien.engines.cast.camera.backdrop import backdrop
    from mien.engines.cast.camera.light import PORTRAIT
    from mien.engines.cast.frame import Shot, View
    from mien.engines.cast.studio import Actor

    look, size = recipe.look, recipe.size
    actor = Actor(recipe, device=device, map_px=2048 if size >= _FINE_FROM_PX else 1024)
    behind = backdrop(size, size, look.backdrop, look.backdrop_rgb, recipe.seed)
    return actor.shoot(Shot(), View(size, size, _SAMPLES), PORTRAIT, behind)


def to_bgr(picture: NDArray[np.float32]) -> Pixels:
    """(H, W, 3) display-linear RGB 0..1 to uint8 BGR with the sRGB transfer curve (IEC 61966-2-1)."""
    clipped = np.clip(picture, 0.0, 1.0)
    curved = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.power(clipped, 1 / 2.4) - 0.055)
    return np.ascontiguousarray((curved[:, :, ::-1] * 255.0 + 0.5).astype(np.uint8))
