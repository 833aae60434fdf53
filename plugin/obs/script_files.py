"""The script for OBS's own Python: copied into OBS's folder, and entered into its list while OBS is closed."""

from __future__ import annotations

import contextlib
import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, ScriptAdded
from mien.plugin.whole_file import write_whole
from mien.realtime.folders import user_config_dir

SCRIPT: Final = "mien_obs.py"
PLACE: Final = "mien_obs.json"
#: A collection of hundreds of scenes has a few MB.
MAX_COLLECTION_BYTES: Final = 64 * 2**20
_LIST: Final = "scripts-tool"

Data = dict[str, Any]


def copy_script(journal: Journal) -> Path:
    """Copy the script into OBS's folder of settings, which every kind of OBS can read; gives its path.

    Raises `ObsError` when the folder cannot be written.
    """
    target = journal.folder / "mien" / SCRIPT
    journal.add(ScriptAdded(path=target))
    text = resources.files("mien.plugin.obs").joinpath("script", SCRIPT).read_bytes()
    place = json.dumps({"folder": str(user_config_dir().resolve())}).encode()
    try:
        write_whole(target, text)
        write_whole(target.with_name(PLACE), place)
    except OSError as error:
        raise ObsError(
            f"the script cannot be written to {target.parent}: {error.strerror or error}.",
            hint="Make OBS's folder writable; the picture needs no script.",
        ) from error
    return target


def list_script(collection: Path, script: Path) -> bool:
    """Enter the script into a scene collection, where it is not yet; returns whether it did.

    OBS must be closed: it writes the file anew when it ends. Raises `ObsError` for what is no collection.
    """
    content = _read(collection)
    listed = content.setdefault("modules", {}).setdefault(_LIST, [])
    if any(_is(entry, script) for entry in listed):
        return False
    listed.append({"path": str(script), "settings": {}})
    _write(collection, content)
    return True


def is_listed(scenes: Path, script: Path) -> bool:
    """Whether a scene collection in the folder `scenes` has the script; one that cannot be read has not."""
    for collection in scenes.glob("*.json"):
        with contextlib.suppress(ObsError):
            if any(_is(entry, script) for entry in _read(collection).get("modules", {}).get(_LIST, [])):
                return True
    return False


def unlist_script(scenes: Path, script: Path) -> None:
    """Take the script out of every scene collection in the folder `scenes`; OBS must be closed.

    One that cannot be read is left as it is: OBS cannot read it either.
    """
    for collection in sorted(scenes.glob("*.json")):
        try:
            content = _read(collection)
        except ObsError:
            continue
        listed = content.get("modules", {}).get(_LIST, [])
        kept = [entry for entry in listed if not _is(entry, script)]
        if len(kept) != len(listed):
            content["modules"][_LIST] = kept
            _write(collection, content)


def remove_script(script: Path) -> None:
    """Delete the copied files, and their folder if it is empty then."""
    try:
        for path in (script, script.with_name(PLACE)):
            path.unlink(missing_ok=True)
        # What OBS's Python left behind.
        for cached in script.parent.glob(f"__pycache__/{script.stem}.*.pyc"):
            cached.unlink()
        for folder in (script.parent / "__pycache__", script.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise ObsError(f"{script.parent} cannot be emptied: {error.strerror or error}.") from error


def _is(entry: object, script: Path) -> bool:
    return isinstance(entry, dict) and entry.get("path") == str(script)


def _read(collection: Path) -> Data:
    try:
        if collection.stat().st_size > MAX_COLLECTION_BYTES:
            raise ObsError(f"{collection} is too large to be a scene collection.")
        content = json.loads(collection.read_bytes())
        if not isinstance(content, dict) or not isinstance(content.get("modules", {}), dict):
            raise ValueError
        if not isinstance(content.get("modules", {}).get(_LIST, []), list):
            raise ValueError
    except OSError as error:
        raise ObsError(f"{collection} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ObsError(f"{collection} is no scene collection of OBS; it is left as it is.") from error
    return content


def _write(collection: Path, content: Data) -> None:
    try:
        write_whole(collection, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    except OSError as error:
        raise ObsError(
            f"the scene collection {collection} cannot be written: {error.strerror or error}.",
            hint="Add the script by hand: in OBS, Tools > Scripts > +.",
        ) from error
