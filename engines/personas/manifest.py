"""`persona.toml`: what a pack says about itself, checked before any other file is opened."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mien.engines.consent.canonical import ONE_LINE
from mien.engines.consent.errors import ConsentFilesError, ConsentMissingError
from mien.engines.formats.table import MAX_MODEL_BYTES, format_named, is_model
from mien.engines.personas.container import MAX_FILES, check_name, file_limit
from mien.realtime.errors import PersonaError

FORMAT = 1
MANIFEST_NAME = "persona.toml"
MAX_MANIFEST_BYTES = 64 * 2**10
#: Manifests that are kept parsed.
_KEPT = 64
#: Files that a pack may hold. Nothing that runs code when it is loaded is among them.
ALLOWED_SUFFIXES = (".png", ".jpg", ".jpeg", ".json", ".txt", ".md", ".pdf", ".onnx")
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,39}$"
#: Names that Windows gives to devices; a folder cannot have them there.
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])$")

Kind = Literal["synthetic", "consented"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=ONE_LINE)]


class KindError(PersonaError):
    """A pack that claims to be of another kind than its own tables say."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(_Table):
    """One line of ``[files]``: SHA-256 (64 lower-case hex digits) and size, bytes."""

    sha256: Sha256
    size: Annotated[int, Field(ge=1, le=MAX_MODEL_BYTES)]


class MeshTable(_Table):
    """``[mesh]``: which files the instant engine needs.

    Attributes:
        portrait: picture of the face, PNG or JPEG.
        landmarks: JSON with the 478 landmarks and 52 blendshapes of the portrait.
        mask: optional grey picture, as large as the portrait; 255 where hair covers the brow.

    """

    portrait: str
    landmarks: str
    mask: str | None = None


SizeName = Literal["tiny", "small", "base", "large"]


class SwapnetTable(_Table):
    """``[swapnet]``: the trained network.

    Attributes:
        encoder: SHA-256 of the encoder that the decoders were trained with; a file of the pack, or one that ships.
        decoders: size ("small", "base", ...) to the decoder's file, ONNX.
        int8: the same with 8-bit layers (see `mien.engines.swapnet.integers`), of sizes that have them.
        training: JSON with how it was trained and how it scored.

    """

    encoder: Sha256
    decoders: Annotated[dict[SizeName, str], Field(min_length=1)]
    int8: Annotated[dict[SizeName, str], Field(min_length=1)] | None = None
    training: str | None = None


class ModelTable(_Table):
    """``[model]``: a model that was made elsewhere.

    Attributes:
        file: as it was imported.
        format: a name of `mien.engines.formats.table.FORMATS`.

    """

    file: str
    format: Line


class ConsentTable(_Table):
    """``[consent]``: the signed record's file (see `mien.engines.consent.record`) and its SHA-256."""

    file: str
    sha256: Sha256


