"""What a user chose: from flags, then a TOML file, then the defaults; and kept for tomorrow."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomli_w

from mien.plugin.whole_file import write_whole
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError
from mien.realtime.folders import user_config_dir

FILE_NAME = "mien.toml"
#: A settings file is a page of text; a larger one is another file.
MAX_SETTINGS_BYTES = 256 * 1024
#: Choices of one run alone: what a user wants once need not be there tomorrow.
ONE_SHOT = frozenset({"pace", "loop", "overwrite"})
#: Sources that are there tomorrow: a device or a network stream. Files and the test pattern are for one run.
_CAMERA = re.compile(r"^camera(:.*)?$")
#: Sinks that people use again: no files, and not the one that shows nothing.
_LASTING_SINKS = frozenset({"virtualcam", "nut", "preview"})
_NETWORK = ("rtsp", "rtsps", "http", "https")

Values = dict[str, Any]


def settings_path() -> Path:
    """The settings file that is used when none is named: in `$MIEN_CONFIG_DIR`, else in the user's own folder."""
    return user_config_dir() / FILE_NAME


def load(path: Path, *, required: bool = False) -> Values:
    """Read a settings file as plain data; empty when it is not there, unless it is `required`.

    Raises:
        ConfigError: missing although required, unreadable, or not TOML; names the line and the column.

    """
    try:
        if path.stat().st_size > MAX_SETTINGS_BYTES:
            raise ConfigError(f"{path.name} is larger than {MAX_SETTINGS_BYTES // 1024} kB; that is no settings file.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not required:
            return {}
        raise ConfigError(f"there is no settings file '{path}'.", hint="Check the path after --config.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_where(path, str(error)), hint=_reset_hint(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 text.", hint=_reset_hint(path)) from error
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}.") from error


def resolve(flags: Mapping[str, Any], *, file: Path | None = None) -> LiveConfig:
    """Give the settings of a run: `flags` over the file over the defaults.

    Args:
        flags: what was given on the command line, and nothing else; nested groups as mappings.
        file: a settings file that must exist; None for the user's own, which need not.

    Raises:
        ConfigError: an unknown key (the nearest is named) or a value out of its range; says which of the two has it.

    """
    path = settings_path() if file is None else file
    kept = load(path, required=file is not None)
    # Checked alone first, so that the message names the place where the wrong value stands.
    try:
        LiveConfig.build(kept, where=path.name)
    except ConfigError as error:
        raise ConfigError(error.message, hint=error.hint or _reset_hint(path)) from error
    return LiveConfig.build(_merged(kept, flags), where="command line")


def remember(flags: Mapping[str, Any], path: Path | None = None) -> Values:
    """Keep what the user set on a run that started, and return what was kept and had been different before.

    Only keys in `flags` are written, and one that is None is taken out; what else stands in the file stays. Not kept:
    one-shot choices, sources and sinks that are files or tests, and addresses with a password. The file appears by a
    rename, so that it is never half written. Before the first change of a day the file is kept for `restore`.

    Raises:
        ConfigError: the file cannot be read or written.

    """
    target = settings_path() if path is None else path
    wanted = _lasting(flags)
    before = load(target)
    after = {key: value for key, value in _merged(before, wanted).items() if value is not None}
    if after == before:
        return {}
    LiveConfig.build(after, where=target.name)
    _keep_yesterdays(target)
    _write(target, after)
    return {key: value for key, value in wanted.items() if before.get(key) != after.get(key)}


def yesterdays(path: Path | None = None) -> Values | None:
    """The settings as they were before today's first change; None where there are none.

    Raises:
        ConfigError: the file cannot be read, or what stands in it is not allowed any more.

    """
    target = previous_path(path)
    if not target.exists():
        return None
    values = load(target)
    LiveConfig.build(values, where=target.name)
    return values


def restore(path: Path | None = None) -> Values:
    """Put yesterday's settings in today's place, and today's in theirs: once more, and all is as it was.

    Returns what stands in the file now.

    Raises:
        ConfigError: there are none, or a file cannot be read or written.

    """
    target = settings_path() if path is None else path
    values = yesterdays(path)
    if values is None:
        raise ConfigError("there is no set-up from before today.")
    today = load(target)
    _write(previous_path(path), today)
    _write(target, values)
    return values


def previous_path(path: Path | None = None) -> Path:
    """The file of the settings as they were before today's first change."""
    target = settings_path() if path is None else path
    return target.with_name(target.name + ".previous")


def reset(path: Path | None = None) -> Path | None:
    """Set the user's settings file aside as "mien.toml.bak"; returns the new path, None when there was no file.

    Raises:
        ConfigError: the file cannot be renamed.

    """
    target = settings_path() if path is None else path
    if not target.exists():
        return None
    aside = target.with_name(target.name + ".bak")
    try:
        target.replace(aside)
    except OSError as error:
        raise ConfigError(f"{target.name} cannot be set aside: {error.strerror}.") from error
    return aside


def _keep_yesterdays(target: Path) -> None:
    """Keep a file that was last written before today: this is the first change of the day."""
    if target.exists() and datetime.fromtimestamp(target.stat().st_mtime).date() < datetime.now().date():
        _write(previous_path(target), load(target))


def _lasting(flags: Mapping[str, Any]) -> Values:
    kept: Values = {key: _plain(value) for key, value in flags.items() if key not in ONE_SHOT}
    if kept.get("source") is not None and not _is_lasting_source(kept["source"]):
        del kept["source"]
    if kept.get("sinks") is not None:
        kept["sinks"] = [sink for sink in kept["sinks"] if sink.partition(":")[0] in _LASTING_SINKS]
        if not kept["sinks"]:
            del kept["sinks"]
    return kept


def _is_lasting_source(source: str) -> bool:
    if _CAMERA.match(source):
        return True
    parts = urlsplit(source)
    # A password would lie in plain text in a file that people paste into bug reports.
    return parts.scheme in _NETWORK and parts.password is None


def _plain(value: object) -> object:
    if isinstance(value, Path):
        # Tomorrow's run may start in another folder.
        return str(value.expanduser().resolve())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _write(path: Path, values: Values) -> None:
    try:
        write_whole(path, tomli_w.dumps(values).encode())
    except OSError as error:
        raise ConfigError(
            f"{path.name} cannot be written: {error.strerror}.",
            hint="Use --no-remember, or name another folder in MIEN_CONFIG_DIR.",
        ) from error


def _where(path: Path, problem: str) -> str:
    found = re.search(r"^(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$", problem)
    if found is None:
        return f"{path.name} is not TOML: {problem}."
    return f"{path.name}, line {found['line']}, column {found['column']}: {found['what']}."


def _reset_hint(path: Path) -> str:
    if path == settings_path():
        return "Mend it, or start anew with: mien run --reset-settings (the old file is kept as mien.toml.bak)."
    return "Mend it, or leave --config away."
