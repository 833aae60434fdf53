"""What the 64 bits of the mark mean. Nothing in them names a user, a machine or a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from mien.realtime.errors import MienError

#: What a marked frame is. A camera frame is never called synthetic, so it has no mark and no kind here.
MarkKind = Literal["persona", "slate"]

#: The only version of payload, code and layout so far; a change of any of them is a new one.
VERSION: Final = 1
_VERSION_BITS: Final = 4
_KIND_BITS: Final = 2
SESSION_BITS: Final = 32
COMMITMENT_BITS: Final = 26

_KINDS: Final[tuple[MarkKind, ...]] = get_args(MarkKind)


class PayloadError(MienError, ValueError):
    """64 bits that no payload of this version has, or values that do not fit into one."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a mark says.

    Attributes:
        kind: "persona" or "slate".
        session: 0 to 2^32 - 1, random, new for each run.
        commitment: 0 to 2^26 - 1, what binds the session to a salt that its owner keeps; looks random to others.

    """

    kind: MarkKind
    session: int
    commitment: int

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise PayloadError(f"a mark has no kind {self.kind!r}. Allowed: {', '.join(_KINDS)}.")
        for name, value, bits in (
            ("session", self.session, SESSION_BITS),
            ("commitment", self.commitment, COMMITMENT_BITS),
        ):
            if not 0 <= value < 1 << bits:
                raise PayloadError(f"a mark's {name} has {bits} bits, got {value}.")

    def to_int(self) -> int:
        """64 bits: version (4), kind (2), session (32), commitment (26), the first on top."""
        head = VERSION << _KIND_BITS | _KINDS.index(self.kind)
        return (head << SESSION_BITS | self.session) << COMMITMENT_BITS | self.commitment

    @classmethod
    def from_int(cls, bits: int) -> Payload:
        """Read 64 bits. Raises `PayloadError` for a version or kind that is not known here."""
        if not 0 <= bits < 1 << 64:
            raise PayloadError(f"a mark has 64 bits, got {bits}.")
        version = bits >> (64 - _VERSION_BITS)
        if version != VERSION:
            raise PayloadError(
                f"this mark is of version {version}; known here: {VERSION}.", hint="Try a newer version of Mien."
            )
        kind = bits >> (SESSION_BITS + COMMITMENT_BITS) & ((1 << _KIND_BITS) - 1)
        if kind >= len(_KINDS):
            raise PayloadError(f"this mark is of kind {kind}; known here: 0 to {len(_KINDS) - 1}.")
        session = bits >> COMMITMENT_BITS & ((1 << SESSION_BITS) - 1)
        return cls(_KINDS[kind], session, bits & ((1 << COMMITMENT_BITS) - 1))


#: Part of all 64-bit words that are payloads: what the CRC lets through by chance must pass this too.
KNOWN_SHARE: Final = len(_KINDS) / (1 << (_VERSION_BITS + _KIND_BITS))
