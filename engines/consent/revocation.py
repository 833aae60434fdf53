"""Consent withdrawn: a small signed file, beside the pack or in the user's data folder.

Both places are looked at on each load, and once a second while the persona is shown. Whoever withdrew can send the file
along: it names the record, and carries a signature of the subject's or of a key that the record names.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mien.engines.consent.canonical import MAX_BYTES, dump, parse
from mien.engines.consent.errors import ConsentDamagedError, ConsentError, ConsentForeignError, ConsentRevokedError
from mien.engines.consent.files import read_plain, replace
from mien.engines.consent.keys import fits, public_hex, shown, sign
from mien.engines.consent.moment import read_moment, write_moment
from mien.engines.consent.record import Record, Revocation, SignedRevocation, signed_text

_FOLDER: Final = "revocations"
_SUFFIX: Final = ".revoked.json"


def places(record_id: str, location: Path, data_dir: Path) -> tuple[Path, Path]:
    """Where a record's revocation may lie: in the user's data folder, and beside the pack at `location`."""
    whole = location.resolve()
    return data_dir / _FOLDER / f"{record_id}{_SUFFIX}", whole.with_name(f"{whole.name}{_SUFFIX}")


def revoke(record: Record, key: Ed25519PrivateKey, now: datetime) -> SignedRevocation:
    """Withdraw a record.

    Raises:
        ConsentForeignError: the key is neither the subject's nor one that the record names.

    """
    if public_hex(key) not in (record.subject.key, *record.revokers):
        raise ConsentForeignError(
            f"The key {shown(public_hex(key))} cannot withdraw this consent; the subject's is "
            f"{shown(record.subject.key)}.",
            hint="Give the key file that was written when the consent was recorded.",
        )
    text = Revocation(format=1, type="mien-revocation", record=record.id, revoked=write_moment(now))
    return SignedRevocation(revocation=text, signature=sign(key, signed_text(text)))


def write_revocation(made: SignedRevocation, place: Path) -> None:
    """Put it where loading looks; whole or not at all.

    Raises:
        ConsentError: it cannot be written.

    """
    try:
        replace(place, dump(made))
    except OSError as error:
        raise ConsentError(f"The revocation {place} cannot be written ({error.strerror}).") from error


def check_revoked(record: Record, places: tuple[Path, ...]) -> None:
    """Look at the places; one that is found beside a pack is kept in the first place, for other copies of the pack.

    A revocation of another record, or signed by a stranger, withdraws nothing: anybody could write it. One that cannot
    be read is taken for one that could: whoever withdrew must not be overruled by a bad disk.

    Raises:
        ConsentRevokedError: the record is withdrawn.

    """
    for place in places:
        try:
            data = read_plain(place, MAX_BYTES + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(record, place, str(error.strerror or error)) from error
        try:
            found = parse(data, SignedRevocation, f"The revocation {place.name}")
        except ConsentDamagedError as error:
            raise _unreadable(record, place, error.message) from error
        if withdraws(found, record):
            if place != places[0]:
                # What cannot be written here is found again where it was.
                with suppress(ConsentError):
                    write_revocation(found, places[0])
            when = read_moment(found.revocation.revoked).date()
            raise ConsentRevokedError(
                f"The consent to the persona {record.persona!r} was withdrawn on {when} ({place}).",
                hint="It cannot be used any more; delete the pack, or ask the person shown for a new consent.",
            )


def withdraws(found: SignedRevocation, record: Record) -> bool:
    """Whether a revocation is of this record, by somebody who may."""
    return (
        found.revocation.record == record.id
        and found.signature.key in (record.subject.key, *record.revokers)
        and fits(found.signature, signed_text(found.revocation))
    )


def _unreadable(record: Record, place: Path, why: str) -> ConsentRevokedError:
    return ConsentRevokedError(
        f"There is a revocation of the consent to {record.persona!r}, {place}, that cannot be read: {why}",
        hint="Get the file again from whoever withdrew; delete it only if nobody did.",
    )
