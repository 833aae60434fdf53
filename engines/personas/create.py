"""A persona from one portrait and a statement of consent. What a picture makes is always `consented`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.engines.personas.consent import read_consent
from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.manifest import check_persona_name, sha256
from mien.engines.personas.pack import load_pack, write_pack
from mien.engines.personas.photo import Photo, read_photo
from mien.engines.personas.picture import encode_png
from mien.engines.personas.quality import MAX_SMILE, Measures, measure, problems, smile
from mien.engines.personas.regions import FACE_OVAL, hair_over_brow, polygon_mask, soften
from mien.engines.personas.still import FaceFinder
from mien.realtime.errors import MissingExtraError, PersonaError
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Pixels

#: From here on a smile is taken out before the pack is written. Resting drivers score 0 to 0.2.
_NEUTRALISE_FROM = 0.15
#: Share of the forehead under hair: below the first nothing is worth a mask, above the second no brow is left to move.
_MASK_FROM = 0.02
_MOST_COVERED = 0.75
#: Share of the face's pixels that may be transparent.
_MOST_TRANSPARENT = 0.01

#: (portrait BGR, landmarks, blendshapes) to the same face at rest: (portrait BGR, landmarks).
Neutralise = Callable[[Pixels, Floats, Floats], tuple[Pixels, Floats]]


@dataclass(frozen=True, slots=True)
class Created:
    """What `create` made.

    Attributes:
        path: of the pack.
        digest: of the pack.
        measures: of the stored portrait.
        notes: what was done to the picture, a sentence each.

    """

    path: Path
    digest: str
    measures: Measures
    notes: tuple[str, ...]


def create(
    portrait_path: Path,
    consent_path: Path,
    name: str,
    *,
    out: Path,
    tracker: FaceFinder,
    neutralise: Neutralise | None = None,
    licence: str = "All rights reserved; use as the consent statement allows",
    description: str = "Made from a portrait, with a statement of consent.",
) -> Created:
    """Make a pack of kind `consented` for the instant engine.

    Args:
        portrait_path: PNG, JPEG or WebP with one face.
        consent_path: text, JSON or PDF: a statement signed by the person shown, or by the drawn figure's right holder.
            A copy of it goes into the pack, and its hash into the manifest.
        name: of the persona; lower-case letters, digits, '-' and '_'.
        out: of the new pack, a folder or a name that ends in .zip; must not exist.
        tracker: finds the faces, for instance `StillTracker`.
        neutralise: takes a smile out of the portrait; default: the instant engine's.
        licence: one line.
        description: one line.

    Raises:
        PersonaError: the picture cannot be a persona. All reasons are listed together, each with what to change.

    """
    check_persona_name(name)
    consent_name, consent = read_consent(consent_path)
    photo = read_photo(portrait_path)
    face = _only_face(tracker(photo.pixels), portrait_path.name)
    mask, covered = hair_over_brow(photo.pixels, face.landmarks)
    _refuse(portrait_path.name, (*problems(photo.pixels, face), *_cover_problems(photo, face, covered)))
    portrait, face, notes = _at_rest(photo.pixels, face, tracker, neutralise, portrait_path.name)
    files = {"portrait.png": encode_png(portrait), "landmarks.json": _landmarks(portrait, face), consent_name: consent}
    mesh = {"portrait": "portrait.png", "landmarks": "landmarks.json"}
    if covered >= _MASK_FROM:
        files["mask.png"] = encode_png(soften(mask, face.landmarks))
        mesh["mask"] = "mask.png"
        notes = (*notes, f"Hair covers {covered:.0%} of the forehead; it is masked out.")
    table = {
        "name": name,
        "kind": "consented",
        "engine": "mesh",
        "licence": licence,
        "description": description,
        "mesh": mesh,
        "consent": {"file": consent_name, "sha256": sha256(consent)},
    }
    digest = write_pack(out, table, files)
    load_pack(out)  # what was written is what will be read, by the same checks
    return Created(out, digest, measure(portrait, face), notes)


def _only_face(faces: tuple[Face, ...], name: str) -> Face:
    if not faces:
        raise PersonaError(
            f"{name}: no face was found.",
            hint="Use a picture of one face from the front, well lit, with some room around the head.",
        )
    if len(faces) > 1:
        raise PersonaError(
            f"{name}: {len(faces)} faces were found; a persona has one.", hint="Crop the picture to one person."
        )
    return faces[0]


def _cover_problems(photo: Photo, face: Face, covered: float) -> tuple[str, ...]:
    found: list[str] = []
    if covered > _MOST_COVERED:
        found.append(f"hair or a hat covers {covered:.0%} of the forehead: comb it back, so that the brows are free.")
    if photo.alpha is not None:
        inside = polygon_mask(photo.pixels, face.landmarks[list(FACE_OVAL), :2]) > 0
        if float((photo.alpha[inside] < 250).mean()) > _MOST_TRANSPARENT:
            found.append("the face is partly transparent: fill it; only the background may be transparent.")
    return tuple(found)


def _refuse(name: str, reasons: tuple[str, ...]) -> None:
    if not reasons:
        return
    if len(reasons) == 1:
        raise PersonaError(f"{name} cannot be a persona: {reasons[0]}")
    listed = "".join(f"\n  - {reason}" for reason in reasons)
    raise PersonaError(f"{name} cannot be a persona, for {len(reasons)} reasons:{listed}")


def _at_rest(
    portrait: Pixels, face: Face, tracker: FaceFinder, neutralise: Neutralise | None, name: str
) -> tuple[Pixels, Face, tuple[str, ...]]:
    """The portrait without its smile, tracked again; refused if the smile stays."""
    before = smile(face)
    if before < _NEUTRALISE_FROM:
        return portrait, face, ()
    rest, _ = (neutralise or _mesh_neutralise())(portrait, face.landmarks, face.blendshapes)
    rest = np.ascontiguousarray(rest)
    after = _only_face(tracker(rest), name)
    if smile(after) > MAX_SMILE:
        raise PersonaError(
            f"{name} cannot be a persona: the face smiles ({before:.2f}), and still does after the smile was taken "
            f"out ({smile(after):.2f}, at most {MAX_SMILE}); it would smile twice. Use a picture with a resting face."
        )
    _refuse(name, problems(rest, after))
    return rest, after, (f"The portrait smiled ({before:.2f}); the smile was taken out ({smile(after):.2f} is left).",)


def _mesh_neutralise() -> Neutralise:
    try:
        from mien.engines.mesh import neutralise
    except ImportError as error:
        raise MissingExtraError(
            f"Taking a smile out of a portrait needs the instant engine, which cannot be loaded ({error}).",
            hint="Install it with `pip install mediapipe`, or use a picture with a resting face.",
        ) from error
    return neutralise


def _landmarks(portrait: NDArray[np.uint8], face: Face) -> bytes:
    return dump_landmarks(face, portrait.shape[1], portrait.shape[0])
