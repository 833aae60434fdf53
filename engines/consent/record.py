"""The consent record: who allows what, until when, and how it was seen that it is they.

A pack carries two small files. `consent.json` is the *record*: the subject's own words as data, signed by the subject's
key and by the key of the Mien that saw the enrolment. It names the pictures that the persona may be made of by their
SHA-256, and never changes afterwards, so the subject can keep a copy of exactly what lies in the pack.
`binding.json` ties the record to the files that were made of those pictures, by the SHA-256 of each; a Mien signs it
anew whenever it writes the pack (`mien persona create`, `mien train`). Two files, because the record is there before
the pack is, and training adds networks that the subject has allowed but cannot have seen. Loading checks both.

No embedding, picture or name of a file is in either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from mien.engines.consent.canonical import ONE_LINE, Strict, canonical, parse
from mien.engines.consent.errors import ConsentScopeError
from mien.engines.consent.moment import Moment, read_moment

RECORD_NAME: Final = "consent.json"
BINDING_NAME: Final = "binding.json"
#: Longer than this nobody remembers what they agreed to.
LONGEST_TERM: Final = timedelta(days=731)
#: Cosine of SFace, in thousandths, from which two faces are taken for one person's. Of one clip's frames it was 839
#: (least 598), across people 58 (most 365); OpenCV Zoo's own threshold is 363.
LEAST_ALIKE_MILLI: Final = 450
#: Of single frames: an open mouth or a blink makes a person less like themselves than another person never is.
LEAST_ALIKE_EVER_MILLI: Final = 300
#: Actions that an enrolment asks for; fewer would be guessed by a clip that happens to do them.
LEAST_PROMPTS: Final = 5

Use = Literal["live-stream", "video-call", "recording", "training"]
Forbidden = Literal["identity-verification", "impersonation", "adult", "political", "advertising"]
Action = Literal["turn-left", "turn-right", "look-up", "blink-twice", "smile", "open-mouth"]
USES: Final[tuple[Use, ...]] = get_args(Use)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
FORBIDDEN: Final[tuple[Forbidden, ...]] = get_args(Forbidden)
#: Never allowed, whatever the subject would say.
ALWAYS_FORBIDDEN: Final[Forbidden] = "identity-verification"
DISCLOSURES: Final = ("badge", "watermark", "signature")

_NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,39}$"
Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=ONE_LINE)]
_LINE = TypeAdapter(Line)
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$")]
Milli = Annotated[int, Field(ge=-1000, le=1000)]


def check_line(text: str, what: str) -> None:
    """Raise `ConsentScopeError` for a text that a record does not take; asked before anybody agrees to anything."""
    try:
        _LINE.validate_python(text)
    except ValidationError as error:
        raise ConsentScopeError(
            f"{what} has to be one line of 1 to 200 characters, none of them hidden; it is {text[:80]!r}."
        ) from error


class Subject(Strict):
    """Whose face it is, or whose figure.

    Attributes:
        kind: "person" enrolled before a camera; "figure" is drawn, painted or sculpted, and its right holder signs.
        key: Ed25519 public key, hex; it signs the record, and can withdraw it.
        adult: "I am 18 or older", which the signer states.
        name: to be shown, if they want to be named.

    """

    kind: Literal["person", "figure"]
    key: Hex32
    adult: Literal[True]
    name: Line | None = None


class Scope(Strict):
    """What may be done, and what not. Only "training" can be held by a program; the rest binds whoever uses it."""

    uses: Annotated[tuple[Use, ...], Field(min_length=1, max_length=len(USES))]
    forbidden: Annotated[tuple[Forbidden, ...], Field(min_length=1, max_length=len(FORBIDDEN))]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if ALWAYS_FORBIDDEN not in self.forbidden:
            raise ValueError(f"{ALWAYS_FORBIDDEN} must be among the forbidden uses")
        if len(set(self.uses)) < len(self.uses) or len(set(self.forbidden)) < len(self.forbidden):
            raise ValueError("a use is named twice")
        return self


class Prompted(Strict):
    """One action that was asked for: when, and when it was done, ms from the enrolment's start."""

    action: Action
    asked_ms: Annotated[int, Field(ge=0, le=3_600_000)]
    done_ms: Annotated[int, Field(ge=0, le=3_600_000)]


