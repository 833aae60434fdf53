"""Build the shipped packs from what the cast rendered: `python -m mien.engines.personas.ship`.

In each folder of `engines/personas/shipped` the cast leaves `portrait.jpg` (or .png) and `cast.json`, the recipe, and
`mien.engines.swapnet.ship` the networks of those that were trained. This command tracks the portrait, writes
`landmarks.json` and `persona.toml` beside it, and then the table of known digests. Run it again whenever a portrait was
rendered anew; it changes nothing when nothing changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.engines.personas.check import check
from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.manifest import MANIFEST_NAME, parse_manifest, sha256
from mien.engines.personas.pack import decode_contents, manifest_bytes, read_contents
from mien.engines.personas.picture import decode_bgr
from mien.engines.personas.still import FaceFinder, StillTracker
from mien.engines.personas.synthetic import LANDMARKS_NAME, MASK_NAME, RECIPE_NAME, synthetic_table
from mien.engines.personas.trust import Trust
from mien.engines.swapnet.pack import TRAINING_NAME, decoder_name, integer_name
from mien.realtime.errors import MienError, PersonaError

DIGESTS_FILE = Path(__file__).parent / "shipped_digests.py"
PORTRAIT_NAMES = ("portrait.jpg", "portrait.png")
_MAX_RECIPE_BYTES = 64 * 2**10


def build(folder: Path, tracker: FaceFinder) -> str:
    """Write `landmarks.json` and `persona.toml` of one shipped persona; returns its digest.

    Args:
        folder: with a portrait and its recipe.
        tracker: finds the portrait's face.

    Raises:
        PersonaError: a file is missing or the portrait does not show exactly one face.

    """
    portrait = _one_portrait(folder)
    recipe_data = (folder / RECIPE_NAME).read_bytes()[:_MAX_RECIPE_BYTES]
    recipe = json.loads(recipe_data)
    data = portrait.read_bytes()
    pixels = decode_bgr(data, f"{folder.name}: {portrait.name}")
    faces = tracker(pixels)
    if len(faces) != 1:
        raise PersonaError(f"{folder.name}: {portrait.name} shows {len(faces)} faces; a persona has one.")
    landmarks = dump_landmarks(faces[0], pixels.shape[1], pixels.shape[0])
    files = {portrait.name: data, RECIPE_NAME: recipe_data, LANDMARKS_NAME: landmarks}
    if (folder / MASK_NAME).is_file():
        files[MASK_NAME] = (folder / MASK_NAME).read_bytes()
    table = synthetic_table(folder.name, recipe, portrait.name, masked=MASK_NAME in files)
    if (folder / TRAINING_NAME).is_file():
        files |= {path.name: path.read_bytes() for path in (*sorted(folder.glob("*.onnx")), folder / TRAINING_NAME)}
        table |= {"swapnet": _swapnet(folder.name, files)}
        # A network of 128 px is softer than the portrait: worn when it is asked for, and not by itself.
        if decoder_name("base") in files:
            table["engine"] = "swapnet"
    manifest = manifest_bytes(table, files)
    parse_manifest(manifest, folder.name)
    (folder / LANDMARKS_NAME).write_bytes(landmarks)
    (folder / MANIFEST_NAME).write_bytes(manifest)
    decode_contents(read_contents(folder))
    return sha256(manifest)


def build_all(shipped: Path, digests_file: Path, tracker: FaceFinder) -> dict[str, str]:
    """`build` each folder of `shipped` that has a recipe, and write the table of digests.

    Raises:
        PersonaError: see `build`.

    """
    folders = sorted(path.parent for path in shipped.glob(f"*/{RECIPE_NAME}"))
    digests = {folder.name: build(folder, tracker) for folder in folders}
    digests_file.write_text(_digests_module(digests), encoding="ascii", newline="\n")
    return digests


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m mien.engines.personas.ship", description=__doc__)
    parser.add_argument("--render", action="store_true", help="render each persona again and compare (slow)")
    options = parser.parse_args(arguments)
    try:
        tracker = StillTracker()
        digests = build_all(SHIPPED_DIR, DIGESTS_FILE, tracker)
        lines = [f"{name}  {digest}" for name, digest in digests.items()]
        code = 0
        for name in digests if options.render else ():
            report = check(SHIPPED_DIR / name, tracker=tracker, trust=Trust())
            lines += [f"{name}: {item.name} {item.state}: {item.detail}" for item in report.items]
            code = max(code, report.exit_code)
    except MienError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write("\n".join(lines) + "\n")
    return code


def _swapnet(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    """The manifest's ``[swapnet]`` of networks that `mien.engines.swapnet.ship` put beside the portrait."""
    record = json.loads(files[TRAINING_NAME])
    encoders = {str(run["encoder"]) for run in record.values()}
    if len(encoders) != 1:
        raise PersonaError(f"{name}: its decoders were trained with {len(encoders)} encoders; one is needed.")
    decoders = {size: decoder_name(size) for size in record}
    int8 = {size: name for size in record if (name := integer_name(size)) in files}
    table = {"encoder": encoders.pop(), "decoders": decoders, "training": TRAINING_NAME}
    return table | {"int8": int8} if int8 else table


def _one_portrait(folder: Path) -> Path:
    found = [folder / name for name in PORTRAIT_NAMES if (folder / name).is_file()]
    if len(found) != 1:
        raise PersonaError(f"{folder.name}: needs exactly one of {', '.join(PORTRAIT_NAMES)}; it has {len(found)}.")
    return found[0]


def _digests_module(digests: dict[str, str]) -> str:
    rows = "".join(f'        "{name}": "{digest}",\n' for name, digest in sorted(digests.items()))
    table = f"{{\n{rows}    }}" if rows else "{}"
    call = f"MappingProxyType(\n    {table}\n)" if rows else "MappingProxyType({})"
    return (
        '"""SHA-256 of the manifest of each shipped persona. '
        'Written by `python -m mien.engines.personas.ship`; do not edit."""\n\n'
        "from __future__ import annotations\n\n"
        "from collections.abc import Mapping\nfrom types import MappingProxyType\nfrom typing import Final\n\n"
        f"SHIPPED_DIGESTS: Final[Mapping[str, str]] = {call}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
