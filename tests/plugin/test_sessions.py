"""Salts of sessions: kept for their owner alone, bounded, and never a reason to stop a stream."""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mien.plugin import Live, LiveConfig, sessions
from mien.plugin.sessions import SessionStoreError, own_session, remember, sessions_path
from mien.realtime.watermark.session import MarkSession

START = datetime(2026, 11, 30, 3, 4, 5, tzinfo=UTC)


def test_a_mark_of_mine_is_known_by_its_start_and_others_are_not() -> None:
    mine, other = MarkSession(), MarkSession()
    assert own_session(mine.payload("persona")) is None
    remember(mine, START)
    remember(MarkSession(), START + timedelta(days=1))
    assert own_session(mine.payload("persona")) == START
    assert own_session(mine.payload("slate")) == START
    assert own_session(other.payload("persona")) is None


def test_times_are_kept_in_utc() -> None:
    mine = MarkSession()
    remember(mine, START.astimezone(timezone(timedelta(hours=9))))
    assert own_session(mine.payload("persona")) == START
    assert "+00:00" in sessions_path().read_text(encoding="ascii")


def test_it_holds_nothing_else() -> None:
    remember(MarkSession(), START)
    assert set(json.loads(sessions_path().read_text(encoding="ascii"))) == {"session", "salt", "started"}


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder to its user by itself")
def test_only_its_owner_may_read_it_whatever_it_was_before() -> None:
    remember(MarkSession(), START)
    assert stat.S_IMODE(sessions_path().stat().st_mode) == 0o600
    sessions_path().chmod(0o644)
    remember(MarkSession(), START)
    assert stat.S_IMODE(sessions_path().stat().st_mode) == 0o600


def test_it_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_BYTES", 2000)
    made = [MarkSession() for _ in range(60)]
    for number, session in enumerate(made):
        remember(session, START + timedelta(hours=number))
        assert sessions_path().stat().st_size <= 2000
    assert own_session(made[0].payload("persona")) is None
    assert own_session(made[-1].payload("persona")) == START + timedelta(hours=59)
    assert own_session(made[-5].payload("persona")) is not None
    assert [path.name for path in sessions_path().parent.iterdir()] == [sessions_path().name]
    if os.name != "nt":
        assert stat.S_IMODE(sessions_path().stat().st_mode) == 0o600


def test_runs_that_start_together_keep_all_their_salts() -> None:
    made = [MarkSession() for _ in range(40)]
    threads = [threading.Thread(target=remember, args=(session, START)) for session in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own_session(session.payload("persona")) for session in made)


@pytest.mark.parametrize(
    "damage",
    [
        b"not json\n",
        b"[]\n",
        b"7\n",
        b'{"session": "SESSION", "salt": 5, "started": "x"}\n',
        b'{"session": "SESSION", "salt": "00", "started": "2026-11-30T00:00:00+00:00"}\n',
        b'{"session": "SESSION", "salt": "' + b"zz" * 16 + b'", "started": "2026-11-30T00:00:00+00:00"}\n',
        b'{"session": "SESSION", "salt": "' + b"00" * 16 + b'", "started": "yesterday"}\n',
        b'{"session": "SESSION"}\n',
        b'{"session": ["SESSION"]}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\x00\n",
        b"\n" * 1000,
    ],
)
def test_damaged_lines_are_passed_over(damage: bytes) -> None:
    mine = MarkSession()
    damage = damage.replace(b"SESSION", f"{mine.session:08x}".encode())
    sessions_path().parent.mkdir(parents=True)
    sessions_path().write_bytes(damage)
    remember(mine, START)
    with sessions_path().open("ab") as stream:
        stream.write(damage)
    assert own_session(mine.payload("persona")) == START


def test_a_huge_file_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MOST_READ_BYTES", 4000)
    sessions_path().parent.mkdir(parents=True)
    sessions_path().write_bytes(b"x" * 50_000 + b"\n")
    mine = MarkSession()
    remember(mine, START)
    assert own_session(mine.payload("persona")) == START
    assert sessions_path().stat().st_size <= 50_200


def test_a_disk_that_is_full_leaves_no_copy_of_the_salts(monkeypatch: pytest.MonkeyPatch) -> None:
    remember(MarkSession(), START)
    monkeypatch.setattr(sessions, "MAX_BYTES", 10)
    monkeypatch.setattr(Path, "replace", _full)
    kept = sessions_path().read_bytes()
    with pytest.raises(SessionStoreError, match="No space left"):
        remember(MarkSession(), START)
    assert sessions_path().read_bytes().startswith(kept)
    assert [path.name for path in sessions_path().parent.iterdir()] == [sessions_path().name]


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no such links here")
def test_a_link_in_its_place_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "somebody's"
    target.write_text("theirs")
    sessions_path().parent.mkdir(parents=True)
    sessions_path().symlink_to(target)
    with pytest.raises(SessionStoreError):
        remember(MarkSession(), START)
    assert target.read_text() == "theirs"


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(SessionStoreError, match="MIEN_DATA_DIR") as raised:
        remember(MarkSession(), START)
    assert str(tmp_path / "file") in str(raised.value)
    assert own_session(MarkSession().payload("persona")) is None


class TestLive:
    CONFIG = LiveConfig(source="pattern", persona="viggo", sinks=())

    def test_a_run_keeps_its_salt_and_tells_its_id(self) -> None:
        begin = datetime.now(UTC) - timedelta(seconds=1)
        live = Live(self.CONFIG)
        assert not sessions_path().exists()
        with live:
            next(iter(live))
        (line,) = sessions_path().read_text(encoding="ascii").splitlines()
        assert json.loads(line)["session"] == f"{live.session_id:08x}"
        session = MarkSession(bytes.fromhex(json.loads(line)["salt"]))
        assert session.session == live.session_id
        started = own_session(session.payload("persona"))
        assert started is not None
        assert begin <= started <= datetime.now(UTC)

    def test_every_run_has_an_id_of_its_own(self) -> None:
        assert len({Live(self.CONFIG).session_id for _ in range(20)}) == 20

    def test_a_read_only_folder_warns_once_and_stops_nothing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("MIEN_DATA_DIR", str(tmp_path / "file"))
        told: list[str] = []
        with caplog.at_level(logging.DEBUG), Live(self.CONFIG, on_event=told.append) as live:
            frame = next(frame for frame in live if frame.kind == "persona")
        assert frame.pixels.any()
        assert sum("cannot be kept" in text for text in told) == 1

    def test_no_salt_is_ever_told(self, caplog: pytest.LogCaptureFixture) -> None:
        told: list[str] = []
        with caplog.at_level(logging.DEBUG), Live(self.CONFIG, on_event=told.append) as live:
            next(iter(live))
            stats = repr(live.stats())
        salt = json.loads(sessions_path().read_text(encoding="ascii"))["salt"]
        assert salt not in "".join([*told, stats, caplog.text, repr(vars(live))])