class Proof(Strict):
    """What the live enrolment saw; see `mien.engines.consent.enrol`.

    Attributes:
        method: by which rules.
        nonce: what the order of the prompts was drawn from.
        prompts: those that were done, in order.
        transcript: SHA-256 of the transcript, which the subject may keep.
        model: which network compared the faces.
        compared: how many frames were compared with the pictures.
        similarity_min_milli: the least cosine, thousandths.
        similarity_median_milli: the median.

    """

    method: Literal["live-challenge-1"]
    nonce: Hex16
    prompts: Annotated[tuple[Prompted, ...], Field(min_length=LEAST_PROMPTS, max_length=24)]
    transcript: Hex32
    model: Line
    compared: Annotated[int, Field(ge=LEAST_PROMPTS, le=100_000)]
    similarity_min_milli: Annotated[Milli, Field(ge=LEAST_ALIKE_EVER_MILLI)]
    similarity_median_milli: Annotated[Milli, Field(ge=LEAST_ALIKE_MILLI)]


class Statement(Strict):
    """The right holder's word for a figure.

    Attributes:
        holder: who holds the rights.
        basis: on what ground.
        text: SHA-256 of the signed text.

    """

    holder: Line
    basis: Literal["own-work", "licensed", "public-domain"]
    text: Hex32


class Record(Strict):
    """What the subject and the tool sign.

    Attributes:
        id: random; what a revocation and a binding name.
        persona: the name of the persona that it allows.
        subject: who allows it.
        grantee: who may use it, in words; None for whoever holds the pack.
        scope: for what.
        disclosures: what every picture and file carries; fixed.
        sources: SHA-256 of the pictures, and of models made elsewhere, that the persona may be made of.
        request: SHA-256 of the text that the subject read (`mien consent request`).
        enrolment: of a person.
        statement: of a figure.
        tool: Ed25519 public key, hex, of the Mien that saw it: the subject signs it too, so nobody can exchange it.
        issued: from when.
        expires: until when, `LONGEST_TERM` at most.
        revokers: further public keys that may withdraw it.

    """

    format: Literal[1]
    type: Literal["mien-consent"]
    id: Hex16
    persona: Annotated[str, StringConstraints(pattern=_NAME_PATTERN)]
    subject: Subject
    grantee: Line | None
    scope: Scope
    disclosures: tuple[Literal["badge"], Literal["watermark"], Literal["signature"]]
    sources: Annotated[tuple[Hex32, ...], Field(min_length=1, max_length=16)]
    request: Hex32
    enrolment: Proof | None
    statement: Statement | None
    tool: Hex32
    issued: Moment
    expires: Moment
    revokers: Annotated[tuple[Hex32, ...], Field(max_length=4)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        proofs = (self.enrolment is not None, self.statement is not None)
        if proofs != ((True, False) if self.subject.kind == "person" else (False, True)):
            raise ValueError("a person has an enrolment and no statement; a figure a statement and no enrolment")
        term = read_moment(self.expires) - read_moment(self.issued)
        if not timedelta(0) < term <= LONGEST_TERM:
            raise ValueError(f"it must end after it begins, and within {LONGEST_TERM.days} days")
        return self


class Signature(Strict):
    """An Ed25519 signature (RFC 8032), hex, and the public key that checks it."""

    key: Hex32
    value: Hex64


class Signatures(Strict):
    """The two of a record."""

    subject: Signature
    tool: Signature


class SignedRecord(Strict):
    """`consent.json`."""

    record: Record
    signatures: Signatures


class Binding(Strict):
    """What a tool signs whenever it writes a pack.

    Attributes:
        consent: SHA-256 of `consent.json`.
        persona: the pack's name.
        files: SHA-256 of each file but `persona.toml`, `consent.json` and `binding.json`.
        made: when.

    """

    format: Literal[1]
    type: Literal["mien-binding"]
    consent: Hex32
    persona: Annotated[str, StringConstraints(pattern=_NAME_PATTERN)]
    files: Annotated[dict[FileName, Hex32], Field(min_length=1, max_length=64)]
    made: Moment


class SignedBinding(Strict):
    """`binding.json`."""

    binding: Binding
    signature: Signature


class Revocation(Strict):
    """What withdraws a record: its id, and when."""

    format: Literal[1]
    type: Literal["mien-revocation"]
    record: Hex16
    revoked: Moment


class SignedRevocation(Strict):
    """A revocation's file."""

    revocation: Revocation
    signature: Signature


def signed_text(part: Record | Binding | Revocation) -> bytes:
    """The bytes that a signature covers: the type with its version, so that none passes for another, and the text."""
    return f"{part.type}/{part.format}\0".encode() + canonical(part.model_dump(mode="json"))


def parse_record(data: bytes, name: str = RECORD_NAME) -> SignedRecord:
    """Read `consent.json`; see `mien.engines.consent.canonical.parse`."""
    return parse(data, SignedRecord, f"The consent record {name}")
