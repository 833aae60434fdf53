"""What a file is signed with: keys made for this file alone, or the user's identity where it is wanted.

By default it is `one_time`: issuer, signer, keys and serial numbers are made for one file and forgotten, private keys
included. A chain that stayed would put the same certificate into every recording, and so link all that a streamer ever
published, on every channel; a fresh leaf under a lasting issuer links just as well, for the issuer's certificate lies
in the file too. What is given up is that others can see who signed. The signature still shows every change of the file
since it was written, and the claim what the file is. A certificate that signs once may be valid for a century: its key
is gone.

Who wants to be known signs with an `Identity`, whose root and issuer stay in the user's folder, with a new leaf for
each file; or with a certificate that an authority gave them (`own_certificate`).
"""

from __future__ import annotations

import importlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.engines.credentials.anchors import NOBODY, Anchors
from mien.engines.credentials.errors import CredentialError
from mien.realtime.errors import MissingExtraError

if TYPE_CHECKING:
    from cryptography import x509

    from mien.engines.credentials.certificates import Algorithm

#: Far more than a key or a chain of certificates takes.
MAX_PEM_BYTES = 256 * 1024
_IDENTITY = "identity"
_KEY, _CHAIN = "issuer-key.pem", "chain.pem"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs a file.

    Attributes:
        chain: PEM of certificates, the leaf first.
        key: PEM (PKCS #8) of the leaf's private key; not in the repr.
        algorithm: that fits the key, in C2PA's names.

    """

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: Algorithm = "es256"


def one_time() -> Credentials:
    """Make a chain for one file, which shares nothing with any other; see the module.

    Raises `MissingExtraError` where the package `cryptography` is missing.
    """
    return Credentials(*_certificates().Issuer.new("one-time issuer").leaf("one-time signer"))


class Identity:
    """A chain that stays: whatever it signs can be known to come from one user.

    Made on first use. The root's key is forgotten once it has signed the issuer, so that a root certificate that was
    given to others vouches for this issuer alone. Two processes that begin at once end with the same chain.

    Args:
        folder: the user's folder for credentials; a folder `identity` is made in it, open to its owner alone.

    Raises:
        CredentialError: others may read the key (POSIX), a file is missing or damaged, or the folder cannot be written.
        MissingExtraError: the package `cryptography` is missing.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / _IDENTITY
        tools = _certificates()
        if not self.folder.exists():
            self._create(tools)
        check_private(self.folder)
        check_private(self.folder / _KEY)
        issuer, root = self._load(tools)
        self._issuer = issuer
        #: PEM of the root certificate: what to give to whoever should know this user's signatures.
        self.root = tools.chain_pem(root).decode()

    def leaf(self) -> Credentials:
        """Make a new leaf, for one file."""
        return Credentials(*self._issuer.leaf("signer"))

    def _create(self, tools: Any) -> None:  # noqa: ANN401 - see `_certificates`
        root = tools.Issuer.new("root", path_length=1)
        issuer = tools.Issuer.new("issuer", parent=root)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=".identity-"))
            try:
                _write_private(draft / _KEY, tools.key_pem(issuer.key))
                _write_private(draft / _CHAIN, tools.chain_pem(issuer.certificate, root.certificate))
                self._name(draft)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise CredentialError(
                f"your identity cannot be kept in {self.folder}: {error.strerror}.",
                hint="Make the folder writable, or name another in MIEN_CONFIG_DIR.",
            ) from error

    def _name(self, draft: Path) -> None:
        try:
            draft.rename(self.folder)
        except OSError:
            # No folder replaces one that holds something: whoever comes second takes what the first has made.
            if not self.folder.exists():
                raise

    def _load(self, tools: Any) -> tuple[Any, Any]:  # noqa: ANN401 - see `_certificates`
        key, chain = _read(self.folder / _KEY), _read(self.folder / _CHAIN)
        try:
            private, certificates = tools.read_key(key), tools.read_chain(chain)
            if len(certificates) != 2 or certificates[0].public_key() != private.public_key():
                raise ValueError("key and certificates do not belong together")
        except ValueError as error:
            raise CredentialError(
                f"your identity in {self.folder} is damaged: {error}.",
                hint="Put a copy back, or move the folder away: a new identity is made then.",
            ) from error
        return tools.Issuer(certificates[0], private), certificates[1]


