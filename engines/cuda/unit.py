"""One text of several sources, which a compiler takes without looking for a header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mien.engines.cuda.kernels import KERNELS, SOURCES

#: Where the sources lie.
FOLDER: Final = Path(__file__).parent
#: What they all share.
COMMON: Final = "common.cuh"
_INCLUDE: Final = f'#include "{COMMON}"\n'


def unit(*sources: str, texts: Mapping[str, str] | None = None) -> str:
    """The text of `sources` (names as in `SOURCES`; all of them if none is given), common part and prototypes first.

    The prototypes come from the table of kernels: a source whose arguments differ does not compile.

    Args:
        sources: names of files in `FOLDER`.
        texts: contents by name, for files that are not to be read.

    """
    chosen = sources or SOURCES
    given = texts or {}
    common, *bodies = (
        given[name] if name in given else (FOLDER / name).read_text(encoding="utf-8") for name in (COMMON, *chosen)
    )
    prototypes = "\n".join(kernel.prototype for kernel in KERNELS.values() if kernel.source in chosen)
    return "\n".join((common, prototypes, *(body.replace(_INCLUDE, "") for body in bodies)))
