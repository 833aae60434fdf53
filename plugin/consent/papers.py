"""The files of a consent: the subject's key, what they read, how the enrolment went, and the record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mien.engines.consent.errors import ConsentError
from mien.engines.consent.files import read_plain, write_new
from mien.engines.consent.keys import is_locked, read_key, shown, write_key
from mien.engines.consent.record import Record

_MAX_BYTES: Final = 10 * 2**20
#: "I, A. B., made this." is 19 letters: less than that states nothing.
_LEAST_STATEMENT_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A subject's key: read from a file, or new and not written yet.

    Attributes:
        path: its file.
        key: the private key.
        lock: passphrase for a new one; "" for none; None where the file is there already.

    """

    path: Path
    key: Ed25519PrivateKey
    lock: str | None

    def __repr__(self) -> str:
        return f"SubjectKey({self.path.name!r})"


def subject_key(path: Path, *, passphrase: bool) -> SubjectKey:
    """The key at `path`, or a new one if there is none; passphrases are asked for.

    Raises:
        ConsentKeyError: what is there is no key of its owner's alone.

    """
    if path.exists():
        return SubjectKey(path, read_subject_key(path), None)
    lock = ""
    if passphrase:
        lock = typer.prompt("A passphrase for the new key", hide_input=True, confirmation_prompt=True, err=True)
    return SubjectKey(path, Ed25519PrivateKey.generate(), lock)


def read_subject_key(path: Path) -> Ed25519PrivateKey:
    """A key that is there; its passphrase is asked for where it has one. Raises `ConsentKeyError`."""
    locked = is_locked(path)
    return read_key(path, typer.prompt(f"Passphrase of {path.name}", hide_input=True, err=True) if locked else None)


@dataclass(frozen=True, slots=True)
class Papers:
    """What a recorded consent leaves behind, beside the subject's key.

    Attributes:
        place: of the record.
        record: `consent.json`.
        request: the text that the subject read.
        transcript: of the enrolment; None for a figure.

    """

    place: Path
    record: bytes
    request: str
    transcript: bytes | None = None

    def write(self, key: SubjectKey) -> list[tuple[Path, str]]:
        """Write everything, and say of each file what it is and how long it is kept.

        Raises:
            ConsentError: a file is there already, or cannot be written.

        """
        written = []
        if key.lock is not None:
            # First: a record whose key was lost could never be withdrawn.
            write_key(key.path, key.key, key.lock or None)
            written.append(
                (key.path, "the subject's key, theirs alone: it withdraws the consent; keep it, give it to nobody")
            )
        if self.transcript is not None:
            note = "what was asked and done when, the subject's to keep or delete: the record has its SHA-256"
            written.append((write_paper(beside(self.place, "transcript.json"), self.transcript), note))
        note = "what was agreed to, in words, the subject's to keep: the record has its SHA-256"
        text = beside(self.place, "request.md")
        if not text.exists():
            write_paper(text, self.request.encode())
        written.append((text, note))
        note = "the signed record; a copy goes into the persona's pack, and is kept as long as that is"
        written.append((write_paper(self.place, self.record), note))
        return written


def beside(place: Path, what: str) -> Path:
    """``me.request.md`` for ``me.consent.json``."""
    return place.with_name(f"{place.name.removesuffix('.json').removesuffix('.consent')}.{what}")


def check_free(place: Path, request: str) -> None:
    """Raise `ConsentError`, before anybody enrols, where a file would be in the way, or was asked with other terms."""
    text = beside(place, "request.md")
    if text.exists() and read_paper(text) != request.encode():
        raise ConsentError(
            f"{text} asks for something else than these options.",
            hint="Give the options that `mien consent request` was given, or move that file away and read anew.",
        )
    for path in (place, beside(place, "transcript.json")):
        if path.exists():
            raise ConsentError(f"There is a file {path} already.", hint="Move it away, or choose another --out.")


def write_paper(path: Path, data: bytes) -> Path:
    """Write a new file. Raises `ConsentError`."""
    try:
        write_new(path, data)
    except FileExistsError as error:
        raise ConsentError(f"There is a file {path} already.", hint="Move it away, or choose another --out.") from error
    except OSError as error:
        raise ConsentError(f"{path} cannot be written ({error.strerror}).") from error
    return path


def read_paper(path: Path) -> bytes:
    """A file of 10 MB at most. Raises `ConsentError`."""
    try:
        data = read_plain(path, _MAX_BYTES + 1)
    except OSError as error:
        raise ConsentError(f"{path} cannot be read ({error.strerror}).") from error
    if len(data) > _MAX_BYTES:
        raise ConsentError(f"{path.name} has more than {_MAX_BYTES} bytes.")
    return data


def statement_digest(path: Path) -> str:
    """SHA-256 of a right holder's statement. Raises `ConsentError`; nobody but a person can judge what it says."""
    data = read_paper(path)
    if len(data) < _LEAST_STATEMENT_BYTES:
        raise ConsentError(f"The statement {path.name} is empty, or too short to state anything.")
    return hashlib.sha256(data).hexdigest()


def describe(record: Record) -> list[tuple[str, str]]:
    """What people want to know of a record: labels and texts."""
    subject, proof, statement = record.subject, record.enrolment, record.statement
    lines = [
        ("persona", record.persona),
        (
            "subject",
            f"{subject.kind}, {subject.name or 'not named'}, key {shown(subject.key)}, says they are 18 or older",
        ),
        ("for", record.grantee or "whoever holds the pack"),
        ("may", ", ".join(record.scope.uses)),
        ("may not", ", ".join(record.scope.forbidden)),
        ("always", ", ".join(record.disclosures)),
        ("from", record.issued),
        ("until", record.expires),
    ]
    if proof is not None:
        alike = f"{proof.similarity_median_milli / 1000:.2f} (least {proof.similarity_min_milli / 1000:.2f})"
        asked = ", ".join(each.action for each in proof.prompts)
        lines.append(("enrolled", f"by {proof.method}: {asked}; SFace {alike} in {proof.compared} frames"))
    if statement is not None:
        lines.append(("stated", f"by {statement.holder}, {statement.basis}; the text's SHA-256: {statement.text}"))
    lines += [("tool", shown(record.tool)), ("id", record.id)]
    return lines
