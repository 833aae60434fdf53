"""How far Mien is in this user's OBS, for `mien doctor`. Nothing is asked of OBS but whether its port is open."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mien.plugin.finding import Finding
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, ScriptAdded
from mien.plugin.obs.locate import installations, server_settings

_FIX: Final = "In OBS tick Tools > WebSocket Server Settings > Enable WebSocket server."
#: Whoever listens on this machine takes a connection in this time, seconds.
_ANSWER_S: Final = 0.5


def obs(system: str, home: Path, running: Sequence[Path]) -> Finding:
    """Which OBS there is, whether its WebSocket port answers, and whether Mien's script lies in it.

    Args:
        system: `platform.system()`.
        home: the user's own folder.
        running: executables of the OBS that run.

    """
    try:
        journal = Journal.load()
        found = installations(system, home=home, running=running)
        folders = [one.folder for one in found] if journal is None else [journal.folder]
        ports = [server_settings(folder).port for folder in folders]
    except ObsError as error:
        return Finding("obs", "warn", error.message, error.hint)
    if not folders:
        return Finding("obs", "ok", "no OBS was found in your folders")
    answers = [_answers(port) for port in ports]
    shut = "not reachable" if running else "not reachable, as no OBS runs"
    said = [
        f"{str(folder).replace(str(home), '~', 1)}, its WebSocket port {port} {'reachable' if answer else shut}"
        for folder, port, answer in zip(folders, ports, answers, strict=True)
    ]
    scripts = [] if journal is None else [each.path for each in journal.changes if isinstance(each, ScriptAdded)]
    there = "installed" if any(path.is_file() for path in scripts) else "not installed (mien obs install)"
    detail = f"{'; '.join(said)}; Mien's script {there}"
    if running and not all(answers):
        return Finding("obs", "warn", detail, _FIX)
    return Finding("obs", "ok", detail)


def _answers(port: int) -> bool:
    """Whether somebody listens on this port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S):
            return True
    except OSError:
        return False
