"""Signing a file: content credentials into a copy beside it, which then takes its name.

The unsigned file is whole until the signed one has been read back and found valid; whatever goes wrong before, be it
the process's end, leaves it untouched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mien.engines.credentials.chain import Credentials
from mien.engines.credentials.errors import CredentialError
from mien.engines.credentials.format import HEAD_BYTES, media_type
from mien.engines.credentials.manifest import Description, claimed_by, definition
from mien.engines.credentials.toolkit import context, toolkit

#: A manifest takes 4 kB; a user's own chain of certificates may add to it.
_MANIFEST_BYTES = 256 * 1024


class UnsignableError(CredentialError):
    """A kind of file that cannot carry content credentials, such as Matroska."""


def sign_file(path: Path, *, credentials: Credentials, description: Description) -> Path:
    """Sign a file that has no manifest yet, in its place, and return its path.

    Args:
        path: MP4, MOV, fragmented or not, PNG, JPEG or another file that `media_type` knows.
        credentials: for this file; see `mien.engines.credentials.chain`.
        description: what the file shows.

    Raises:
        UnsignableError: a kind of file that carries no credentials.
        CredentialError: signed already, no room, no permission, or the library refuses the file or the certificate.
            The file is as it was.
        MissingExtraError: the C2PA library is missing.

    """
    return _sign(path, credentials, description)


def countersign_file(path: Path, *, credentials: Credentials) -> Path:
    """Sign a signed file once more, as somebody else: what it says stays, under the first signature.

    An update manifest (C2PA Technical Specification 2.2, "Update Manifests"): it changes nothing and vouches for what
    is there. Arguments, result and errors as of `sign_file`.
    """
    return _sign(path, credentials, None)


def _sign(path: Path, credentials: Credentials, description: Description | None) -> Path:
    # Through a link to the file itself: the link is to stay one.
    target = Path(path).resolve()
    try:
        kind = _kind(target)
        if description is not None:
            _refuse_signed(target, kind)
        _check_room(target)
        with _draft_of(target) as draft:
            _sign_into(draft, target, kind, credentials, description)
            _check(draft, target, kind)
            draft.replace(target)
    except OSError as error:
        raise CredentialError(
            f"{target.name} cannot be signed: {error.strerror or error}.", hint="The file is as it was."
        ) from error
    return path


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        kind = media_type(file.read(HEAD_BYTES))
    if kind is None:
        raise UnsignableError(
            f"{path.name}: a file of this kind carries no content credentials.", hint="MP4, MOV, PNG and JPEG do."
        )
    return kind


def _check_room(path: Path) -> None:
    needed, free = path.stat().st_size + _MANIFEST_BYTES, shutil.disk_usage(path.parent).free
    if free < needed:
        raise CredentialError(
            f"{path.name} cannot be signed: a copy takes {needed // 2**20 + 1} MiB, and {free // 2**20} MiB are free.",
            hint="Free some, then: mien sign FILE",
        )


@contextlib.contextmanager
def _draft_of(path: Path) -> Iterator[Path]:
    """Give a new file beside `path`, with its permissions; removed again unless it was renamed."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.signing-", suffix=path.suffix)
    os.close(number)
    draft = Path(name)
    try:
        shutil.copymode(path, draft)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sign_into(draft: Path, source: Path, kind: str, credentials: Credentials, description: Description | None) -> None:
    c2pa = toolkit()
    manifest = claimed_by() if description is None else definition(description)
    with source.open("rb") as original, draft.open("r+b") as signed, _library_errors(source):
        information = c2pa.C2paSignerInfo(credentials.algorithm, credentials.chain, credentials.key, None)
        with c2pa.Signer.from_info(information) as signer, c2pa.Builder(manifest, context()) as builder:
            if description is None:
                builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
            builder.sign(signer, kind, original, signed)
        _to_disk(signed)


def _refuse_signed(path: Path, kind: str) -> None:
    c2pa = toolkit()
    with (
        path.open("rb") as file,
        _library_errors(path),
        contextlib.suppress(c2pa.C2paError.ManifestNotFound),
        c2pa.Reader(kind, file, context=context(verify=False)),
    ):
        raise CredentialError(f"{path.name} has content credentials already.", hint="See them: mien verify FILE")


def _check(draft: Path, source: Path, kind: str) -> None:
    # Ctrl-C in a callback of the library reads to it like the file's end; what it signs then is whole, and too short.
    if draft.stat().st_size < source.stat().st_size:
        raise CredentialError("signing was interrupted.", hint="The file is as it was; again: mien sign FILE")
    with draft.open("rb") as file, _library_errors(draft), toolkit().Reader(kind, file, context=context()) as reader:
        verdict = reader.get_validation_state()
    if verdict not in ("Valid", "Trusted"):
        raise CredentialError("the signed file could not be read back as valid.", hint="The file is as it was.")


@contextlib.contextmanager
def _library_errors(path: Path) -> Iterator[None]:
    refused: Any = toolkit().C2paError
    try:
        yield
    except refused as error:
        raise CredentialError(f"{path.name} cannot be signed: {error}.", hint="The file is as it was.") from error


def _to_disk(file: BinaryIO) -> None:
    """Have the signed copy on the disk before it takes the recording's place."""
    file.flush()
    os.fsync(file.fileno())
