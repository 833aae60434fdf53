"""What was opened half-way does not stay open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Closes(Protocol):
    """Anything that can be closed."""

    def close(self) -> object:
        """Free what it has."""


@contextmanager
def closed_on_failure(opened: Closes) -> Iterator[None]:
    """Close `opened` if what follows raises, Ctrl-C too: whoever would close it never gets it."""
    try:
        yield
    except BaseException:
        opened.close()
        raise
