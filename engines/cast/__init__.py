"""Synthetic people: geometry, skin, eyes, teeth, hair, light and a ray caster. Needs the ``[cast]`` extra to render.

Importing this package is cheap and needs no extra; the heavy packages are asked for when something is rendered, and
`mien.realtime.errors.MissingExtraError` tells how to install them.
"""

from __future__ import annotations

from mien.engines.cast.look import Look
from mien.engines.cast.portrait import render_portrait
from mien.engines.cast.recipe import RENDERER_VERSION, Recipe

__all__ = ["RENDERER_VERSION", "Look", "Recipe", "render_portrait"]
