"""What re-tracking can show at best: the persona rendered straight from the driver's tracked code.

No engine between: what of a motion is missing here is lost in reading the driver, in what the cast's face can do, or in
reading the render.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.engines.measure.final import tracked
from mien.engines.personas.pack import Persona
from mien.engines.swapnet.code import ACTIONS, ANGLE_DEG, NAMED, NAMED_INDEX, tracked_code
from mien.engines.swapnet.paired import shoot_persona, without_hair
from mien.realtime.errors import PersonaError
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Pixels


def as_rendered(persona: Persona) -> Actor:
    """The persona as the cast renders what networks learn from.

    Raises:
        PersonaError: the cast did not render this one: there is no truth to compare with.

    """
    recipe = persona.manifest.cast
    if recipe is None:
        raise PersonaError(f"{persona.name} was not rendered by the cast: there is no truth to compare with.")
    return rendered(Recipe.from_dict(dict(recipe)))


def rendered(recipe: Recipe) -> Actor:
    """Somebody as the cast renders what networks learn from: hairless, with skin as fine as a persona's."""
    return Actor(without_hair(recipe), map_px=1024)


def oracle(pictures: Iterable[Pixels], actor: Actor, every: int = 1) -> Iterator[Pixels | None]:
    """The persona, (256, 256, 3) uint8 BGR, upright, for every so many pictures of a driver at 30 a second.

    Args:
        pictures: (H, W, 3) uint8 BGR each; all are tracked, as the live path learns the driver's rest from them.
        actor: the persona.
        every: how many pictures go by for one that is rendered; a render takes about a tenth of a second.

    Returns:
        For each rendered picture the persona; None where the tracker finds nobody.

    """
    for index, (_, selection) in enumerate(tracked(pictures)):
        if index % every == 0:
            yield shoot_persona(actor, told(selection.swapped[0])).pixels if selection.swapped else None


def told(face: Face) -> Floats:
    """(`NAMED`,) float32: the named half of the code as the tracker alone says it, over the driver's rest."""
    code, count = tracked_code(face), len(ACTIONS)
    named = np.zeros(len(NAMED), np.float32)
    named[:count] = code[count : 2 * count].clip(0, 1)
    named[count : count + 2] = code[2 * count : 2 * count + 2]

    def both(first: str, second: str) -> float:
        return float(named[NAMED_INDEX[first]] + named[NAMED_INDEX[second]]) / 2

    # To the person's left the left eye looks out and the right one in.
    side = both("eyeLookOutLeft", "eyeLookInRight") - both("eyeLookInLeft", "eyeLookOutRight")
    up, down = both("eyeLookUpLeft", "eyeLookUpRight"), both("eyeLookDownLeft", "eyeLookDownRight")
    named[NAMED_INDEX["gazeYaw"]] = side * SIDE_DEG / ANGLE_DEG
    named[NAMED_INDEX["gazePitch"]] = (up * UP_DEG - down * DOWN_DEG) / ANGLE_DEG
    return named
