from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from recordings import signed

from mien.engines.credentials.anchors import NOBODY
from mien.engines.credentials.chain import (
    MAX_PEM_BYTES,
    Credentials,
    Identity,
    check_private,
    one_time,
    own_anchors,
    own_certificate,
)
from mien.engines.credentials.errors import CredentialError
from mien.engines.verify.signed import read_signed

posix = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")


def certificates(credentials: Credentials) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(credentials.chain)


def fingerprints(credentials: Credentials) -> set[object]:
    """Everything of a chain that could be compared with another one."""
    found: set[object] = {credentials.key}
    for each in certificates(credentials):
        key = each.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        point = each.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        found |= {each.serial_number, each.fingerprint(hashes.SHA256()), each.signature, key, point}
    return found


def test_two_files_get_chains_that_share_nothing() -> None:
    first, second = one_time(), one_time()
    assert fingerprints(first).isdisjoint(fingerprints(second))


def test_a_chain_is_what_c2pa_wants_and_says_nothing_of_anybody() -> None:
    leaf, issuer = certificates(one_time())
    leaf.verify_directly_issued_by(issuer)
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.EMAIL_PROTECTION
    ]
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert [each.subject.rfc4514_string() for each in (leaf, issuer)] == [
        "CN=Mien one-time signer,O=Mien", "CN=Mien one-time issuer,O=Mien",
    ]  # fmt: skip
    # The same for everybody: a date of today would tell when a recording was made.
    century = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2126, 1, 1, tzinfo=datetime.UTC)
    assert {(each.not_valid_before_utc, each.not_valid_after_utc) for each in (leaf, issuer)} == {century}


def test_a_key_is_in_no_repr() -> None:
    credentials = one_time()
    assert credentials.key.splitlines()[1].decode() not in repr(credentials)
    assert "PRIVATE" not in repr(credentials)


@posix
def test_an_identity_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = Identity(tmp_path / "credentials")
    assert first.folder.stat().st_mode & 0o777 == 0o700
    assert (first.folder / "issuer-key.pem").stat().st_mode & 0o777 == 0o600
    again = Identity(tmp_path / "credentials")
    assert again.root == first.root
    assert [path.name for path in (tmp_path / "credentials").iterdir()] == ["identity"]


