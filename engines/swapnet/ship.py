"""Put a trained persona's networks among what ships: `python -m mien.engines.swapnet.ship PACK ...`.

PACK is what `mien train NAME --out PACK` made of a shipped persona. Its decoders and their record go beside the
portrait, an encoder that it carries becomes the shipped one, and the shipped packs are built again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.pack import SHIPPED_ENCODERS, Contents, read_contents
from mien.engines.personas.ship import DIGESTS_FILE, build_all
from mien.engines.personas.still import StillTracker
from mien.engines.swapnet.pack import ENCODER_NAME, TRAINING_NAME, decoder_name, integer_name
from mien.realtime.errors import MienError, PersonaError


def place(contents: Contents, shipped: Path, encoders: Path) -> list[Path]:
    """Copy a pack's networks to a shipped persona's folder; returns what was written.

    Raises:
        PersonaError: the pack has no networks, or its persona does not ship.

    """
    manifest = contents.manifest
    folder = shipped / manifest.name
    if manifest.swapnet is None or manifest.swapnet.training is None:
        raise PersonaError(f"{contents.location} has no trained network.", hint="mien train NAME --paired --out PACK")
    if not folder.is_dir():
        raise PersonaError(f"No persona {manifest.name!r} ships.")
    written = []
    if ENCODER_NAME in contents.files:
        encoders.mkdir(parents=True, exist_ok=True)
        written.append(_write(encoders / ENCODER_NAME, contents.files[ENCODER_NAME]))
    for size, name in manifest.swapnet.decoders.items():
        written.append(_write(folder / name, contents.files[name]))
        # Older ones are another network's.
        (folder / integer_name(size)).unlink(missing_ok=True)
    for name in (manifest.swapnet.int8 or {}).values():
        written.append(_write(folder / name, contents.files[name]))
    known = folder / TRAINING_NAME
    record = json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
    record |= json.loads(contents.files[manifest.swapnet.training])
    # Decoders of an encoder that no longer ships are of no use.
    for size in [size for size, run in record.items() if run["encoder"] != manifest.swapnet.encoder]:
        del record[size]
        for name in (decoder_name(size), integer_name(size)):
            (folder / name).unlink(missing_ok=True)
    written.append(_write(known, (json.dumps(record, indent=2) + "\n").encode()))
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m mien.engines.swapnet.ship", description=__doc__)
    parser.add_argument("packs", nargs="+", type=Path, metavar="PACK")
    options = parser.parse_args(arguments)
    try:
        for pack in options.packs:
            for path in place(read_contents(pack), SHIPPED_DIR, SHIPPED_ENCODERS):
                sys.stdout.write(f"{path} {path.stat().st_size / 1e6:.2f} MB\n")
        for name, digest in build_all(SHIPPED_DIR, DIGESTS_FILE, StillTracker()).items():
            sys.stdout.write(f"{name}  {digest}\n")
    except MienError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    sys.exit(main())
