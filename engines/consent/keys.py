"""Ed25519 keys: the subject's, who keeps it to withdraw the consent, and the tool's, which vouches for what it saw.

The subject's key is a file of their own, wherever they want it; the tool's lies in the user's config folder. Both are
PEM (PKCS #8), readable by their owner alone; a key that others can read is refused, for they could have signed with it.
Nothing here ever prints a private key, and no pack holds one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field

from mien.engines.consent.canonical import Strict, canonical, parse
from mien.engines.consent.errors import ConsentDamagedError, ConsentKeyError
from mien.engines.consent.files import read_plain, replace, write_new
from mien.engines.consent.moment import Moment, utc_now, write_moment
from mien.engines.consent.record import Hex32, Line, Signature
from mien.realtime.folders import CONFIG_DIR_VARIABLE, user_config_dir

#: A PEM of Ed25519 has 119 bytes, an encrypted one about 300.
_MAX_KEY_BYTES: Final = 16 * 2**10
_TOOL_KEY: Final = "consent-tool.pem"
_TRUSTED: Final = "consent-trusted.json"


def public_hex(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public key, 64 hex digits."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()


def shown(key: str) -> str:
    """A public key as people compare it: the first 16 digits in fours."""
    return " ".join(key[at : at + 4] for at in range(0, 16, 4))


def sign(key: Ed25519PrivateKey, text: bytes) -> Signature:
    """Sign `text`."""
    return Signature(key=public_hex(key), value=key.sign(text).hex())


def fits(signature: Signature, text: bytes) -> bool:
    """Whether a signature is its key's over `text`."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.key))
        public.verify(bytes.fromhex(signature.value), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def write_key(path: Path, key: Ed25519PrivateKey, passphrase: str | None = None) -> None:
    """Write a private key as a new file that its owner alone can read.

    Raises:
        ConsentKeyError: the file is there already, or cannot be written.

    """
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        cipher = serialization.BestAvailableEncryption(passphrase.encode())
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher)
    try:
        write_new(path, data)
    except FileExistsError as error:
        raise ConsentKeyError(f"There is a file {path} already.", hint="Give the key another name.") from error
    except OSError as error:
        raise ConsentKeyError(f"The key {path} cannot be written ({error.strerror}).") from error


