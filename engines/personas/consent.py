"""The statement that a `consented` pack carries: a file, bound to the pack by its hash.

It is kept, and it is shown on request; nothing here judges whether it is true. A signed record (Ed25519, by the person
shown and by the enrolment) takes its place in a later version of the format.
"""

from __future__ import annotations

import json
from pathlib import Path

from mien.realtime.errors import PersonaError

MAX_CONSENT_BYTES = 10 * 2**20
#: "I, A. B., agree to this." is 20 letters: less than that states nothing.
MIN_CONSENT_CHARACTERS = 20
CONSENT_SUFFIXES = (".txt", ".md", ".json", ".pdf")
_HINT = (
    "Give a statement, signed by the person shown or by the drawn figure's right holder, that names the picture, who "
    "may use it and for what."
)


def read_consent(path: Path) -> tuple[str, bytes]:
    """The statement at `path`, as (name in the pack, bytes).

    Raises:
        PersonaError: it is missing, empty, too large, or not a text, JSON or PDF file.

    """
    suffix = path.suffix.lower()
    if suffix not in CONSENT_SUFFIXES:
        allowed = ", ".join(CONSENT_SUFFIXES)
        raise PersonaError(f"The consent file {path.name} must be one of {allowed}.", hint=_HINT)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CONSENT_BYTES + 1)
    except OSError as error:
        raise PersonaError(f"The consent file {path} cannot be read ({error.strerror}).", hint=_HINT) from error
    check_consent(data, path.name)
    return f"consent{suffix}", data


def check_consent(data: bytes, name: str) -> None:
    """Raise `PersonaError` unless `data` is a statement's file of the kind that its name says."""
    if len(data) > MAX_CONSENT_BYTES:
        raise PersonaError(f"The consent file {name} has more than {MAX_CONSENT_BYTES} bytes.", hint=_HINT)
    if name.lower().endswith(".pdf"):
        if not data.startswith(b"%PDF-"):
            raise PersonaError(f"The consent file {name} is not a PDF.", hint=_HINT)
        return
    try:
        text = data.decode("utf-8-sig")
        if name.lower().endswith(".json"):
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PersonaError(f"The consent file {name} is damaged ({error}).", hint=_HINT) from error
    if sum(character.isalnum() for character in text) < MIN_CONSENT_CHARACTERS:
        raise PersonaError(f"The consent file {name} is empty, or too short to state anything.", hint=_HINT)
