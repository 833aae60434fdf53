"""What one call of `mien` shares between its commands: where text goes, and how a failure ends."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console

from mien.plugin.interrupts import EXIT_INTERRUPTED, interruption
from mien.realtime.errors import MienError

#: A mistake of Mien's own (EX_SOFTWARE of sysexits.h).
EXIT_BUG = 70


class Session:
    """One call of `mien`.

    With `json`, stdout gets exactly one JSON document and what people read goes to stderr.
    """

    def __init__(self, *, debug: bool = False) -> None:
        self.debug = debug
        self.json = False
        self._documented = False

    @property
    def console(self) -> Console:
        """Where text for people goes."""
        return Console(file=self._text_stream(), highlight=False, soft_wrap=True)

    @property
    def wrapping_console(self) -> Console:
        """The same for a display that stays in place: lines are folded at the window's width."""
        return Console(file=self._text_stream(), highlight=False)

    @property
    def interactive(self) -> bool:
        """Whether a person watches a terminal."""
        return self._text_stream().isatty()

    def say(self, text: str) -> None:
        """Print one line for people; nothing in it is taken as markup."""
        self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Print one line on stderr."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int | None], None]]:
        """A bar while a person watches a terminal; call what it gives with done and total (None: not known)."""
        # Imported here: most commands have no bar, and the help waits for none.
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.wrapping_console, disable=not self.interactive) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def document(self, data: Mapping[str, object] | Sequence[object]) -> None:
        """Print the one JSON document, if JSON was asked for."""
        if self.json and not self._documented:
            self._documented = True
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
            sys.stdout.flush()

    def fail(self, error: Exception) -> int:
        """Tell what went wrong and return the exit status."""
        code = error.exit_code if isinstance(error, MienError) else EXIT_BUG
        if self.debug:
            traceback.print_exception(error, file=sys.stderr)
        if isinstance(error, MienError):
            message, hint = error.message, error.hint
        else:
            message = f"Mien made a mistake: {type(error).__name__}: {error}"
            hint = (
                "Please report it: add what the same command prints with --debug, and the output of mien doctor --json."
            )
        self.warn(f"mien: {message}")
        if hint:
            self.warn(f"      {hint}")
        kind = type(error).__name__
        self.document({"error": {"type": kind, "message": message, "hint": hint, "exit_code": code}})
        return code

    def interrupted(self, detail: str = "") -> int:
        """Tell that Ctrl-C ended the command and return the exit status; `detail` goes on after "stopped"."""
        message = f"stopped {detail}".rstrip()
        self.warn(message)
        self.document(interruption(message))
        return EXIT_INTERRUPTED

    def _text_stream(self) -> TextIO:
        return sys.stderr if self.json else sys.stdout
