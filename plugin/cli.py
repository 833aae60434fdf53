"""The command line: `mien`. Each command lives in `mien.plugin.commands`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

from mien.plugin.interrupts import ending_at_once


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `mien` with the process's arguments, or with `arguments`; always ends by `SystemExit`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # "--debug" is the habit after a failed command, so it is taken wherever it stands.
    if "--debug" in given:
        given = ["--debug", *(argument for argument in given if argument != "--debug")]
    with ending_at_once(json_wanted=_wants_json(given)):
        # Imported here: what follows takes a while to load, and Ctrl-C has to work meanwhile.
        from mien.plugin.commands.tree import app

        app(given, prog_name="mien")


def _wants_json(given: Sequence[str]) -> bool:
    """Whether stdout is to hold one JSON document; before the options are parsed."""
    if "bench" not in given[:2]:
        return "--json" in given
    # There the option takes a file, and "-" is stdout.
    return "--json=-" in given or ("--json", "-") in itertools.pairwise(given)
