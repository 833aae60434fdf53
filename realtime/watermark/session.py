"""The identity of one run: random, and open only to whoever kept its salt."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from mien.realtime.watermark.payload import COMMITMENT_BITS, SESSION_BITS, MarkKind, Payload, PayloadError

SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class MarkSession:
    """What the marks of one run have in common; `MarkSession()` draws it anew.

    Session id and commitment are both hashes of a salt of 128 random bits, so all 58 bits bind it: who claims another's
    session must find a salt that gives both. Nothing comes from the machine, the user or the clock, and two sessions
    have nothing in common.

    Attributes:
        salt: 16 bytes, secret: who has it can show that the session is theirs. Never printed.

    """

    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES), repr=False)

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_BYTES:
            raise PayloadError(f"a session's salt has {SALT_BYTES} bytes, got {len(self.salt)}.")

    @property
    def session(self) -> int:
        """The session id that stands in every mark, 32 bits."""
        return _hashed(b"mien session", self.salt, SESSION_BITS)

    @property
    def commitment(self) -> int:
        """What binds the id to the salt, 26 bits."""
        return _hashed(b"mien commitment", self.salt + self.session.to_bytes(4, "big"), COMMITMENT_BITS)

    def payload(self, kind: MarkKind) -> Payload:
        """What the mark of a frame of this kind says."""
        return Payload(kind, self.session, self.commitment)

    def opens(self, payload: Payload) -> bool:
        """Whether this mark was made in this session."""
        return (payload.session, payload.commitment) == (self.session, self.commitment)


def _hashed(purpose: bytes, data: bytes, bits: int) -> int:
    # The purpose's length goes in too, so that no two inputs run into one.
    digest = hashlib.sha256(bytes([len(purpose)]) + purpose + data).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)
