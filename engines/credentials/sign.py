"""Signing a file: content credentials into a copy beside it, which then takes its name.

The unsigned file is whole until the signed one has been read back and found valid; whatever goes wrong before, be it
the process's end, leaves it untouched. Ctrl-C ends it within a moment.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.engines.credentials.chain import Credentials
from mien.engines.credentials.errors import CredentialError
from mien.engines.credentials.format import HEAD_BYTES, media_type
from mien.engines.credentials.manifest import Description, claimed_by, definition
from mien.engines.credentials.toolkit import Watched, apart, context, toolkit

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
    return apart(lambda stop: _sign(path, credentials, description, stop))


def countersign_file(path: Path, *, credentials: Credentials) -> Path:
    """Sign a signed file once more, as somebody else: what it says stays, under the first signature.

    An update manifest (C2PA Technical Specification 2.2, "Update Manifests"): it changes nothing and vouches for what
    is there. Arguments, result and errors as of `sign_file`.
    """
    return apart(lambda stop: _sign(path, credentials, None, stop))


def _sign(path: Path, credentials: Credentials, description: Description | None, stop: threading.Event) -> Path:
    # Through a link to the file itself: the link is to stay one.
    target = Path(path).resolve()
    try:
        kind = _kind(target)
        if description is not None:
            _refuse_signed(target, kind, stop)
        _check_room(target)
        with _draft_of(target) as draft:
            with target.open("rb") as original, draft.open("r+b") as signed, _library_errors(target):
                _write_signed(Watched(original, stop), Watched(signed, stop), kind, credentials, description)
                # On the disk before it takes the recording's place.
                signed.flush()
                os.fsync(signed.fileno())
            _check(draft, kind, stop)
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


def _write_signed(
    original: Watched, signed: Watched, kind: str, credentials: Credentials, description: Description | None
) -> None:
    c2pa = toolkit()
    manifest = claimed_by() if description is None else definition(description)
    information = c2pa.C2paSignerInfo(credentials.algorithm, credentials.chain, credentials.key, None)
    with c2pa.Signer.from_info(information) as signer, c2pa.Builder(manifest, context()) as builder:
        if description is None:
            builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
        builder.sign(signer, kind, original, signed)


def _refuse_signed(path: Path, kind: str, stop: threading.Event) -> None:
    c2pa = toolkit()
    with (
        path.open("rb") as file,
        _library_errors(path),
        contextlib.suppress(c2pa.C2paError.ManifestNotFound),
        c2pa.Reader(kind, Watched(file, stop), context=context(verify=False)),
    ):
        raise CredentialError(f"{path.name} has content credentials already.", hint="See them: mien verify FILE")


def _check(draft: Path, kind: str, stop: threading.Event) -> None:
    """See that the signed copy can be read back, before it takes the recording's place."""
    with (
        draft.open("rb") as file,
        _library_errors(draft),
        toolkit().Reader(kind, Watched(file, stop), context=context()) as reader,
    ):
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