def test_an_identity_signs_each_file_with_a_new_leaf_of_one_issuer(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    first, second = certificates(identity.leaf()), certificates(identity.leaf())
    assert first[1] == second[1]
    assert first[0].serial_number != second[0].serial_number
    assert first[0].public_key() != second[0].public_key()
    (root,) = x509.load_pem_x509_certificates(identity.root.encode())
    first[1].verify_directly_issued_by(root)
    # The root's key is nowhere: what was given out as a root vouches for no issuer to come.
    kept = serialization.load_pem_private_key((identity.folder / "issuer-key.pem").read_bytes(), None)
    assert kept.public_key() == first[1].public_key() != root.public_key()


def test_processes_that_begin_at_once_end_with_one_identity(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from mien.engines.credentials import certificates\n"
        "from mien.engines.credentials.chain import Identity\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(Identity(pathlib.Path(sys.argv[1])).root)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "credentials")]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    roots = {child.communicate(timeout=30)[0] for child in children}
    assert [child.returncode for child in children] == [0] * 4
    assert len(roots) == 1
    assert "BEGIN CERTIFICATE" in roots.pop()
    assert [path.name for path in (tmp_path / "credentials").iterdir()] == ["identity"]


@posix
@pytest.mark.parametrize(("name", "mode"), [("issuer-key.pem", 0o640), ("issuer-key.pem", 0o604), (".", 0o755)])
def test_an_identity_that_others_may_use_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    folder = Identity(tmp_path).folder
    (folder / name).chmod(mode)
    with pytest.raises(CredentialError, match=rf"others on this computer may use .*{mode:o}.*chmod"):
        Identity(tmp_path)


def test_a_damaged_identity_is_named_and_never_replaced(tmp_path: Path) -> None:
    folder = Identity(tmp_path).folder
    key = folder / "issuer-key.pem"
    text = key.read_text()
    key.write_text(text.replace(text.splitlines()[1], "AAAA"))
    with pytest.raises(CredentialError, match="is damaged: it is no private key"):
        Identity(tmp_path)
    other = Identity(tmp_path / "other").folder / "issuer-key.pem"
    key.write_bytes(other.read_bytes())
    with pytest.raises(CredentialError, match="do not belong together"):
        Identity(tmp_path)
    key.unlink()
    with pytest.raises(CredentialError, match=r"issuer-key\.pem cannot be read"):
        Identity(tmp_path)
    assert not key.exists()


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialError, match=r"identity cannot be kept in .*MIEN_CONFIG_DIR"):
        Identity(tmp_path / "file" / "credentials")


def authority(key: Any, folder: Path, *, eku: Any = ExtendedKeyUsageOID.EMAIL_PROTECTION) -> tuple[Path, Path]:
    """A certificate for `key` by an authority of the test's, and its files."""
    above = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text), x509.NameAttribute(NameOID.COMMON_NAME, text)]
        )

    def begin(subject: str, public: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Authority"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), False)
        )

    def usage(*, issues: bool) -> x509.KeyUsage:
        return x509.KeyUsage(not issues, False, False, False, False, issues, issues, False, False)

    issuer = (
        begin("Authority", above.public_key())
        .add_extension(x509.BasicConstraints(True, 0), True)
        .add_extension(usage(issues=True), True)
        .sign(above, hashes.SHA256())
    )
    leaf = (
        begin("Streamer", key.public_key())
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(usage(issues=False), True)
        .add_extension(x509.ExtendedKeyUsage([eku]), False)
        .sign(above, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + issuer.public_bytes(pem))
    write_key(key, folder / "key.pem")
    return folder / "chain.pem", folder / "key.pem"


def write_key(key: Any, path: Path, passphrase: bytes | None = None) -> None:
    locked = serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    path.chmod(0o600)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048),
    ],
    ids=["es256", "es384", "ed25519", "ps256"],
)  # fmt: skip
def test_a_certificate_of_ones_own_signs_and_is_known_again(
    key: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chain, private = authority(key, tmp_path)
    credentials = own_certificate(chain, private)
    assert credentials.algorithm == request.node.callspec.id
    path = signed(tmp_path / "a.png", credentials)
    mine = read_signed(path, own=own_anchors(tmp_path / "none", chain))
    assert (mine.state, mine.trusted, mine.signer) == ("valid", "own", "Streamer")
    assert read_signed(path).trusted == "unknown"


def test_another_customer_of_the_same_authority_is_not_oneself(tmp_path: Path) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    chain, _ = authority(ec.generate_private_key(ec.SECP256R1()), tmp_path / "mine")
    theirs = signed(
        tmp_path / "a.png", own_certificate(*authority(ec.generate_private_key(ec.SECP256R1()), tmp_path / "theirs"))
    )
    leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    # Their issuer with my leaf in front: as if one authority had issued both.
    mixed = tmp_path / "mixed.pem"
    issuer = (tmp_path / "theirs" / "chain.pem").read_text().split("-----END CERTIFICATE-----\n")[1]
    mixed.write_text(leaf.public_bytes(serialization.Encoding.PEM).decode() + issuer + "-----END CERTIFICATE-----\n")
    assert read_signed(theirs, own=own_anchors(tmp_path / "none", mixed)).trusted == "unknown"
    assert read_signed(theirs, own=own_anchors(tmp_path / "none", tmp_path / "theirs" / "chain.pem")).trusted == "own"


def test_nobody_is_oneself_before_there_is_an_identity(tmp_path: Path) -> None:
    assert own_anchors(tmp_path) == NOBODY
    identity = Identity(tmp_path)
    assert own_anchors(tmp_path).roots == identity.root


def test_what_cannot_sign_is_refused_and_the_key_stays_out_of_the_message(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    chain, private = authority(key, tmp_path)
    secret = private.read_text().splitlines()[1]

    def refusal(certificate: Path = chain, path: Path = private) -> str:
        with pytest.raises(CredentialError) as caught:
            own_certificate(certificate, path)
        assert secret not in str(caught.value)
        return str(caught.value)

    assert "cannot be read" in refusal(tmp_path / "gone.pem")
    assert "cannot be read" in refusal(path=tmp_path / "gone.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    assert "holds no certificates" in refusal(tmp_path / "text.pem")
    (tmp_path / "big.pem").write_bytes(bytes(MAX_PEM_BYTES + 1))
    assert "larger than" in refusal(tmp_path / "big.pem")
    write_key(ec.generate_private_key(ec.SECP256R1()), tmp_path / "other.pem")
    assert "does not belong" in refusal(path=tmp_path / "other.pem")
    write_key(key, tmp_path / "locked.pem", b"hunter2hunter2")
    assert "it has a passphrase" in refusal(path=tmp_path / "locked.pem")
    write_key(ec.generate_private_key(ec.SECP256K1()), tmp_path / "curve.pem")
    assert "curve secp256k1" in refusal(path=tmp_path / "curve.pem")
    write_key(dsa.generate_private_key(1024), tmp_path / "dsa.pem")
    assert "of a kind that C2PA does not know" in refusal(path=tmp_path / "dsa.pem")
    broken = tmp_path / "broken.pem"
    broken.write_text(private.read_text().replace(secret, secret[:-4] + "!!!!"))
    broken.chmod(0o600)
    assert "no private key in PEM" in refusal(path=broken)


@posix
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    chain, private = authority(ec.generate_private_key(ec.SECP256R1()), tmp_path)
    private.chmod(0o644)
    with pytest.raises(CredentialError, match="mode is 644"):
        own_certificate(chain, private)
    private.chmod(0o400)
    check_private(private)


def test_a_certificate_for_something_else_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    chain, private = authority(ec.generate_private_key(ec.SECP256R1()), tmp_path, eku=ExtendedKeyUsageOID.SERVER_AUTH)
    with pytest.raises(CredentialError, match=r"a\.png cannot be signed: .*The file is as it was"):
        signed(tmp_path / "a.png", own_certificate(chain, private))
    assert read_signed(tmp_path / "a.png").state == "none"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "chain.pem", "key.pem"]
