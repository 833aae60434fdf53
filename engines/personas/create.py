"""A persona from one portrait and a signed record of consent. What a picture makes is always `consented`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.engines.consent.canonical import MAX_BYTES
from mien.engines.consent.errors import ConsentForeignError, ConsentMissingError
from mien.engines.consent.gate import Gate
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME
from mien.engines.consent.verify import Consent, check_source
from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.manifest import check_persona_name, sha256
from mien.engines.personas.pack import load_pack, write_pack
from mien.engines.personas.photo import Photo, read_photo
from mien.engines.personas.picture import encode_png
from mien.engines.personas.quality import MAX_SMILE, Measures, measure, problems, smile
from mien.engines.personas.regions import FACE_OVAL, hair_over_brow, polygon_mask, soften
from mien.engines.personas.still import FaceFinder
from mien.engines.personas.trust import Trust
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
    licence: str = "All rights reserved; use as the consent record allows",
    description: str = "Made from a portrait, with a signed record of consent.",
    trust: Trust | None = None,
) -> Created:
    """Make a pack of kind `consented` for the instant engine.

    Args:
        portrait_path: PNG, JPEG or WebP with one face.
        consent_path: `consent.json` as `mien consent record` or `figure` wrote it, for a persona of this name and this
            very picture. A copy of it goes into the pack.
        name: of the persona; lower-case letters, digits, '-' and '_'.
        out: of the new pack, a folder or a name that ends in .zip; must not exist.
        tracker: finds the faces, for instance `StillTracker`.
        neutralise: takes a smile out of the portrait; default: the instant engine's.
        licence: one line.
        description: one line.
        trust: whose gate judges the consent and binds the pack; default: this user's.

    Raises:
        PersonaError: the picture cannot be a persona. All reasons are listed together, each with what to change.
        ConsentError: a `PersonaError`; the consent is not valid, or not for this.

    """
    check_persona_name(name)
    kept = Trust() if trust is None else trust
    record, consent = consent_for(consent_path, name, kept.gate)
    photo = read_photo(portrait_path)
    check_source(consent, photo.digest, portrait_path.name)
    face = _only_face(tracker(photo.pixels), portrait_path.name)
    mask, covered = hair_over_brow(photo.pixels, face.landmarks)
    _refuse(portrait_path.name, (*problems(photo.pixels, face), *_cover_problems(photo, face, covered)))
    portrait, face, notes = _at_rest(photo.pixels, face, tracker, neutralise, portrait_path.name)
    files = {"portrait.png": encode_png(portrait), "landmarks.json": _landmarks(portrait, face), RECORD_NAME: record}
    mesh = {"portrait": "portrait.png", "landmarks": "landmarks.json"}
    if covered >= _MASK_FROM:
        files["mask.png"] = encode_png(soften(mask, face.landmarks))
        mesh["mask"] = "mask.png"
        notes = (*notes, f"Hair covers {covered:.0%} of the forehead; it is masked out.")
    files[BINDING_NAME] = kept.gate.bind(consent, {each: sha256(data) for each, data in files.items()})
    table = {
        "name": name,
        "kind": "consented",
        "engine": "mesh",
        "licence": licence,
        "description": description,
        "mesh": mesh,
        "consent": {"file": RECORD_NAME, "sha256": consent.digest},
    }
    digest = write_pack(out, table, files)
    load_pack(out, trust=kept)  # what was written is what will be read, by the same checks
    return Created(out, digest, measure(portrait, face), notes)


def consent_for(path: Path, name: str, gate: Gate) -> tuple[bytes, Consent]:
    """The bytes of the record at `path`, and what it allows; for whatever makes a pack of a persona of this name.

    Raises:
        ConsentError: it cannot be read, is not valid here and now, or is for another persona.

    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConsentMissingError(
            f"The consent record {path} cannot be read ({error.strerror}).",
            hint="`mien consent record` writes one, before the camera of the person shown.",
        ) from error
    consent = gate.record(data, sha256(data))
    if consent.record.persona != name:
        raise ConsentForeignError(
            f"The consent is to the persona {consent.record.persona!r}, not to {name!r}.",
            hint=f"Use its name (--name {consent.record.persona}), or record a consent to the other one.",
        )
    return data, consent


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
        from mien.engines.mesh.neutralise import neutralise
    except ImportError as error:
        raise MissingExtraError(
            f"Taking a smile out of a portrait needs the instant engine, which cannot be loaded ({error}).",
            hint="Install it with `pip install mediapipe`, or use a picture with a resting face.",
        ) from error
    return neutralise


def _landmarks(portrait: NDArray[np.uint8], face: Face) -> bytes:
    return dump_landmarks(face, portrait.shape[1], portrait.shape[0])