class Manifest(_Table):
    """The whole of `persona.toml`; see docs/personas.md for each key."""

    format: Literal[1]
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    kind: Kind
    engine: Line
    licence: Line
    description: Line
    files: Annotated[dict[str, FileEntry], Field(min_length=1, max_length=MAX_FILES)]
    mesh: MeshTable | None = None
    swapnet: SwapnetTable | None = None
    model: ModelTable | None = None
    cast: dict[str, Any] | None = None
    consent: ConsentTable | None = None

    @property
    def record_file(self) -> str | None:
        """The file that ``[consent]`` names, if there is one."""
        return None if self.consent is None else self.consent.file

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of each file."""
        return {name: entry.sha256 for name, entry in self.files.items()}


def sha256(data: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=_KEPT)
def parse_manifest(data: bytes, pack: str) -> Manifest:
    """Read `persona.toml`; the same bytes are parsed once, since every list of personas reads them all.

    Args:
        data: its bytes, at most `MAX_MANIFEST_BYTES`.
        pack: what to call the pack in an error.

    Raises:
        PersonaError: it is not TOML, a key is unknown, missing or out of its range, or its parts disagree.

    """
    where = f"{pack}: {MANIFEST_NAME}"
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PersonaError(f"{where} is not TOML in UTF-8 ({error}).") from error
    if isinstance(version := table.get("format"), int) and version > FORMAT:
        raise PersonaError(
            f"{where} has format {version}; this version of Mien reads {FORMAT}.", hint="Update Mien to use this pack."
        )
    _check_keys(table, where)
    try:
        manifest = Manifest.model_validate(table)
    except ValidationError as error:
        raise PersonaError(f"{where}: {_first_error(error)}") from error
    _check_files(manifest, where)
    _check_kind(manifest, where)
    return manifest


def check_persona_name(name: str) -> str:
    """Return `name`, or raise `PersonaError` unless it is one that a pack and a folder may have on every system."""
    if not re.match(NAME_PATTERN, name) or _RESERVED.match(name):
        raise PersonaError(
            f"{name!r} cannot be a persona's name; use 1 to 40 lower-case letters, digits, '-' and '_', "
            "a letter or digit first, and no device name of Windows (con, nul, ...)."
        )
    return name


def _check_keys(table: dict[str, Any], where: str) -> None:
    _check_table(table, Manifest, "", where)
    tables: dict[str, type[BaseModel]] = {
        "mesh": MeshTable, "swapnet": SwapnetTable, "model": ModelTable, "consent": ConsentTable,
    }  # fmt: skip
    for key, model in tables.items():
        _check_table(table.get(key), model, f"[{key}] ", where)
    files = table.get("files")
    for name, entry in files.items() if isinstance(files, dict) else ():
        _check_table(entry, FileEntry, f"[files] {name!r} ", where)


def _check_table(table: object, model: type[BaseModel], label: str, where: str) -> None:
    known = list(model.model_fields)
    for key in table if isinstance(table, dict) else ():
        if key not in known:
            near = get_close_matches(key, known, 1, 0.5)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
            raise PersonaError(f"{where}: {label}has the unknown key {key!r}.", hint=hint)


def _first_error(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in detail["loc"])
    given = "" if detail["type"] == "missing" else f" It is {str(detail['input'])[:80]!r}."
    return f"the key {key!r} is wrong: {detail['msg']}.{given}"


def _check_files(manifest: Manifest, where: str) -> None:
    for name, entry in manifest.files.items():
        check_name(name, where)
        if entry.size > file_limit(name):
            raise PersonaError(f"{where}: [files] {name!r} has {entry.size} bytes; allowed are {file_limit(name)}.")
        if not name.lower().endswith(ALLOWED_SUFFIXES) and not is_model(name):
            allowed = f"{', '.join(ALLOWED_SUFFIXES)} files, and one imported model"
            raise PersonaError(f"{where}: [files] lists {name!r}; a pack may hold {allowed}.")
    roles: dict[str, str | None] = {
        "[mesh] portrait": manifest.mesh.portrait if manifest.mesh else None,
        "[mesh] landmarks": manifest.mesh.landmarks if manifest.mesh else None,
        "[mesh] mask": manifest.mesh.mask if manifest.mesh else None,
        "[model] file": manifest.model.file if manifest.model else None,
        "[consent] file": manifest.consent.file if manifest.consent else None,
    }
    if manifest.swapnet is not None:
        roles |= {f"[swapnet.decoders] {size}": file for size, file in manifest.swapnet.decoders.items()}
        int8 = manifest.swapnet.int8 or {}
        roles |= {f"[swapnet.int8] {size}": file for size, file in int8.items()}
        if alone := sorted(int8.keys() - manifest.swapnet.decoders.keys()):
            raise PersonaError(f"{where}: [swapnet.int8] has the size {alone[0]!r}, which [swapnet.decoders] lacks.")
        roles["[swapnet] training"] = manifest.swapnet.training
    for role, file in roles.items():
        if file is not None and file not in manifest.files:
            raise PersonaError(f"{where}: {role} is {file!r}, which [files] does not list, so it has no hash.")
    if manifest.model is not None and not manifest.model.file.endswith(format_named(manifest.model.format).suffix):
        raise PersonaError(f"{where}: [model] file {manifest.model.file!r} is none of {manifest.model.format!r}.")


def _check_kind(manifest: Manifest, where: str) -> None:
    if manifest.kind == "consented":
        if manifest.cast is not None:
            raise KindError(f"{where}: kind 'consented' with a [cast] table; only a synthetic persona has one.")
        if manifest.consent is None:
            raise ConsentMissingError(
                f"{where}: kind 'consented' without a [consent] table: the record of the person shown is missing.",
                hint="Make the pack again: `mien persona create --portrait PICTURE --consent consent.json`.",
            )
        listed = manifest.files[manifest.consent.file].sha256
        if listed != manifest.consent.sha256:
            raise ConsentFilesError(
                f"{where}: [consent] and [files] give different hashes for {manifest.consent.file}."
            )
        return
    if manifest.model is not None:
        raise KindError(
            f"{where}: kind 'synthetic' with a [model] table; nobody can know whom a model that was made elsewhere "
            "shows, so it needs a consent.",
            hint="Import it: `mien persona import MODEL --name NAME --consent FILE`.",
        )
    if manifest.consent is not None:
        raise KindError(f"{where}: kind 'synthetic' with a [consent] table; a synthetic persona shows nobody.")
    if not manifest.cast:
        raise KindError(
            f"{where}: kind 'synthetic' without a [cast] table; only what the cast rendered from a seed is synthetic.",
            hint="A pack made from a photo is always 'consented': `mien persona create`.",
        )
