"""Ends a training run: a persona's pack with its networks and the record of how they were made."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mien.engines.consent.record import BINDING_NAME
from mien.engines.personas.manifest import Manifest, sha256
from mien.engines.personas.pack import Contents, admit, load_pack, read_manifest, write_pack
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError

ENCODER_NAME, TRAINING_NAME = "encoder.onnx", "training.json"


def decoder_name(size: str) -> str:
    """A decoder's file in a pack."""
    return f"{size}.onnx"


def integer_name(size: str) -> str:
    """The file of a decoder with 8-bit layers."""
    return f"{size}.int8.onnx"


def network_files(
    manifest: Manifest, files: Mapping[str, bytes], encoder: bytes, decoders: Mapping[str, bytes],
    training: Mapping[str, Any], int8: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[dict[str, Any], dict[str, bytes]]:  # fmt: skip
    """A manifest's table and its files, with networks added or replaced.

    Decoders of other sizes stay, if they were trained with this encoder; of these sizes no older 8-bit layers stay.

    Args:
        manifest: of the persona as it is.
        files: its files.
        encoder: ONNX.
        decoders: size to ONNX.
        training: plain values; of each size what it was trained by.
        int8: size to ONNX, the same decoders with 8-bit layers.

    """
    digest = sha256(encoder)
    kept = dict(files)
    known: dict[str, str] = {}
    known_int8: dict[str, str] = {}
    record: dict[str, Any] = {}
    if manifest.swapnet is not None:
        known = {str(size): name for size, name in manifest.swapnet.decoders.items()}
        known_int8 = {str(size): name for size, name in (manifest.swapnet.int8 or {}).items()}
        if manifest.swapnet.training is not None:
            record = training_record(kept.pop(manifest.swapnet.training), manifest.name)
        if manifest.swapnet.encoder != digest:
            for name in (*known.values(), *known_int8.values()):
                kept.pop(name, None)
            known, known_int8, record = {}, {}, {}
            kept.pop(ENCODER_NAME, None)
    for size in decoders:
        kept.pop(known_int8.pop(size, ""), None)
    kept |= {decoder_name(size): data for size, data in decoders.items()}
    kept |= {integer_name(size): data for size, data in int8.items()}
    kept[TRAINING_NAME] = (json.dumps(record | dict(training), indent=2) + "\n").encode()
    # Packed even if it ships: a later version may ship another, and this pack is to go on working.
    kept[ENCODER_NAME] = encoder
    table = manifest.model_dump(mode="json", exclude_none=True, exclude={"format", "files"})
    table["engine"] = "swapnet"
    table["swapnet"] = {
        "encoder": digest, "decoders": known | {size: decoder_name(size) for size in decoders},
        "training": TRAINING_NAME,
    }  # fmt: skip
    if known_int8 or int8:
        table["swapnet"]["int8"] = known_int8 | {size: integer_name(size) for size in int8}
    return table, kept


def training_record(data: bytes, name: str) -> dict[str, Any]:
    """What a pack tells of its networks' training, by their size; plain values that anybody may have written.

    Raises:
        PersonaError: it is no JSON table.

    """
    try:
        found = json.loads(data)
        if not isinstance(found, dict):
            raise ValueError("it is no table")
    except (ValueError, RecursionError) as error:
        raise PersonaError(f"{name}: its record of training cannot be read ({error}).") from error
    return found


def check_place(out: Path, contents: Contents) -> None:
    """Raise `PersonaError` where something lies at `out` that is not this persona's own pack: it would be replaced."""
    if not out.exists() or out.resolve() == contents.location.resolve():
        return
    try:
        manifest, _ = read_manifest(out)
    except PersonaError:
        manifest = None
    if manifest is None or (manifest.name, manifest.kind) != (contents.manifest.name, contents.manifest.kind):
        raise PersonaError(
            f"{out} is there already, and is no pack of {contents.manifest.name!r}.", hint="Choose another place."
        )


def add_networks(
    contents: Contents,
    encoder: bytes,
    decoders: Mapping[str, bytes],
    training: Mapping[str, Any],
    *,
    out: Path,
    trust: Trust,
    int8: Mapping[str, bytes] = MappingProxyType({}),
) -> str:
    """Write a persona's pack with networks to `out`, which may be where it came from; returns its digest.

    The new pack is whole and was loaded before the old one goes. A synthetic persona's networks are believed to be
    rendered because whoever calls this rendered what they learnt from, and because the pack was trusted before. A
    consented one's are bound to its consent anew, if that allows training: whoever calls this has compared what they
    learnt from with the portrait.

    Raises:
        PersonaError: the pack may not be loaded here or trained, `out` is something else, it cannot be written, or
            what was written does not load.

    """
    consent = admit(contents, trust)
    check_place(out, contents)
    table, files = network_files(contents.manifest, contents.files, encoder, decoders, training, int8)
    if consent is not None:
        consent.require("training")
        files[BINDING_NAME] = trust.gate.bind(consent, {name: sha256(data) for name, data in files.items()})
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".mien-") as scratch:
        made = Path(scratch) / out.name
        digest = write_pack(made, table, files)
        if contents.manifest.kind == "synthetic":
            trust.remember(digest)
        load_pack(made, trust=trust)
        old = Path(scratch) / "old"
        try:
            if out.exists():
                out.rename(old)
            made.rename(out)
        except BaseException as error:
            if old.exists() and not out.exists():
                old.rename(out)
            if isinstance(error, OSError):
                raise PersonaError(f"The pack {out} cannot be written ({error.strerror}).") from error
            raise
        shutil.rmtree(old, ignore_errors=True)
    return digest
