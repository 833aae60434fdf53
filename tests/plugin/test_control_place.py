from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from mien.plugin.control.place import Notice, Token


def test_a_token_is_long_kept_and_only_its_users(tmp_path: Path) -> None:
    value = Token(tmp_path).value
    assert len(value) == 43
    assert Token(tmp_path).value == value
    mode = stat.S_IMODE((tmp_path / "control-token").stat().st_mode)
    assert mode == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "control-token"]


def test_a_renewed_token_is_known_to_those_that_run(tmp_path: Path) -> None:
    running = Token(tmp_path)
    old = running.value
    new = Token(tmp_path).renew()
    assert new != old
    assert running.value == new


def test_a_token_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    old = Token(tmp_path).value
    (tmp_path / "control-token").chmod(0o644)
    assert Token(tmp_path).value != old
    assert stat.S_IMODE((tmp_path / "control-token").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "short", "a" * 44, "a" * 100_000, "ü" * 43, "\0" * 43, "../" * 14 + "a"])
def test_a_file_that_holds_no_token_is_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "control-token"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    value = Token(tmp_path).value
    assert len(value) == 43
    assert path.read_text().strip() == value


def test_a_file_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    running = Token(tmp_path)
    value = running.value
    (tmp_path / "control-token").unlink()
    assert running.value == value


def test_without_a_folder_it_lasts_as_long_as_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    token = Token(tmp_path / "file")
    assert len(token.value) == 43
    assert token.value == token.value


def test_the_newest_run_is_noted_and_takes_only_its_own_note_away(tmp_path: Path) -> None:
    first, second = Notice(tmp_path), Notice(tmp_path)
    first.put(8723)
    assert json.loads((tmp_path / "control.json").read_text()) == {"port": 8723, "pid": os.getpid()}
    second.put(8724)
    first.take()
    assert json.loads((tmp_path / "control.json").read_text())["port"] == 8724
    second.take()
    assert not (tmp_path / "control.json").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"port": 8723, "pid": 1}', 8723),
        ('{"port": 8723, "pid": 4194305}', None),
        ("[]", None),
        ("no json", None),
        ('{"port": "x", "pid": 1}', None),
    ],
)
def test_another_run_is_known_while_it_lives(tmp_path: Path, text: str, expected: int | None) -> None:
    (tmp_path / "control.json").write_text(text)
    assert Notice(tmp_path).others_port() == expected
