"""The one table of the formats. A new one is a module beside this and a line here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mien.engines.formats.base import Format
from mien.realtime.errors import PersonaError

#: Of all formats' files: Protocol Buffers, and so ONNX in one file, end at twice that.
MAX_MODEL_BYTES: Final = 2**30
FORMATS: tuple[Format, ...] = (
    Format("dfm", "DeepFaceLab's DFM", ".dfm", "mien.engines.formats.dfm", MAX_MODEL_BYTES, ("cpu", "cuda")),
)


def format_named(name: str) -> Format:
    """The format of this name; raises `PersonaError` where there is none."""
    return _first((each for each in FORMATS if each.name == name), f"There is no model format {name!r}")


def format_of(file: str) -> Format:
    """The format of a file of this name, by its suffix; raises `PersonaError` where there is none."""
    suffix = Path(file).suffix.lower()
    return _first((each for each in FORMATS if each.suffix == suffix), f"{Path(file).name} is of no known model format")


def is_model(file: str) -> bool:
    """Whether a file of this name is a model of one of the formats."""
    return file.lower().endswith(tuple(each.suffix for each in FORMATS))


def _first(found: Iterable[Format], problem: str) -> Format:
    for each in found:
        return each
    known = ", ".join(f"{each.title} (*{each.suffix})" for each in FORMATS)
    raise PersonaError(f"{problem}; this version reads {known}.", hint="Rename a file that is one, or update Mien.")