def own_certificate(certificate: Path, key: Path) -> Credentials:
    """Load the user's own certificate, as an authority issued it.

    Args:
        certificate: PEM, the leaf first, then its issuers.
        key: PEM without a passphrase; nobody but its owner may read it.

    Raises:
        CredentialError: unreadable, readable by others (POSIX), not PEM, not of one pair, or of a kind that C2PA
            does not know. The message holds nothing of the key.
        MissingExtraError: the package `cryptography` is missing.

    """
    tools = _certificates()
    check_private(key)
    try:
        private = tools.read_key(_read(key))
        fitting = tools.algorithm(private)
    except ValueError as error:
        raise CredentialError(
            f"the key {key} cannot sign: {error}.", hint="Use an ECDSA, Ed25519 or RSA key in PEM, without passphrase."
        ) from error
    chain = _pem_of(certificate)
    if chain[0].public_key() != private.public_key():
        raise CredentialError(
            f"the key {key} does not belong to the first certificate in {certificate}.",
            hint="Put the leaf's certificate first, then its issuers.",
        )
    return Credentials(tools.chain_pem(*chain), tools.key_pem(private), fitting)


def own_anchors(folder: Path, certificate: Path | None = None) -> Anchors:
    """Give whose signatures are the user's own: those of the kept identity, if one was made, and of a certificate.

    Args:
        folder: as of `Identity`; no identity is made here, and its key is not looked at.
        certificate: as of `own_certificate`.

    Raises:
        CredentialError: a file is there and cannot be used.
        MissingExtraError: the package `cryptography` is missing, and there is something to read.

    """
    kept = folder / _IDENTITY / _CHAIN
    roots = _pem_of(kept)[1:] if kept.exists() else []
    own = [] if certificate is None else _pem_of(certificate)
    if not roots and not own:
        return NOBODY
    pem = _certificates().chain_pem
    return Anchors(
        roots=pem(*roots).decode(),
        issuer=pem(*own[1:2]).decode(),
        serial=str(own[0].serial_number) if own else "",
    )


def check_private(path: Path) -> None:
    """Raise `CredentialError` where others may read or change a file or folder (POSIX), or where it is missing."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise CredentialError(f"{path} cannot be read: {error.strerror}.") from error
    if os.name == "posix" and mode & _OTHERS:
        wanted = "700" if stat.S_ISDIR(mode) else "600"
        raise CredentialError(
            f"others on this computer may use {path} (its mode is {stat.S_IMODE(mode):o}); a key is one person's.",
            hint=f"Where nobody did: chmod {wanted} '{path}'. Else use another key.",
        )


def _certificates() -> Any:  # noqa: ANN401 - a module
    """Load the module that needs the package `cryptography`: help and plain runs do not wait for it."""
    try:
        return importlib.import_module("mien.engines.credentials.certificates")
    except ImportError as error:
        raise MissingExtraError(
            f"certificates need the package 'cryptography', and it does not load: {error}.",
            hint='Install it: pip install "cryptography>=44"',
        ) from error


def _pem_of(path: Path) -> list[x509.Certificate]:
    try:
        certificates: list[x509.Certificate] = _certificates().read_chain(_read(path))
    except ValueError as error:
        raise CredentialError(f"{path} holds no certificates in PEM.") from error
    return certificates


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise CredentialError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_PEM_BYTES:
        raise CredentialError(f"{path} is larger than {MAX_PEM_BYTES // 1024} kB; that is no key and no certificate.")
    return data


def _write_private(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
