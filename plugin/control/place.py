"""Two files by which scripts find a running Mien and are let in: the token, and where the newest one listens."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import tempfile
import threading
from pathlib import Path
from typing import Final

from mien.realtime.errors import ConfigError
from mien.realtime.folders import user_config_dir

TOKEN_NAME: Final = "control-token"
NOTICE_NAME: Final = "control.json"
#: 256 bits.
_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_FILE_BYTES = 1024
_ONLY_MINE = 0o600


class Token:
    """The token of this user, the same in every run until `renew`, which ends the old one in those that run, too.

    Kept in a file that nobody else may read; one that others could read is replaced. Without a file (a folder that
    cannot be written) the token lasts as long as the run.

    Args:
        folder: default: the user's own.

    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (user_config_dir() if folder is None else folder) / TOKEN_NAME
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._value = ""

    @property
    def value(self) -> str:
        """The token that is valid now: 43 characters."""
        with self._lock:
            stamp = _stamp(self._path)
            if self._value and (stamp is None or stamp == self._stamp):
                # A file that is gone ends nothing: the page that is open goes on.
                return self._value
            self._value = _read(self._path) or self._value
            if not self._value or (stamp is not None and not _is_private(self._path)):
                self._make()
            self._stamp = _stamp(self._path)
            return self._value

    def renew(self) -> str:
        """Make another one; the old one opens nothing any more. Raises `ConfigError` if it cannot be written."""
        with self._lock:
            if not self._make():
                raise ConfigError(f"{self._path.name} cannot be written.", hint="Free the folder, then try again.")
            self._stamp = _stamp(self._path)
            return self._value

    def _make(self) -> bool:
        self._value = secrets.token_urlsafe(_TOKEN_BYTES)
        return write_private(self._path, self._value + "\n")


class Notice:
    """Says where this run listens, for scripts; of several runs, the one that began last."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (user_config_dir() if folder is None else folder) / NOTICE_NAME
        self._text = ""

    def others_port(self) -> int | None:
        """The port of a run that is noted and still lives, or None."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(_small(self._path))
            port, pid = int(noted["port"]), int(noted["pid"])
            if pid != os.getpid() and _lives(pid):
                return port
        return None

    def put(self, port: int) -> None:
        """Note this run; a folder that cannot be written is passed over."""
        self._text = json.dumps({"port": port, "pid": os.getpid()})
        write_private(self._path, self._text)

    def take(self) -> None:
        """Remove the note, if it is still this run's."""
        with contextlib.suppress(OSError):
            if self._text and _small(self._path) == self._text:
                self._path.unlink()


def write_private(path: Path, text: str) -> bool:
    """Write a file that only this user may read, whole or not at all; returns whether it worked."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp's files are 0600 from their first moment.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=".mien-")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError:
        return False
    return True


def _small(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_FILE_BYTES).decode("utf-8", "replace")


def _read(path: Path) -> str:
    try:
        text = _small(path).strip() if path.is_file() else ""
    except OSError:
        return ""
    return text if _TOKEN.fullmatch(text) else ""


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_mode


def _is_private(path: Path) -> bool:
    """On Windows the user's own folder is private by its access list, and the mode tells nothing."""
    return os.name == "nt" or path.stat().st_mode & 0o777 == _ONLY_MINE


def _lives(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))
