"""One synthetic person, whole: body, skin, hair, teeth and what they wear, made from a recipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body, build_body
from mien.engines.cast.body.gaze import gaze_axes
from mien.engines.cast.body.lids import LidGuard, fit_lids
from mien.engines.cast.body.lips import LipGuard, fit_lips, seal_weights
from mien.engines.cast.parts.beard import grow_beard
from mien.engines.cast.parts.brows import build_brows
from mien.engines.cast.parts.eye import build_eye_corners, build_tear_lines, paint_eye
from mien.engines.cast.parts.glasses import build_glasses
from mien.engines.cast.parts.hair import grow_hair
from mien.engines.cast.parts.headset import build_headset
from mien.engines.cast.parts.lashes import Lashes, build_lashes
from mien.engines.cast.parts.mouth import Teeth, build_teeth, fit_tongue
from mien.engines.cast.parts.piece import Piece
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.skin import Skin, build_skin
from mien.realtime.errors import ConfigError

Floats = NDArray[np.float32]

_EYE_PX = 512


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Everything of one person at rest.

    Attributes:
        body: geometry, fitted so that lids and lips close.
        skin: its maps.
        hair: head hair, which shades the skin.
        worn: all pieces that follow skull or skin, hair among them.
        teeth: move with the jaw.
        lashes: move with the lids.
        eye_paint: of the left and the right eye, (S, S, 3) float32 each, see `parts.eye.paint_eye`.
        lids: keeps lids off the balls.
        lips: keeps lips apart from each other.

    """

    body: Body
    skin: Skin
    hair: tuple[Piece, ...]
    worn: tuple[Piece, ...]
    teeth: Teeth
    lashes: Lashes
    eye_paint: tuple[Floats, Floats]
    lids: LidGuard
    lips: LipGuard

    def weights(self, actions: dict[str, float]) -> Floats:
        """(A,) float32 of the body's actions, as far as they are possible together.

        Raises:
            ConfigError: a name is no action's, or a weight is not finite.

        """
        if unknown := sorted(set(actions) - set(self.body.actions)):
            raise ConfigError(f"{unknown[0]!r} is not a facial action; known are {', '.join(self.body.actions)}.")
        if not all(np.isfinite(weight) for weight in actions.values()):
            raise ConfigError("Every action's weight must be a finite number.")
        return seal_weights(self.body.actions, self.body.weights(actions))

    def posed(self, weights: Floats, gaze: tuple[float, float]) -> Floats:
        """(V, 3) float32 vertices under (A,) action weights, before the head turns; nothing crosses."""
        points = self.body.posed(weights).copy()
        ahead = gaze_axes(gaze)[0]
        self.lids.settle(points, np.stack([ahead, ahead]))
        self.lips.settle(points)
        self.teeth.clear(points, weights, self.lips)
        return points


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
    body, lips = fit_lips(body)
    teeth = build_teeth(body, lips, look, seed)
    body = fit_tongue(body, teeth)
    hair = tuple(grow_hair(body, recipe))
    worn = [
        *hair,
        build_brows(body, recipe),
        grow_beard(body, recipe),
        build_eye_corners(body),
        build_tear_lines(body),
        build_glasses(body, look, seed),
        build_headset(body, look, seed),
    ]
    left, right = (paint_eye(look, seed, eye, _EYE_PX) for eye in body.eyes)
    return Person(
        body=body,
        skin=build_skin(body, look, seed, size_px=map_px),
        hair=hair,
        worn=tuple(piece for piece in worn if piece is not None),
        teeth=teeth,
        lashes=build_lashes(body, recipe),
        eye_paint=(left, right),
        lids=lids,
        lips=lips,
    )
