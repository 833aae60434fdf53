"""A persona from a model that was made elsewhere. Whatever its file claims, what comes of it is always `consented`."""

from __future__ import annotations

from pathlib import Path

from mien.engines.consent.record import BINDING_NAME, RECORD_NAME
from mien.engines.consent.verify import check_source
from mien.engines.formats.table import format_of
from mien.engines.personas.create import consent_for
from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.manifest import check_persona_name, sha256
from mien.engines.personas.pack import load_pack, write_pack
from mien.engines.personas.picture import encode_png
from mien.engines.personas.renders import read_model, renders
from mien.engines.personas.still import FaceFinder
from mien.engines.personas.trust import Trust
from mien.realtime.errors import ModelError

_PORTRAIT, _LANDMARKS = "portrait.png", "landmarks.json"


def import_model(
    model_path: Path,
    consent_path: Path,
    name: str,
    *,
    out: Path,
    tracker: FaceFinder,
    licence: str = "All rights reserved; use as the consent record allows",
    description: str = "A model that was made elsewhere, with a signed record of consent.",
    trust: Trust | None = None,
) -> tuple[str, str]:
    """Make a pack of kind `consented` of a model's file.

    The portrait in it is a render of the model, worn by one of the cast. It stands in while the model loads, and where
    it cannot run.

    Args:
        model_path: of a format of `mien.engines.formats.table`; a stranger's.
        consent_path: what `mien consent record --model` (or `figure`) wrote, for a persona of this name and this very
            file. A copy of it goes into the pack.
        name: of the persona.
        out: of the new pack, a folder or a name that ends in .zip; must not exist.
        tracker: finds the render's face.
        licence: one line.
        description: one line.
        trust: whose gate judges the consent and binds the pack; default: this user's.

    Returns:
        The pack's digest, and one line on the model.

    Raises:
        ConsentError: a `PersonaError`; the consent is not valid, or not for this file.
        EngineError: no runtime can run the model.
        MissingExtraError: a package that is needed is not installed.
        ModelError: the file is no acceptable model, or renders no face.
        PersonaError: the file cannot be read, or the pack not be written.

    """
    check_persona_name(name)
    kept = Trust() if trust is None else trust
    record, consent = consent_for(consent_path, name, kept.gate)
    form = format_of(model_path.name)
    data = read_model(model_path)
    check_source(consent, sha256(data), model_path.name)
    model = form.read(data, model_path.name)
    portrait = renders(model, model_path.name)[0]
    faces = tracker(portrait)
    if len(faces) != 1:
        raise ModelError(f"The model {model_path.name} renders a picture with {len(faces)} faces; one is needed.")
    file = f"model{form.suffix}"
    files = {
        file: data,
        _PORTRAIT: encode_png(portrait),
        _LANDMARKS: dump_landmarks(faces[0], portrait.shape[1], portrait.shape[0]),
        RECORD_NAME: record,
    }
    files[BINDING_NAME] = kept.gate.bind(consent, {each: sha256(content) for each, content in files.items()})
    table = {
        "name": name,
        "kind": "consented",
        "engine": form.name,
        "licence": licence,
        "description": description,
        "mesh": {"portrait": _PORTRAIT, "landmarks": _LANDMARKS},
        "model": {"file": file, "format": form.name},
        "consent": {"file": RECORD_NAME, "sha256": consent.digest},
    }
    digest = write_pack(out, table, files)
    load_pack(out, trust=kept)  # what was written is what will be read, by the same checks
    return digest, model.summary