def read_key(path: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        ConsentKeyError: it is missing, readable by others, no Ed25519 key, or the passphrase is not its.

    """
    data = _read_private(path)
    try:
        key = serialization.load_pem_private_key(data, None if passphrase is None else passphrase.encode())
    except TypeError as error:
        # What the library raises when a passphrase is missing, and when one is given that is not needed.
        needed = passphrase is None
        raise ConsentKeyError(
            f"The key {path} {'is locked by a passphrase' if needed else 'has no passphrase'}.",
            hint="Add --passphrase." if needed else "Leave --passphrase out.",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConsentKeyError(
            f"The key {path} cannot be read: it is no key, or the passphrase is not its.",
            hint="It must be a PEM file that `mien consent record` wrote.",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConsentKeyError(f"The key {path} is no Ed25519 key.", hint="`mien consent record` writes one.")
    return key


def is_locked(path: Path) -> bool:
    """Whether a passphrase locks a key's file; raises `ConsentKeyError` where it cannot be read."""
    return b"ENCRYPTED" in _read_private(path)


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half as PEM, to be given to others."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_public(path: Path) -> str:
    """The public key in a PEM file, 64 hex digits.

    Raises:
        ConsentKeyError: there is none in it.

    """
    try:
        key = serialization.load_pem_public_key(read_plain(path, _MAX_KEY_BYTES))
    except OSError as error:
        raise ConsentKeyError(f"The key {path} cannot be read ({error.strerror}).") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConsentKeyError(
            f"{path} is no public key in PEM form.", hint="Whose Mien it is prints theirs: `mien consent trust --own`."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConsentKeyError(f"{path} is no Ed25519 public key.")
    return public_hex(key)


class Accepted(Strict):
    """A tool's key that the user has accepted: whose it is, and since when."""

    name: Line
    since: Moment


class _AcceptedList(Strict):
    format: Literal[1]
    keys: Annotated[dict[Hex32, Accepted], Field(max_length=256)]


class ToolKeys:
    """The key of this Mien, and those of others that the user has accepted.

    Args:
        config_dir: the user's; its folder `keys` is made, for its owner alone, when a key is first needed.

    """

    def __init__(self, config_dir: Path | None = None) -> None:
        self._folder = (user_config_dir() if config_dir is None else config_dir) / "keys"

    def own(self) -> Ed25519PrivateKey:
        """The key of this Mien, made on first use.

        Raises:
            ConsentKeyError: others can read it, it is damaged, or the folder cannot be written.

        """
        path = self._folder / _TOOL_KEY
        if not path.exists():
            self._make_folder()
            try:
                write_new(path, _plain_pem(Ed25519PrivateKey.generate()))
            except FileExistsError:
                pass  # another Mien was first; its key is as good
            except OSError as error:
                raise _unwritable(path, error) from error
        return read_key(path)

    def known(self) -> frozenset[str]:
        """Public keys that are believed: the own one, if there is one, and the accepted ones.

        Raises:
            ConsentKeyError: others can read the own key, or write the list.

        """
        path = self._folder / _TOOL_KEY
        own = {public_hex(read_key(path))} if path.exists() else set()
        return frozenset(own | self.accepted().keys())

    def accepted(self) -> Mapping[str, Accepted]:
        """The keys of others, by their 64 hex digits. A list that is missing or damaged accepts nothing.

        Raises:
            ConsentKeyError: others can write the list.

        """
        path = self._folder / _TRUSTED
        try:
            _check_mode(path, 0o022, "changed")
            return parse(path.read_bytes(), _AcceptedList, path.name).keys
        except (OSError, ConsentDamagedError):
            return {}

    def accept(self, key: str, name: str) -> None:
        """Believe records that the Mien with this public key has signed.

        Raises:
            ConsentDamagedError: a name that is no line of text.
            ConsentKeyError: the list cannot be written, or others can write it.

        """
        entry = {"name": name, "since": write_moment(utc_now())}
        kept = {each: value.model_dump() for each, value in self.accepted().items()}
        table = canonical({"format": 1, "keys": kept | {key: entry}})
        parse(table, _AcceptedList, "The list of accepted keys")
        self._make_folder()
        place = self._folder / _TRUSTED
        try:
            replace(place, table)
        except OSError as error:
            raise _unwritable(place, error) from error

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name == "posix" and stat.S_IMODE(self._folder.stat().st_mode) & 0o077:
                self._folder.chmod(0o700)
        except OSError as error:
            raise _unwritable(self._folder, error) from error


def _plain_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_private(path: Path) -> bytes:
    try:
        _check_mode(path, 0o077, "read")
        return read_plain(path, _MAX_KEY_BYTES)
    except OSError as error:
        raise ConsentKeyError(f"The key {path} cannot be read ({error.strerror}).", hint="Check the path.") from error


def _check_mode(path: Path, forbidden: int, done: str) -> None:
    """Raise unless `path` is a plain file without the permissions `forbidden`; Windows has other ones."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise ConsentKeyError(f"{path} is no plain file.")
    if os.name == "posix" and mode & forbidden:
        raise ConsentKeyError(
            f"{path} can be {done} by others (its permissions are {stat.S_IMODE(mode):04o}).",
            hint=f"Run `chmod 600 {path}`; if others use this computer, make a new key.",
        )


def _unwritable(path: Path, error: OSError) -> ConsentKeyError:
    return ConsentKeyError(
        f"{path} cannot be written ({error.strerror}).",
        hint=f"Make the folder writable, or set {CONFIG_DIR_VARIABLE} to one that is.",
    )
