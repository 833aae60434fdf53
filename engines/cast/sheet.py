"""Contact sheets: many people at a glance, every action of one, to look for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.extra import require_anny
from mien.engines.cast.recipe import Recipe

Pixels = NDArray[np.uint8]

_CAPTION_PX = 15
_GROUND = 24


def people_sheet(
    first_seed: int,
    count: int,
    *,
    size: int = 224,
    columns: int = 8,
    on_person: Callable[[int, int], None] | None = None,
) -> Pixels:
    """Portraits of people with seeds from `first_seed` on, each as the seed draws them: uint8 BGR.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    from mien.engines.cast.portrait import render_portrait

    cells = []
    for k in range(count):
        cells.append(_captioned(render_portrait(Recipe("sheet", first_seed + k, size=size)), str(first_seed + k)))
        if on_person is not None:
            on_person(k + 1, count)
    return tiled(cells, columns)


def actions_sheet(recipes: Sequence[Recipe], *, size: int = 192, columns: int = 13) -> Pixels:
    """Every facial action at full strength, one block of rows a person: uint8 BGR.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    from mien.engines.cast.camera.light import PORTRAIT
    from mien.engines.cast.frame import Shot, View
    from mien.engines.cast.portrait import to_bgr
    from mien.engines.cast.studio import Actor

    behind = np.full((size, size, 3), 0.2, np.float32)
    view = View(size, size, 3, span=0.27)
    blocks = []
    for recipe in recipes:
        actor = Actor(recipe)
        cells = []
        for name in ("", *actor.person.body.actions):
            shot = Shot(actions=({name: 1.0} if name else {}), gaze=_gaze_of(name))
            cells.append(_captioned(to_bgr(actor.shoot(shot, view, PORTRAIT, behind).colour), name or "neutral"))
        blocks.append(tiled(cells, columns))
    return np.vstack(blocks)


def close_up(recipe: Recipe, actions: dict[str, float], yaw_deg: float, *, size: int = 1024) -> Pixels:
    """The face alone at its finest: uint8 BGR.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    from mien.engines.cast.body.pose import HeadPose
    from mien.engines.cast.camera.backdrop import backdrop
    from mien.engines.cast.camera.light import DESK
    from mien.engines.cast.frame import Shot, View
    from mien.engines.cast.portrait import to_bgr
    from mien.engines.cast.studio import Actor

    view = View(size, size, 3, span=0.235, aim=(0.0, 0.0, -0.03))
    behind = backdrop(size, size, recipe.look.backdrop, recipe.look.backdrop_rgb, recipe.seed, blur=0.03)
    shot = Shot(actions=dict(actions), pose=HeadPose(yaw=yaw_deg), gaze=(-0.6 * yaw_deg, 0.0))
    return to_bgr(Actor(recipe, map_px=2048).shoot(shot, view, DESK, behind).colour)


def tiled(cells: Sequence[Pixels], columns: int) -> Pixels:
    """Pictures of one size in rows; the last row is filled up with a dark ground."""
    empty = np.full_like(cells[0], _GROUND)
    filled = [*cells, *[empty] * (-len(cells) % columns)]
    return np.vstack([np.hstack(filled[k : k + columns]) for k in range(0, len(filled), columns)])


def _gaze_of(action: str) -> tuple[float, float]:
    """The gaze that goes with a look's action, degrees."""
    if not action.startswith("eyeLook"):
        return (0.0, 0.0)
    side = 1.0 if action.endswith("Left") else -1.0
    ways = {"Out": (19.0 * side, 0.0), "In": (-19.0 * side, 0.0), "Up": (0.0, 10.0), "Down": (0.0, -14.0)}
    return next(gaze for way, gaze in ways.items() if action.removeprefix("eyeLook").startswith(way))


def _captioned(picture: Pixels, text: str) -> Pixels:
    band = np.full((_CAPTION_PX, picture.shape[1], 3), _GROUND, np.uint8)
    cv2.putText(band, text, (4, _CAPTION_PX - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (220, 220, 220), 1, cv2.LINE_AA)
    return np.vstack([picture, band])
