"""Reading and writing persona packs. Nothing of a pack is believed before its hash is right."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tomli_w
from numpy.typing import NDArray

from mien.engines.consent.canonical import MAX_BYTES
from mien.engines.consent.errors import ConsentFilesError, ConsentMissingError
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME
from mien.engines.consent.verify import Consent, check_source
from mien.engines.personas.container import Container, Stamp, file_limit, open_container
from mien.engines.personas.landmarks import MAX_LANDMARKS_BYTES, parse_landmarks
from mien.engines.personas.manifest import (
    FORMAT,
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    Kind,
    Manifest,
    ModelTable,
    parse_manifest,
    sha256,
)
from mien.engines.personas.picture import decode_bgr, decode_grey
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError
from mien.realtime.face import BLENDSHAPE_NAMES, LANDMARK_COUNT
from mien.realtime.frame import Floats, Pixels, check_pixels

Mode = Literal["swap", "portrait"]
SHIPPED_ENCODERS = Path(__file__).parents[1] / "swapnet" / "assets"


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """A persona's trained networks, as bytes whose hashes are right; `engines.swapnet.load` makes engines of them.

    Attributes:
        encoder: ONNX.
        decoders: size to ONNX.
        int8: the same decoders with 8-bit layers, of sizes that have them.

    """

    encoder: bytes
    decoders: Mapping[str, bytes]
    int8: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ImportedModel:
    """A model that was made elsewhere, its hash right and named by the consent; it is not parsed yet.

    Attributes:
        format: a name of `mien.engines.formats.table.FORMATS`.
        data: of its file.

    """

    format: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Persona:
    """A pack that was loaded: every hash right, its consent valid, or its picture known to be rendered.

    Attributes:
        name: lower-case, as in the manifest.
        kind: "synthetic" (rendered from a seed) or "consented" (a signed record lies in the pack).
        engine: the kind of engine that the pack is made for, the best one where it is made for several.
        portrait: (H, W, 3) uint8 BGR, C-contiguous, read-only.
        landmarks: (478, 3) float32, px of the portrait, z in the same scale; read-only.
        blendshapes: (52,) float32 in 0..1, the portrait's expression; read-only.
        exclusion: (H, W) uint8, 255 where the portrait's brow is under hair and must not be pasted, or None.
        networks: the trained ones, or None where the pack has only a portrait.
        manifest: the whole of persona.toml.
        digest: SHA-256 of persona.toml, and so of the whole pack.
        location: the folder or zip.
        consent: what was allowed, and until when; None for a synthetic one.
        model: the imported one, or None.
        stamp: of the pack's files when they were read.

    """

    name: str
    kind: Kind
    engine: str
    portrait: Pixels
    landmarks: Floats
    blendshapes: Floats
    exclusion: NDArray[np.uint8] | None
    networks: Networks | None
    manifest: Manifest
    digest: str
    location: Path
    consent: Consent | None = None
    model: ImportedModel | None = None
    stamp: Stamp = ()

    def __post_init__(self) -> None:
        check_pixels(self.portrait, "portrait")
        for name, value, shape in (
            ("landmarks", self.landmarks, (LANDMARK_COUNT, 3)),
            ("blendshapes", self.blendshapes, (len(BLENDSHAPE_NAMES),)),
        ):
            if value.shape != shape or value.dtype != np.float32:
                raise PersonaError(f"{name} must be {shape} float32, got {value.shape} {value.dtype}.")
        if self.exclusion is not None and self.exclusion.shape != self.portrait.shape[:2]:
            raise PersonaError(f"exclusion must be {self.portrait.shape[:2]}, got {self.exclusion.shape}.")

    @property
    def engines(self) -> tuple[str, ...]:
        """The kinds of engine that its files serve, the one that it is made for first."""
        return (self.engine, *(kind for kind in _kinds(self.networks, self.model) if kind != self.engine))

    def label(self, mode: Mode) -> Literal["generated", "modified"]:
        """What the badge must say: "generated" only when nothing of any person's picture is left in the frame."""
        return "generated" if self.kind == "synthetic" and mode == "portrait" else "modified"

    def __repr__(self) -> str:
        height, width = self.portrait.shape[:2]
        return f"Persona({self.name!r}, {self.kind}, {self.engine}, {width}x{height} px, {self.digest[:12]})"


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """A pack's bytes after every hash was right, nothing but the manifest parsed.

    Attributes:
        manifest: the parsed persona.toml.
        digest: SHA-256 of persona.toml.
        files: the bytes of each file that the manifest lists.
        location: the folder or zip.
        stamp: of the files when they were read.

    """

    manifest: Manifest
    digest: str
    files: Mapping[str, bytes]
    location: Path
    stamp: Stamp

    def __repr__(self) -> str:
        return f"Contents({self.manifest.name!r}, {len(self.files)} files, {self.digest[:12]})"


