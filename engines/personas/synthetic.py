"""Make a pack of kind `synthetic`: a person of the cast, rendered here, with the recipe that proves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.recipe import Recipe
from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.manifest import check_persona_name
from mien.engines.personas.pack import load_pack, write_pack
from mien.engines.personas.picture import encode_png
from mien.engines.personas.still import FaceFinder
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError

if TYPE_CHECKING:
    from mien.engines.cast.frame import Picture

Pixels = NDArray[np.uint8]

RECIPE_NAME = "cast.json"
LANDMARKS_NAME = "landmarks.json"
MASK_NAME = "mask.png"
#: MakeHuman's geometry is CC0, and so is what is rendered from it.
LICENCE = "CC0-1.0"
#: Less of the face than this needs no mask.
_LEAST_COVERED = 0.004


@dataclass(frozen=True, slots=True)
class CreatedSynthetic:
    """A pack that was made: where it is, the digest of its manifest, and its picture, uint8 BGR."""

    path: Path
    digest: str
    portrait: Pixels


def create_synthetic(
    recipe: Recipe,
    *,
    out: Path,
    tracker: FaceFinder,
    trust: Trust | None = None,
    render: Callable[[Recipe], Picture] | None = None,
) -> CreatedSynthetic:
    """Render a person and write the pack; it was rendered on this machine, so it can be loaded here at once.

    Args:
        recipe: who; its name becomes the persona's.
        out: of the new pack, a folder or a name that ends in .zip; must not exist.
        tracker: finds the face in the picture, for instance `StillTracker`.
        trust: where the digest is kept; default: this user's.
        render: of a recipe; default: the cast's.

    Raises:
        PersonaError: the name cannot be a persona's, the place is taken, or the tracker finds no face in the picture.
        MissingExtraError: the ``[cast]`` extra is not installed.

    """
    from mien.engines.cast.portrait import portrait_picture, to_bgr

    check_persona_name(recipe.name)
    picture = (render or portrait_picture)(recipe)
    portrait = to_bgr(picture.colour)
    faces = tracker(portrait)
    if len(faces) != 1:
        raise PersonaError(
            f"The tracker finds {len(faces)} faces in the picture of seed {recipe.seed}; a persona needs one.",
            hint="Try another seed, or a look without glasses, headset and fringe.",
        )
    table = recipe.to_dict()
    files = {
        "portrait.png": encode_png(portrait),
        LANDMARKS_NAME: dump_landmarks(faces[0], portrait.shape[1], portrait.shape[0]),
        RECIPE_NAME: recipe_bytes(recipe),
    }
    mask = worn_mask(picture)
    if mask is not None:
        files[MASK_NAME] = encode_png(mask)
    digest = write_pack(out, synthetic_table(recipe.name, table, "portrait.png", masked=mask is not None), files)
    (trust or Trust()).remember(digest)
    load_pack(out, trust=trust)  # what was written is what will be read, by the same checks
    return CreatedSynthetic(out, digest, portrait)


def synthetic_table(name: str, recipe: dict[str, Any], portrait: str, *, masked: bool) -> dict[str, Any]:
    """The manifest of a synthetic persona, without its files."""
    mesh = {"portrait": portrait, "landmarks": LANDMARKS_NAME}
    if masked:
        mesh["mask"] = MASK_NAME
    return {
        "name": name,
        "kind": "synthetic",
        "engine": "mesh",
        "licence": LICENCE,
        "description": f"A synthetic person, rendered from seed {recipe['seed']}; nobody's likeness.",
        "mesh": mesh,
        "cast": recipe,
    }


def recipe_bytes(recipe: Recipe) -> bytes:
    """The recipe as its file holds it."""
    return (json.dumps(recipe.to_dict(), indent=2) + "\n").encode()


def worn_mask(picture: Picture) -> Pixels | None:
    """(H, W) uint8, 255 where hair, glasses or a headset cover the face, as the renderer knows; None for hardly any."""
    import cv2

    from mien.engines.cast.parts.piece import Label

    hull = cv2.convexHull(picture.landmarks[:468].astype(np.int32))
    inside = np.zeros(picture.labels.shape, np.uint8)
    cv2.fillConvexPoly(inside, hull, 1)
    covers = np.isin(picture.labels, [Label.HAIR, Label.GLASSES, Label.HEADSET]) & (inside > 0)
    if float(covers.sum()) < _LEAST_COVERED * float(inside.sum()):
        return None
    width = max(1.0, picture.labels.shape[0] / 300)
    soft = cv2.GaussianBlur(covers.astype(np.float32) * 255.0, (0, 0), width)
    return np.asarray(np.clip(soft * 1.6, 0, 255), np.uint8)
