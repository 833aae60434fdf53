"""What Mien tells people to install can be installed: it is on no package index, so its extras cannot be named."""

from __future__ import annotations

import re
from pathlib import Path

from wheel_builder import REPOSITORY


def test_no_hint_names_an_extra_of_a_package_that_no_index_has() -> None:
    sources = [path for top in ("realtime", "engines", "plugin") for path in (REPOSITORY / top).rglob("*.py")]
    documents: list[Path] = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    found = [
        f"{path.relative_to(REPOSITORY)}: {line.strip()}"
        for path in (*sources, *documents)
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bmien\[", line)
    ]
    assert found == []
