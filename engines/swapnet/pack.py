"""Ends a training run: a persona's pack with its networks and the record of how they were made."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.engines.personas.manifest import Manifest, sha256
from mien.engines.personas.pack import Contents, load_pack, shipped_encoder, write_pack
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError

ENCODER_NAME, TRAINING_NAME = "encoder.onnx", "training.json"


def decoder_name(size: str) -> str:
    """A decoder's file in a pack."""
    return f"{size}.onnx"


def network_files(
    manifest: Manifest, files: Mapping[str, bytes], encoder: bytes, decoders: Mapping[str, bytes],
    training: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, bytes]]:  # fmt: skip
    """A manifest's table and its files, with networks added or replaced.

    Decoders of other sizes stay, if they were trained with this encoder; an encoder that ships is not packed again.

    Args:
        manifest: of the persona as it is.
        files: its files.
        encoder: ONNX.
        decoders: size to ONNX.
        training: plain values; of each size what it was trained by.

    """
    digest = sha256(encoder)
    kept = dict(files)
    known: dict[str, str] = {}
    record: dict[str, Any] = {}
    if manifest.swapnet is not None:
        known = {str(size): name for size, name in manifest.swapnet.decoders.items()}
        if manifest.swapnet.training is not None:
            record = json.loads(kept.pop(manifest.swapnet.training))
        if manifest.swapnet.encoder != digest:
            for name in known.values():
                kept.pop(name, None)
            known, record = {}, {}
            kept.pop(ENCODER_NAME, None)
    kept |= {decoder_name(size): data for size, data in decoders.items()}
    kept[TRAINING_NAME] = (json.dumps(record | dict(training), indent=2) + "\n").encode()
    if shipped_encoder(digest) is None:
        kept[ENCODER_NAME] = encoder
    table = manifest.model_dump(mode="json", exclude_none=True, exclude={"format", "files"})
    table["engine"] = "swapnet"
    table["swapnet"] = {
        "encoder": digest, "decoders": known | {size: decoder_name(size) for size in decoders},
        "training": TRAINING_NAME,
    }  # fmt: skip
    return table, kept


def add_networks(
    contents: Contents,
    encoder: bytes,
    decoders: Mapping[str, bytes],
    training: Mapping[str, Any],
    *,
    out: Path,
    trust: Trust,
) -> str:
    """Write a persona's pack with networks to `out`, which may be where it came from; returns its digest.

    The new pack is whole and was loaded before the old one goes.

    Raises:
        PersonaError: it cannot be written, or what was written does not load.

    """
    table, files = network_files(contents.manifest, contents.files, encoder, decoders, training)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".mien-") as scratch:
        made = Path(scratch) / out.name
        digest = write_pack(made, table, files)
        if contents.manifest.kind == "synthetic":
            # Its pictures were rendered here, by the run that this ends.
            trust.remember(digest)
        load_pack(made, trust=trust)
        old = Path(scratch) / "old"
        try:
            if out.exists():
                out.rename(old)
            made.rename(out)
        except OSError as error:
            if old.exists() and not out.exists():
                old.rename(out)
            raise PersonaError(f"The pack {out} cannot be written ({error.strerror}).") from error
        shutil.rmtree(old, ignore_errors=True)
    return digest
