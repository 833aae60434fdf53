"""One synthetic person, whole: body, skin, hair, teeth and what they wear, made from a recipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body, build_body
from mien.engines.cast.body.gaze import gaze_axes
from mien.engines.cast.body.lids import LidGuard, fit_lids
from mien.engines.cast.parts.glasses import build_glasses
from mien.engines.cast.parts.hair import grow_hair
from mien.engines.cast.parts.headset import build_headset
from mien.engines.cast.parts.piece import Piece
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.render.figure import Mover
from mien.engines.cast.skin import Skin, build_skin

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Everything of one person at rest.

    Attributes:
        body: geometry, fitted so that lids and lips close.
        skin: its maps.
        hair: head hair, which shades the skin.
        worn: all pieces that follow skull or skin, hair among them.
        movers: pieces that move in their own way: teeth, lashes.
        eye_paint: of the left and the right eye, (S, S, 3) float32 each.
        lids: keeps them off the balls.

    """

    body: Body
    skin: Skin
    hair: tuple[Piece, ...]
    worn: tuple[Piece, ...]
    movers: tuple[Mover, ...]
    eye_paint: tuple[Floats, Floats]
    lids: LidGuard

    def posed(self, weights: Floats, gaze: tuple[float, float]) -> Floats:
        """(V, 3) float32 vertices under (A,) action weights, before the head turns; nothing crosses."""
        points = self.body.posed(weights).copy()
        ahead = gaze_axes(gaze)[0]
        self.lids.settle(points, np.stack([ahead, ahead]))
        return points

    def lips_gap(self, points: Floats) -> float:
        return 0.01


def build_person(recipe: Recipe, *, map_px: int = 1024) -> Person:
    """Make a person.

    Args:
        recipe: who.
        map_px: edge of the skin's maps.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    look, seed = recipe.look, recipe.seed
    body, lids = fit_lids(build_body(recipe))
    hair = tuple(grow_hair(body, recipe))
    worn = [*hair, build_glasses(body, look, seed), build_headset(body, look, seed)]
    e = np.full((64, 64, 3), 0.5, np.float32)
    e[28:36, 28:36] = 0.02
    return Person(
        body=body,
        skin=build_skin(body, look, seed, size_px=map_px),
        hair=hair,
        worn=tuple(piece for piece in worn if piece is not None),
        movers=(),
        eye_paint=(e, e),
        lids=lids,
    )
