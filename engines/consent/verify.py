"""Whether a consent holds: pure; `mien.engines.consent.gate` brings the clock, the disk and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mien.engines.consent.canonical import parse
from mien.engines.consent.errors import (
    ConsentEditedError,
    ConsentExpiredError,
    ConsentFilesError,
    ConsentForeignError,
    ConsentNotYetValidError,
    ConsentScopeError,
    ConsentToolUnknownError,
)
from mien.engines.consent.keys import fits, shown
from mien.engines.consent.moment import read_moment
from mien.engines.consent.record import (
    BINDING_NAME,
    Record,
    SignedBinding,
    SignedRecord,
    Use,
    parse_record,
    signed_text,
)

#: Two clocks may differ by this much before one is called wrong.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
#: An end that is nearer than this is told before the start.
NEAR_END: Final = timedelta(days=14)
_AGAIN: Final = "Record the consent again: `mien consent record`."


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that held when it was looked at.

    Attributes:
        record: what the subject allowed.
        digest: SHA-256 of `consent.json`.

    """

    record: Record
    digest: str

    @property
    def expires(self) -> datetime:
        """When it ends, UTC."""
        return read_moment(self.record.expires)

    def warning(self, now: datetime) -> str:
        """One sentence if it ends soon, else nothing."""
        left = self.expires - now
        if left > NEAR_END:
            return ""
        days = max(left.days, 0)
        return (
            f"The consent to {self.record.persona!r} ends on {self.expires.date()}, in {days} day{'s'[: days != 1]}; "
            "then the persona is no longer shown. `mien consent record` makes a new one."
        )

    def require(self, use: Use) -> None:
        """Raise `ConsentScopeError` unless the record allows `use`."""
        if use not in self.record.scope.uses:
            raise ConsentScopeError(
                f"The consent to {self.record.persona!r} does not allow {use!r}; it allows "
                f"{', '.join(self.record.scope.uses)}.",
                hint="Ask for it: `mien consent request` and `record` take --use.",
            )


def verify_record(data: bytes, digest: str, *, known: Set[str], now: datetime) -> Consent:
    """Check a record by itself: its form, both signatures, the tool's key, the term.

    Args:
        data: of `consent.json`.
        digest: SHA-256 of it.
        known: public keys of tools that are believed.
        now: UTC.

    Raises:
        ConsentError: one of its kinds.

    """
    signed = parse_record(data)
    _check_signatures(signed)
    record = signed.record
    _check_tool(record.tool, f"The consent to {record.persona!r}", known)
    check_term(record, now)
    return Consent(record, digest)


def verify_binding(
    data: bytes, consent: Consent, files: Mapping[str, str], *, persona: str, known: Set[str], now: datetime
) -> None:
    """Check that a pack is what its record was bound to.

    Args:
        data: of `binding.json`.
        consent: of the same pack.
        files: SHA-256 of each of the pack's files but `persona.toml`, the record and the binding.
        persona: the pack's name.
        known: public keys of tools that are believed.
        now: UTC.

    Raises:
        ConsentError: one of its kinds.

    """
    signed = parse(data, SignedBinding, f"The binding {BINDING_NAME}")
    binding = signed.binding
    if not persona == binding.persona == consent.record.persona:
        raise ConsentForeignError(
            f"The pack is called {persona!r}; its consent is to the persona {consent.record.persona!r}.", hint=_AGAIN
        )
    if binding.consent != consent.digest:
        raise ConsentForeignError("The pack's files are bound to another consent than the one that lies in it.")
    if not fits(signed.signature, signed_text(binding)):
        raise ConsentEditedError("The binding of the pack's files to the consent was changed after it was signed.")
    _check_tool(signed.signature.key, "The binding of the pack's files", known)
    _check_begun(binding.made, "The binding of the pack's files", now)
    for name in sorted(binding.files.keys() | files.keys()):
        if binding.files.get(name) != files.get(name):
            raise ConsentFilesError(
                f"The file {name} is not the one that the consent to {persona!r} is bound to.",
                hint="Get the pack again from whoever made it, or make it again from the pictures and the record.",
            )


def check_term(record: Record, now: datetime) -> None:
    """Raise `ConsentNotYetValidError` or `ConsentExpiredError` outside the record's term."""
    _check_begun(record.issued, f"The consent to {record.persona!r}", now)
    if now >= read_moment(record.expires):
        raise ConsentExpiredError(
            f"The consent to {record.persona!r} ended on {record.expires}; it is {now:%Y-%m-%dT%H:%M:%SZ}.", hint=_AGAIN
        )


def check_source(consent: Consent, digest: str, name: str) -> None:
    """Raise `ConsentFilesError` unless the record names the picture or model with this SHA-256."""
    if digest not in consent.record.sources:
        raise ConsentFilesError(
            f"The file {name} is not one that the consent to {consent.record.persona!r} names (by SHA-256).",
            hint="Use the very file that was given to `mien consent record`, not a copy that was edited.",
        )


def _check_signatures(signed: SignedRecord) -> None:
    record, text = signed.record, signed_text(signed.record)
    for role, signature, key in (
        ("the subject", signed.signatures.subject, record.subject.key),
        ("the tool", signed.signatures.tool, record.tool),
    ):
        if signature.key != key:
            raise ConsentForeignError(
                f"The consent to {record.persona!r} names {shown(key)} as the key of {role}, and is signed by "
                f"{shown(signature.key)}.",
                hint=_AGAIN,
            )
        if not fits(signature, text):
            raise ConsentEditedError(
                f"The consent to {record.persona!r} was changed after {role} signed it.",
                hint="Get the record again from whoever holds it, exactly as it was written.",
            )
    if record.tool == record.subject.key:
        raise ConsentForeignError("The consent is signed twice by one key; the subject and the tool have their own.")


def _check_tool(key: str, what: str, known: Set[str]) -> None:
    if key not in known:
        raise ConsentToolUnknownError(
            f"{what} was signed by a Mien that is not known here (its key: {shown(key)} ...).",
            hint="Was it yours, or somebody's whom you believe? Ask for their key (`mien consent trust --own`), "
            "compare it, and accept it: `mien consent trust FILE --name WHOSE`.",
        )


def _check_begun(moment: str, what: str, now: datetime) -> None:
    if now + CLOCK_TOLERANCE < read_moment(moment):
        raise ConsentNotYetValidError(
            f"{what} is of {moment}, which is in the future: it is {now:%Y-%m-%dT%H:%M:%SZ} here.",
            hint="Set this computer's clock right.",
        )
