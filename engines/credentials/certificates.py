"""Certificates in the profile that C2PA wants, made and read with the package `cryptography`.

Names and dates are constants, the same for every user: a subject says nothing personal, and the dates say nothing of
when a file was made. The profile is that of the C2PA Technical Specification 2.2, "X.509 Certificates": version 3,
ES256 (NIST P-256), a leaf with digitalSignature and emailProtection that is not its own issuer.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Signature algorithms, in C2PA's names.
Algorithm = Literal["es256", "es384", "es512", "ed25519", "ps256"]
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_ORGANIZATION = "Mien"
_NOT_BEFORE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(2126, 1, 1, tzinfo=datetime.UTC)
_CURVES: dict[str, Algorithm] = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate that may issue others, with its key (not in the repr)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def new(cls, role: str, *, path_length: int = 0, parent: Issuer | None = None) -> Issuer:
        """Make a key and its certificate.

        Args:
            role: what it is, for its name ("root").
            path_length: how many issuers may stand between it and a leaf.
            parent: who issues it; itself when left out.

        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _begin(role, key.public_key(), None if parent is None else parent.certificate)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(_usage(issues=True), critical=True)
            .sign(key if parent is None else parent.key, hashes.SHA256())
        )
        return cls(certificate, key)

    def leaf(self, role: str) -> tuple[bytes, bytes]:
        """Make a certificate that signs files: PEM of the chain, the leaf first, and PEM of the leaf's key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _begin(role, key.public_key(), self.certificate)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(issues=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return chain_pem(certificate, self.certificate), key_pem(key)


def chain_pem(*certificates: x509.Certificate) -> bytes:
    """PEM of these certificates, one behind the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def key_pem(key: PrivateKey) -> bytes:
    """PEM (PKCS #8, no passphrase) of a private key."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_chain(pem: bytes) -> list[x509.Certificate]:
    """Read certificates from PEM; raises `ValueError` where there is none, or one is damaged."""
    return x509.load_pem_x509_certificates(pem)


def read_key(pem: bytes) -> PrivateKey:
    """Read a private key from PEM; raises `ValueError` with a reason that holds nothing of the key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("it has a passphrase") from None
    except Exception:  # noqa: BLE001 - the library's reasons differ by version, and may quote what they read
        raise ValueError("it is no private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise ValueError("it is of a kind that C2PA does not know")
    return key


def algorithm(key: PrivateKey) -> Algorithm:
    """Give the algorithm that fits a key; raises `ValueError` for a curve that C2PA does not know."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if key.curve.name not in _CURVES:
        raise ValueError(f"its curve {key.curve.name} is none of {', '.join(_CURVES)}")
    return _CURVES[key.curve.name]


def _begin(role: str, key: ec.EllipticCurvePublicKey, issuer: x509.Certificate | None) -> x509.CertificateBuilder:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{_ORGANIZATION} {role}"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if issuer is None:
        return builder
    above = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )
