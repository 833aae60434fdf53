from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from persona_packs import STRANGER, SUBJECT

from mien.engines.consent.errors import ConsentDamagedError, ConsentKeyError
from mien.engines.consent.keys import (
    ToolKeys,
    fits,
    is_locked,
    public_hex,
    public_pem,
    read_key,
    read_public,
    shown,
    sign,
    write_key,
)

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of other systems differ")
#: Root may write anywhere, so nothing is read-only to it.
not_root = pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_signature_fits_its_key_and_its_text_alone() -> None:
    signature = sign(SUBJECT, b"text")
    assert fits(signature, b"text")
    assert not fits(signature, b"texT")
    assert not fits(signature.model_copy(update={"key": public_hex(STRANGER)}), b"text")
    assert shown(public_hex(SUBJECT)) == "8a88 e3dd 7409 f195"


@posix
def test_a_key_is_its_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "my.key"
    write_key(path, SUBJECT)
    assert mode(path) == 0o600
    assert public_hex(read_key(path)) == public_hex(SUBJECT)
    with pytest.raises(ConsentKeyError, match=r"There is a file .*my\.key already"):
        write_key(path, STRANGER)
    assert public_hex(read_key(path)) == public_hex(SUBJECT)
    assert list(path.parent.iterdir()) == [path]


@posix
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o666, 0o610])
def test_a_key_that_others_can_touch_is_refused(tmp_path: Path, bits: int) -> None:
    write_key(tmp_path / "my.key", SUBJECT)
    (tmp_path / "my.key").chmod(bits)
    with pytest.raises(ConsentKeyError, match=rf"can be read by others \(its permissions are {bits:04o}\).*chmod 600"):
        read_key(tmp_path / "my.key")


def test_a_passphrase_locks_a_key(tmp_path: Path) -> None:
    write_key(tmp_path / "locked.key", SUBJECT, "open sesame")
    write_key(tmp_path / "plain.key", SUBJECT)
    assert is_locked(tmp_path / "locked.key")
    assert not is_locked(tmp_path / "plain.key")
    assert public_hex(read_key(tmp_path / "locked.key", "open sesame")) == public_hex(SUBJECT)
    with pytest.raises(ConsentKeyError, match=r"is locked by a passphrase\. Add --passphrase"):
        read_key(tmp_path / "locked.key")
    with pytest.raises(ConsentKeyError, match="or the passphrase is not its"):
        read_key(tmp_path / "locked.key", "wrong")
    with pytest.raises(ConsentKeyError, match="has no passphrase"):
        read_key(tmp_path / "plain.key", "any")


def test_what_is_no_key_is_refused_and_never_shown(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for data, message in ((b"secret words", "it is no key"), (b"", "it is no key"), (other, "is no Ed25519 key")):
        path = tmp_path / "some.key"
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(ConsentKeyError, match=message) as caught:
            read_key(path)
        assert "secret words" not in str(caught.value)
    with pytest.raises(ConsentKeyError, match=r"cannot be read \(No such file"):
        read_key(tmp_path / "none.key")
    with pytest.raises(ConsentKeyError, match=r"is no plain file"):
        read_key(tmp_path)


def test_public_keys_are_read_from_pem(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(public_pem(SUBJECT))
    assert read_public(tmp_path / "a.pem") == public_hex(SUBJECT)
    write_key(tmp_path / "my.key", SUBJECT)
    with pytest.raises(ConsentKeyError, match="is no public key in PEM form"):
        read_public(tmp_path / "my.key")
    with pytest.raises(ConsentKeyError, match="cannot be read"):
        read_public(tmp_path / "none.pem")


@posix
def test_the_tools_key_is_made_once_in_a_closed_folder(tmp_path: Path) -> None:
    keys = ToolKeys(tmp_path)
    assert keys.known() == frozenset()
    assert not (tmp_path / "keys").exists(), "looking makes no key"
    own = keys.own()
    assert mode(tmp_path / "keys") == 0o700
    assert mode(tmp_path / "keys" / "consent-tool.pem") == 0o600
    assert public_hex(ToolKeys(tmp_path).own()) == public_hex(own)
    assert keys.known() == {public_hex(own)}


def test_accepted_keys_are_kept_with_their_names(tmp_path: Path) -> None:
    keys, others = ToolKeys(tmp_path), [public_hex(Ed25519PrivateKey.generate()) for _ in range(3)]
    for at, key in enumerate(others):
        keys.accept(key, f"Mien {at}")
    assert {key: entry.name for key, entry in ToolKeys(tmp_path).accepted().items()} == {
        key: f"Mien {at}" for at, key in enumerate(others)
    }
    with pytest.raises(ConsentDamagedError, match="list of accepted keys"):
        keys.accept(others[0], "Ann\n")
    assert len(keys.accepted()) == 3


def test_a_damaged_list_of_keys_accepts_nothing(tmp_path: Path) -> None:
    keys = ToolKeys(tmp_path)
    keys.accept(public_hex(STRANGER), "Ann")
    (tmp_path / "keys" / "consent-trusted.json").write_bytes(b'{"format":1,"keys":{"xx":1}}')
    assert keys.accepted() == {}


@posix
@not_root
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConsentKeyError, match=r"keys cannot be written .* set MIEN_CONFIG_DIR"):
        ToolKeys(tmp_path).own()
    tmp_path.chmod(0o700)


def test_a_config_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("not a folder")
    for call in (ToolKeys(tmp_path / "config").own, lambda: ToolKeys(tmp_path / "config").accept("ab" * 32, "Ann")):
        with pytest.raises(ConsentKeyError, match=r"cannot be written .* set MIEN_CONFIG_DIR"):
            call()
