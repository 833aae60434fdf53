"""A fault that is planted in a kernel's source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: A thread beyond the right end, or beyond the last row, goes on.
NO_X = ("if (x >= width || y >= height) return;", "if (y >= height) return;")
NO_Y = ("if (x >= width || y >= height) return;", "if (x >= width) return;")


@dataclass(frozen=True)
class Mutation:
    """One fault: `old`, found once in `source` (or in the function of `kernel` there), becomes `new`."""

    source: str
    kernel: str
    old: str
    new: str
    shared: bool = False

    @property
    def name(self) -> str:
        return f"{self.source} {self.kernel}: {self.old.strip()} -> {self.new.strip()}"

    def planted(self, text: str) -> str:
        """The source with the fault. Raises `AssertionError` unless its text is there exactly once."""
        begin, end = (0, len(text)) if self.shared else _function(text, self.kernel)
        part = text[begin:end]
        assert part.count(self.old) == 1, f"{self.name}: found {part.count(self.old)} times"
        return text[:begin] + part.replace(self.old, self.new) + text[end:]


def _function(text: str, kernel: str) -> tuple[int, int]:
    found = re.search(rf'extern "C" __global__ void {kernel}\(.*?\n}}\n', text, re.DOTALL)
    assert found is not None, f"no kernel {kernel}"
    return found.span()


def rows(source: str, kernel: str, *pairs: tuple[str, str], shared: bool = False) -> Iterator[Mutation]:
    """Mutations of one kernel's function, or of one that it shares with others."""
    for old, new in pairs:
        yield Mutation(source, kernel, old, new, shared)
