"""Whose signatures are the user's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anchors:
    """What a signer's certificate is compared with; see `mien.engines.credentials.chain.own_anchors`.

    Attributes:
        roots: PEM of root certificates that are the user's alone: whatever they lead to is the user's own.
        issuer: PEM of the certificate above a certificate that an authority issued to the user.
        serial: that certificate's serial number, decimal. Issuer and serial together name one certificate; the
            issuer's other customers have other numbers.

    """

    roots: str = ""
    issuer: str = ""
    serial: str = ""


#: Nobody's signatures.
NOBODY = Anchors()
