"""A stranger's text made fit to be shown."""

from __future__ import annotations

import unicodedata

#: Characters that are shown of a name.
MOST_NAME = 120


def plain(text: str, most: int = MOST_NAME) -> str:
    """One line of printable characters, at most `most` of them: no control, direction or half characters."""
    kept = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text[: 4 * most])
    short = " ".join(kept.split())
    return short if len(short) <= most else short[: most - 1] + "…"