def load_pack(path: Path | str, *, trust: Trust | None = None, known: Persona | None = None) -> Persona:
    """The persona in the folder or zip at `path`.

    Args:
        path: of the pack.
        trust: which packs are believed; default: this user's.
        known: what was loaded from there before. It is given again where no file has changed since, at a tenth of the
            time; whether it may be loaded is asked anew all the same.

    Raises:
        PersonaError: a file is changed, missing, too large or not listed; a synthetic pack was never rendered here.
            It names the file and the reason, and nothing is loaded.
        ConsentError: a `PersonaError`; the consent is missing, wrong, over or withdrawn.

    """
    trust = Trust() if trust is None else trust
    if known is not None and _unchanged(known, Path(path)):
        trust.require(known.manifest, known.digest, known.location)
        if known.kind == "consented":
            read_consent(known.location, trust)
        return known
    contents = read_contents(Path(path))
    return decode_contents(contents, admit(contents, trust))


def _unchanged(known: Persona, path: Path) -> bool:
    """Whether a pack is on disk as it was when it was loaded."""
    with open_container(path) as container:
        return (known.location, known.stamp) == (path, container.stamp) and known.digest == _manifest(container, path)[
            1
        ]


def admit(contents: Contents, trust: Trust) -> Consent | None:
    """Whether a pack may be loaded here; its consent, or None for one that is known to be rendered.

    Raises:
        PersonaError: see `load_pack`.

    """
    trust.require(contents.manifest, contents.digest, contents.location)
    if contents.manifest.kind == "synthetic":
        return None
    return trust.gate.admit(contents.manifest, contents.files, contents.location)


def read_consent(path: Path, trust: Trust) -> Consent:
    """The consent of a pack of kind `consented`, its pictures and networks not read: for lists.

    Raises:
        PersonaError: there is no pack, or its manifest is wrong.
        ConsentError: see `load_pack`.

    """
    with open_container(path) as container:
        manifest, _ = _manifest(container, path)
        small: set[str] = {RECORD_NAME, BINDING_NAME} & manifest.files.keys() & set(container.names)
        files = {name: _checked(container, name, manifest, path.name) for name in small}
    return trust.gate.admit(manifest, files, path)


def read_portrait(path: Path) -> Pixels:
    """A pack's picture, (H, W, 3) uint8 BGR, held against its hash; its other files not read: for lists.

    Raises:
        PersonaError: there is no pack, its manifest is wrong, or the picture is missing, changed or none.

    """
    with open_container(path) as container:
        manifest, _ = _manifest(container, path)
        if manifest.mesh is None:
            raise PersonaError(f"{path.name} has no portrait.")
        return decode_bgr(_checked(container, manifest.mesh.portrait, manifest, path.name), manifest.mesh.portrait)


def read_manifest(path: Path) -> tuple[Manifest, str]:
    """A pack's manifest and digest, its other files not read: for lists.

    Raises:
        PersonaError: there is no pack, or its manifest is wrong.

    """
    with open_container(path) as container:
        return _manifest(container, path)


