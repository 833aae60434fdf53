"""Where OBS keeps its settings on each system, and what its WebSocket server is set to."""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import psutil

from mien.plugin.obs.client import DEFAULT_PORT
from mien.plugin.obs.errors import ObsError

Kind = Literal["native", "flatpak", "snap", "portable"]
#: Names of OBS's process on Linux, Windows and macOS.
PROCESSES: Final = frozenset({"obs", "obs64.exe", "obs32.exe", "OBS"})
#: A settings file is a page of text.
MAX_BYTES: Final = 2**20
_GET_OBS: Final = "Install it from https://obsproject.com and start it once, or name its folder with --folder."


@dataclass(frozen=True, slots=True)
class Installation:
    """One OBS of this user.

    Attributes:
        kind: how it was installed.
        folder: its settings: where `basic/scenes` lies.

    """

    kind: Kind
    folder: Path

    @property
    def scenes(self) -> Path:
        """Where its scene collections lie."""
        return self.folder / "basic" / "scenes"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What OBS's WebSocket server is set to; the password is in no repr."""

    enabled: bool = False
    port: int = DEFAULT_PORT
    password: str = field(default="", repr=False)


def installations(
    system: str,
    *,
    home: Path,
    environment: Mapping[str, str] = os.environ,
    running: Iterable[Path] = (),
) -> list[Installation]:
    """Every OBS whose settings are there, in the order in which people mostly have them.

    Args:
        system: `platform.system()`.
        home: the user's own folder.
        environment: for the system's folders.
        running: executables of the OBS that run; a portable one keeps its settings two folders above.

    """
    places: list[tuple[Kind, Path]] = []
    if system == "Windows":
        places.append(("native", Path(environment.get("APPDATA", home / "AppData" / "Roaming")) / "obs-studio"))
    elif system == "Darwin":
        places.append(("native", home / "Library" / "Application Support" / "obs-studio"))
    else:
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        flatpak = home / ".var" / "app" / "com.obsproject.Studio" / "config"
        snap = home / "snap" / "obs-studio" / "current" / ".config"
        places += [("native", config / "obs-studio"), ("flatpak", flatpak / "obs-studio")]
        places.append(("snap", snap / "obs-studio"))
    # <root>/bin/64bit/obs64.exe
    places += [("portable", root / "config" / "obs-studio") for root in (path.parents[2] for path in _deep(running))]
    return [Installation(kind, folder) for kind, folder in places if (folder / "basic").is_dir()]


def at(folder: Path) -> Installation:
    """The OBS in a folder that the user named: its settings, or the folder of a portable one.

    Raises `ObsError` when there is none.
    """
    for place in (folder, folder / "config" / "obs-studio", folder / "obs-studio"):
        if (place / "basic").is_dir():
            return Installation("native" if place == folder else "portable", place)
    raise ObsError(f"{folder} holds no settings of OBS (no folder 'basic' in it).", hint=_GET_OBS)


def only_one(found: list[Installation]) -> Installation:
    """The OBS that is meant; raises `ObsError` when there is none, or when there are several."""
    if not found:
        raise ObsError("no OBS was found in your folders.", hint=_GET_OBS)
    if len(found) > 1:
        places = ", ".join(f"{one.folder} ({one.kind})" for one in found)
        raise ObsError(f"there are several OBS: {places}.", hint="Name one of these folders with --folder.")
    return found[0]


def server_settings(folder: Path) -> ServerSettings:
    """What the WebSocket server of the OBS in `folder` is set to; the defaults where nothing is kept yet.

    OBS 28 to 30.1 keep it in global.ini, newer ones in a file of the plugin's own. Raises `ObsError` for a file that
    cannot be read.
    """
    own = folder / "plugin_config" / "obs-websocket" / "config.json"
    if own.is_file():
        return _from_json(own)
    for name in ("global.ini", "user.ini"):
        if (folder / name).is_file() and (found := _from_ini(folder / name)) is not None:
            return found
    return ServerSettings()


def current_collection(folder: Path) -> Path | None:
    """The scene collection that this OBS opens next; None when none is named, or it is not there."""
    # OBS 31 moved the user's choices out of global.ini.
    for name in ("user.ini", "global.ini"):
        section = _ini(folder / name).get("Basic", {}) if (folder / name).is_file() else {}
        if stem := section.get("scenecollectionfile"):
            path = folder / "basic" / "scenes" / f"{Path(stem).name.removesuffix('.json')}.json"
            return path if path.is_file() else None
    return None


def running_programs() -> list[Path]:
    """Executables of the OBS that run for this user, as far as the system tells."""
    found = []
    for process in psutil.process_iter(["name", "exe"]):
        if process.info["name"] in PROCESSES:
            found.append(Path(process.info["exe"] or process.info["name"]))
    return found


def _deep(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if len(path.parents) > 2]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ObsError(f"{path} is too large to be OBS's settings.")
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ObsError(f"{path} cannot be read: {error.strerror or error}.") from error


def _ini(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Its sections; configparser writes their keys small."""
    # Strict would refuse the doubled keys that OBS itself has written in some versions.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(path))
    except configparser.Error as error:
        raise ObsError(f"{path} is no settings file of OBS: {type(error).__name__}.") from error
    return {name: dict(parser[name]) for name in parser.sections()}


def _from_ini(path: Path) -> ServerSettings | None:
    ini = _ini(path)
    if "OBSWebSocket" not in ini:
        return None
    section = ini["OBSWebSocket"]
    wants = section.get("authrequired", "true").lower() == "true"
    return ServerSettings(
        section.get("serverenabled", "false").lower() == "true",
        _port(section.get("serverport"), path),
        section.get("serverpassword", "") if wants else "",
    )


def _from_json(path: Path) -> ServerSettings:
    try:
        kept = json.loads(_text(path))
        enabled, port, wants = kept.get("server_enabled", False), kept.get("server_port"), kept.get("auth_required")
        password = str(kept.get("server_password", "")) if wants else ""
    except (ValueError, AttributeError, RecursionError) as error:
        raise ObsError(f"{path} is no settings file of OBS's WebSocket server.") from error
    return ServerSettings(bool(enabled), _port(port, path), password)


def _port(kept: object, path: Path) -> int:
    try:
        port = DEFAULT_PORT if kept is None else int(str(kept))
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise ObsError(f"{path} names the port '{kept}'.", hint="Set one in OBS: Tools > WebSocket Server Settings.")
    return port
