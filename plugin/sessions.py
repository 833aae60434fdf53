"""The sessions of this user, so that `mien verify` can say "this is a recording of yours".

A watermark carries a random session id and a commitment; the salt that opens them is kept here alone, in the user's
data folder, readable to its owner only (0600). Each line also has the time of the start, and nothing else: no persona,
no source, no file. Deleting the file forgets them all, and then nobody can tell whose the recordings are.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mien.engines.personas.trust import DATA_DIR_VARIABLE, user_data_dir
from mien.realtime.errors import MienError
from mien.realtime.watermark.payload import Payload, PayloadError
from mien.realtime.watermark.session import MarkSession

FILE_NAME: Final = "sessions.jsonl"
#: Some 9,000 sessions; the older half is forgotten when there are more.
MAX_BYTES: Final = 2**20
# Nobody else writes the file, but a line cut by a full disk or a file of somebody else must not be read whole.
_MOST_READ_BYTES: Final = 2 * MAX_BYTES
_OWNER_ONLY: Final = 0o600


class SessionStoreError(MienError, OSError):
    """The list of sessions cannot be written."""


def sessions_path() -> Path:
    """Where the salts of this user's sessions are kept."""
    return user_data_dir() / FILE_NAME


def remember(session: MarkSession, started: datetime) -> None:
    """Keep the salt of a session that begins.

    Args:
        session: of the run.
        started: its start, with a time zone.

    Raises:
        SessionStoreError: the file cannot be written. The stream can go on: its frames are marked all the same.

    """
    path = sessions_path()
    line = {
        "session": f"{session.session:08x}",
        "salt": session.salt.hex(),
        "started": started.astimezone(UTC).isoformat(timespec="seconds"),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, json.dumps(line).encode("ascii") + b"\n")
        if path.stat().st_size > MAX_BYTES:
            _forget_older(path)
    except OSError as error:
        raise SessionStoreError(
            f"the salt of this session cannot be kept in {path} ({error.strerror or error}); "
            "its recordings will not be known as yours later.",
            hint=f"Make the folder writable, or set {DATA_DIR_VARIABLE} to one that is.",
        ) from error


def own_session(payload: Payload) -> datetime | None:
    """When the session began that made this mark, if it was one of this user's; None if it was not, or was forgotten.

    A mark can be copied into another video, so this tells of the mark and not of the picture.
    """
    started = None
    for session, at in _kept(sessions_path(), payload.session):
        if session.opens(payload):
            started = at
    return started


def _append(path: Path, line: bytes) -> None:
    # One write to the end: two runs that start together do not tear each other's line.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, _OWNER_ONLY)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(handle, _OWNER_ONLY)
        os.write(handle, line)
    finally:
        os.close(handle)


def _forget_older(path: Path) -> None:
    """Replace the file by its newer half, at once."""
    lines = _read(path).splitlines(keepends=True)
    # NamedTemporaryFile gives 0600 by itself.
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=path.name, delete=False) as stream:
        part = Path(stream.name)
    try:
        part.write_bytes(b"".join(lines[len(lines) // 2 :]))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _read(path: Path) -> bytes:
    """The end of the file, as much as it may have."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _MOST_READ_BYTES))
        return stream.read(_MOST_READ_BYTES)


def _kept(path: Path, session_id: int) -> Iterator[tuple[MarkSession, datetime]]:
    """Sessions with this id and their starts; a line that is damaged is passed over."""
    try:
        lines = _read(path).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
            if entry["session"] == f"{session_id:08x}":
                yield (
                    MarkSession(bytes.fromhex(entry["salt"])),
                    datetime.fromisoformat(entry["started"]).astimezone(UTC),
                )
        except (ValueError, TypeError, KeyError, RecursionError, PayloadError):
            continue