def record_bytes(path: Path) -> bytes:
    """The consent record that lies in a pack, whatever it is worth.

    Raises:
        PersonaError: there is no pack, or its manifest is wrong.
        ConsentMissingError: it has none.

    """
    with open_container(path) as container:
        manifest, _ = _manifest(container, path)
        if manifest.record_file != RECORD_NAME or RECORD_NAME not in container.names:
            raise ConsentMissingError(f"{path.name}: has no signed consent record; it is {manifest.kind}.")
        return container.read(RECORD_NAME, MAX_BYTES)


def read_contents(path: Path) -> Contents:
    """Read a pack and hold every file against its hash; nothing but the manifest is parsed.

    Raises:
        PersonaError: see `load_pack`.

    """
    with open_container(path) as container:
        manifest, digest = _manifest(container, path)
        present = set(container.names) - {MANIFEST_NAME}
        if missing := sorted(set(manifest.files) - present):
            raise PersonaError(f"{path.name}: {missing[0]} is missing; {MANIFEST_NAME} lists it.")
        if unlisted := sorted(present - set(manifest.files)):
            raise PersonaError(
                f"{path.name}: {unlisted[0]} is not listed in {MANIFEST_NAME}, so it has no hash.",
                hint="Remove the file, or make the pack again.",
            )
        files = {name: _checked(container, name, manifest, path.name) for name in sorted(manifest.files)}
        stamp = container.stamp
    return Contents(manifest, digest, files, path, stamp)


def decode_contents(contents: Contents, consent: Consent | None = None) -> Persona:
    """Parse the files of a pack whose hashes are right. `check` uses it too; everybody else calls `load_pack`.

    Args:
        contents: of the pack.
        consent: what `admit` gave.

    Raises:
        PersonaError: a file is not what its role needs.

    """
    manifest, files, pack = contents.manifest, contents.files, contents.location.name
    mesh = manifest.mesh
    kinds = _kinds(manifest.swapnet, manifest.model)
    if manifest.engine not in kinds or mesh is None:
        lacks = "and has no [mesh] table" if mesh is None else f"and has files for {', '.join(kinds)} alone"
        raise PersonaError(f"{pack}: is made for the engine {manifest.engine!r} {lacks}.")
    portrait = decode_bgr(files[mesh.portrait], f"{pack}: {mesh.portrait}")
    height, width = portrait.shape[:2]
    if len(files[mesh.landmarks]) > MAX_LANDMARKS_BYTES:
        raise PersonaError(f"{pack}: {mesh.landmarks} has more than {MAX_LANDMARKS_BYTES} bytes.")
    tracked = parse_landmarks(files[mesh.landmarks], f"{pack}: {mesh.landmarks}", (width, height))
    exclusion = None if mesh.mask is None else decode_grey(files[mesh.mask], f"{pack}: {mesh.mask}")
    if exclusion is not None and exclusion.shape != (height, width):
        sides = f"{exclusion.shape[1]}x{exclusion.shape[0]} px; the portrait has {width}x{height} px"
        raise PersonaError(f"{pack}: {mesh.mask} has {sides}.")
    return Persona(
        name=manifest.name,
        kind=manifest.kind,
        engine=manifest.engine,
        portrait=portrait,
        landmarks=tracked.landmarks,
        blendshapes=tracked.blendshapes,
        exclusion=exclusion,
        networks=_networks(contents),
        manifest=manifest,
        digest=contents.digest,
        location=contents.location,
        consent=consent,
        model=_model(contents, consent),
        stamp=contents.stamp,
    )


def _kinds(networks: object | None, model: ModelTable | ImportedModel | None) -> tuple[str, ...]:
    """The kinds of engine that a pack has files for."""
    return (
        "mesh", *(("swapnet",) if networks is not None else ()), *((model.format,) if model is not None else ()),
    )  # fmt: skip


