"""The compiled kernels that ship: one file with machine code for each GPU generation, and PTX for those to come."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from mien.engines.cuda.unit import FOLDER, unit
from mien.realtime.errors import ModelError

#: The compiled kernels, and the note of what they were made from.
FATBIN: Final = FOLDER / "kernels.fatbin"
NOTE: Final = FOLDER / "kernels.json"
#: Machine code for these; a GPU runs that of its own generation's lower number (8.7 that of 8.0 or 8.6, 12.1 of 12.0).
ARCHITECTURES: Final = (75, 80, 86, 89, 90, 100, 110, 120)
#: As a GPU is to round as the tested CPU build does. NVRTC takes the same.
LANGUAGE_OPTIONS: Final = ("--std=c++17", "--fmad=false")


def recipe_sha256() -> str:
    """Hash of all that the compiled kernels depend on, the compiler aside: sources, options, architectures."""
    parts = (unit(), *LANGUAGE_OPTIONS, *(str(number) for number in ARCHITECTURES))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_fatbin(fatbin: Path = FATBIN, note: Path = NOTE) -> bytes:
    """The compiled kernels, for a driver to load.

    Raises:
        ModelError: they are missing, were changed, or were made from other sources than those beside them.

    """
    hint = "Install Mien again; in a checkout, run python -m mien.engines.cuda.build."
    try:
        image, made = fatbin.read_bytes(), json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"The compiled CUDA kernels cannot be read: {error}.", hint=hint) from error
    if not isinstance(made, dict) or made.get("sha256") != hashlib.sha256(image).hexdigest():
        raise ModelError(
            f"The compiled CUDA kernels in {fatbin.name} are not those that {note.name} tells of.", hint=hint
        )
    if made.get("recipe_sha256") != recipe_sha256():
        raise ModelError("The compiled CUDA kernels were made from other sources than those beside them.", hint=hint)
    return image
