"""Makes a record: the terms, the plain words in which they are asked for, and the two signatures."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mien.engines.consent.canonical import canonical, dump, parse
from mien.engines.consent.errors import ConsentScopeError
from mien.engines.consent.keys import public_hex, sign
from mien.engines.consent.moment import write_moment
from mien.engines.consent.record import (
    ALWAYS_FORBIDDEN,
    DISCLOSURES,
    FORBIDDEN,
    LONGEST_TERM,
    USES,
    Forbidden,
    Proof,
    Record,
    Signatures,
    SignedRecord,
    Statement,
    Use,
    check_line,
    parse_record,
    signed_text,
)

USE_WORDS: Final[dict[Use, str]] = {
    "live-stream": "show it in live streams",
    "video-call": "show it in video calls",
    "recording": "record and publish videos with it",
    "training": "train a network on recordings of you, so that the face follows closer",
}
FORBIDDEN_WORDS: Final[dict[Forbidden, str]] = {
    "identity-verification": "pass for you where somebody's identity, age or liveness is checked",
    "impersonation": "make others believe that it is you who speaks",
    "adult": "use it in adult content",
    "political": "use it in political content",
    "advertising": "use it in advertising",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for.

    Attributes:
        persona: the name of the persona.
        sources: SHA-256 of the pictures that it is made of, or of the model.
        uses: what is allowed.
        forbidden: what is not.
        days: how long, 1 to 731.
        grantee: who may use it, in words.
        kind: "person", or "figure" for a drawn one.

    Raises:
        ConsentScopeError: a term that no record may have.

    """

    persona: str
    sources: tuple[str, ...]
    uses: tuple[Use, ...] = USES
    forbidden: tuple[Forbidden, ...] = FORBIDDEN
    days: int = 365
    grantee: str | None = None
    kind: Literal["person", "figure"] = "person"

    def __post_init__(self) -> None:
        if not 1 <= self.days <= LONGEST_TERM.days:
            raise ConsentScopeError(f"A consent may last 1 to {LONGEST_TERM.days} days, not {self.days}.")
        if ALWAYS_FORBIDDEN not in self.forbidden:
            raise ConsentScopeError(f"{ALWAYS_FORBIDDEN!r} is never allowed; it cannot be left out.")
        if self.grantee is not None:
            check_line(self.grantee, "Who may use it")
        if not self.uses:
            raise ConsentScopeError(f"A consent to nothing is none; name a use: {', '.join(USES)}.")


def plain_words(terms: Terms) -> str:
    """What is asked, Markdown, for the subject to read. The record holds this text's SHA-256."""
    whose = "your face" if terms.kind == "person" else "the figure that you hold the rights in"
    grantee = terms.grantee or "whoever holds the persona's files"
    lines = [
        f'# May {whose} become the persona "{terms.persona}"?',
        "",
        f"Mien puts a persona's face over a streamer's, live. You are asked to allow {grantee} to be seen "
        f"with {whose}.",
        "",
        "## They may",
        "",
        *(f"- {USE_WORDS[use]}" for use in terms.uses),
        "",
        "## They may not",
        "",
        *(f"- {FORBIDDEN_WORDS[use]}" for use in terms.forbidden),
        "",
        "Mien refuses to train or show the persona without a valid consent. What people do with its pictures no "
        "program can prevent: these lines are what you hold them to.",
        "",
        "## Always",
        "",
        "Every picture carries a visible badge and an invisible mark, and every file a signature, which say that it is "
        "synthetic. There is no switch for that.",
        "",
        "## How long",
        "",
        f"{terms.days} day{'s'[: terms.days != 1]} from the day on which you sign. You can withdraw at any time and "
        "need no reason: `mien persona revoke` with the key file that you get. Keep that file, and give it to nobody.",
        "",
        "## What is kept",
        "",
        *_kept(terms),
        "",
        "## What it is made of: pictures, or a model (SHA-256)",
        "",
        *(f"- {digest}" for digest in terms.sources),
        "",
        "You must be 18 or older. If you do not want this, close the window: nothing is kept.",
        "",
    ]
    return "\n".join(lines)


def request_digest(terms: Terms) -> str:
    """SHA-256 of `plain_words`."""
    return hashlib.sha256(plain_words(terms).encode()).hexdigest()


def make_record(
    terms: Terms,
    *,
    subject: Ed25519PrivateKey,
    tool: Ed25519PrivateKey,
    proof: Proof | Statement,
    now: datetime,
    name: str | None = None,
    revokers: Sequence[str] = (),
) -> bytes:
    """`consent.json`, signed by both keys.

    Args:
        terms: that the subject has read and agreed to, and who has said that they are 18 or older.
        subject: the subject's key.
        tool: of this Mien.
        proof: the enrolment of a person, or the statement for a figure.
        now: UTC.
        name: the subject's, if they want to be named.
        revokers: public keys, hex, that may withdraw it beside the subject's.

    Raises:
        ConsentDamagedError: a text in it is no plain line, or too long; a proof of another kind than the terms'.

    """
    person = isinstance(proof, Proof)
    table = {
        "format": 1,
        "type": "mien-consent",
        "id": secrets.token_hex(16),
        "persona": terms.persona,
        "subject": {
            "kind": terms.kind, "key": public_hex(subject), "adult": True, "name": name,
        },
        "grantee": terms.grantee,
        "scope": {"uses": terms.uses, "forbidden": terms.forbidden},
        "disclosures": DISCLOSURES,
        "sources": terms.sources,
        "request": request_digest(terms),
        "enrolment": proof.model_dump(mode="json") if person else None,
        "statement": None if person else proof.model_dump(mode="json"),
        "tool": public_hex(tool),
        "issued": write_moment(now),
        "expires": write_moment(now + timedelta(days=terms.days)),
        "revokers": tuple(revokers),
    }  # fmt: skip
    record = parse(canonical(table), Record, "The consent")
    text = signed_text(record)
    signatures = Signatures(subject=sign(subject, text), tool=sign(tool, text))
    data = dump(SignedRecord(record=record, signatures=signatures))
    parse_record(data)  # what was written is what will be read, by the same checks
    return data


def _kept(terms: Terms) -> list[str]:
    common = [
        "- In the record, which lies in the persona's pack: these terms, the pictures' SHA-256, your public key, your "
        "name only if you give it, the dates. It is kept as long as the pack is.",
        "- Your private key: only in the file that you choose.",
    ]
    if terms.kind != "person":
        return [*common, "- The SHA-256 of your statement; the statement itself stays where you put it."]
    return [
        *common,
        "- Of the minute before the camera: which movements were asked for and when you made them, and two numbers "
        "that say how alike you and the pictures are. No picture, sound or face template is stored; what is needed to "
        "compare is in memory alone, and gone when the command ends.",
    ]