def _model(contents: Contents, consent: Consent | None) -> ImportedModel | None:
    table = contents.manifest.model
    if table is None:
        return None
    if consent is not None:
        # The binding is this machine's word; that it is this very model is the subject's.
        check_source(consent, contents.manifest.digests[table.file], table.file)
    return ImportedModel(table.format, contents.files[table.file])


def _networks(contents: Contents) -> Networks | None:
    table, pack = contents.manifest.swapnet, contents.location.name
    if table is None:
        return None
    hashes = contents.manifest.digests
    own = [data for name, data in contents.files.items() if name.endswith(".onnx") and hashes[name] == table.encoder]
    encoder = own[0] if own else shipped_encoder(table.encoder)
    if encoder is None:
        raise PersonaError(
            f"{pack}: its network needs the encoder {table.encoder[:16]}..., which is neither in the pack nor in this "
            "version of Mien.",
            hint="Train it again with this version: `mien train`.",
        )
    decoders, int8 = (
        {str(size): contents.files[name] for size, name in each.items()} for each in (table.decoders, table.int8 or {})
    )
    return Networks(encoder, decoders, int8)


def shipped_encoder(digest: str) -> bytes | None:
    """The encoder that ships with Mien under this SHA-256, or None."""
    for place in sorted(SHIPPED_ENCODERS.glob("*.onnx")):
        data = place.read_bytes()
        if sha256(data) == digest:
            return data
    return None


def write_pack(out: Path, table: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """Write a pack whole or not at all; a name that ends in .zip makes a zip.

    Args:
        out: of the new pack; must not exist.
        table: `persona.toml` without ``format`` and ``files``.
        files: name to bytes.

    Returns:
        The pack's digest.

    Raises:
        PersonaError: `out` exists or cannot be written, or the table is not a manifest.

    """
    data = manifest_bytes(table, files)
    parse_manifest(data, out.name)
    if out.exists():
        raise PersonaError(f"{out} is there already.", hint="Choose another name, or remove it first.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".mien-") as scratch:
            built = Path(scratch) / "pack"
            _write_files(built, {MANIFEST_NAME: data, **files}, zipped=out.suffix.lower() == ".zip")
            built.rename(out)
    except OSError as error:
        raise PersonaError(
            f"The pack {out} cannot be written ({error.strerror}).", hint="Check the folder and the free disk."
        ) from error
    return sha256(data)


def manifest_bytes(table: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """`persona.toml` for `table` with the hash and size of each of `files`."""
    entries = {name: {"sha256": sha256(data), "size": len(data)} for name, data in sorted(files.items())}
    return tomli_w.dumps({"format": FORMAT, **table, "files": entries}).encode("utf-8")


def _write_files(built: Path, files: Mapping[str, bytes], *, zipped: bool) -> None:
    if zipped:
        with zipfile.ZipFile(built, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                # Without the time of day, so that equal packs are equal files.
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return
    for name, data in files.items():
        target = built / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _manifest(container: Container, path: Path) -> tuple[Manifest, str]:
    if MANIFEST_NAME not in container.names:
        raise PersonaError(f"{path.name}: {MANIFEST_NAME} is missing; that is no persona pack.")
    data = container.read(MANIFEST_NAME, MAX_MANIFEST_BYTES)
    return parse_manifest(data, path.name), sha256(data)


def _checked(container: Container, name: str, manifest: Manifest, pack: str) -> bytes:
    entry = manifest.files[name]
    data = container.read(name, file_limit(name))
    if len(data) != entry.size or sha256(data) != entry.sha256:
        role = "the consent record" if manifest.consent and name == manifest.consent.file else "this file"
        kind = ConsentFilesError if manifest.kind == "consented" else PersonaError
        raise kind(
            f"{pack}: {name} was changed: its SHA-256 is {sha256(data)[:16]}..., {MANIFEST_NAME} says "
            f"{entry.sha256[:16]}.... Nothing was loaded.",
            hint=f"Get the pack again from where it came; {role} must be exactly what it was made with.",
        )
    return data
