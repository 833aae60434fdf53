"""What was changed in OBS, written down before it is changed, so that all of it can be put back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from mien.plugin.obs.errors import ObsError
from mien.plugin.whole_file import write_whole
from mien.realtime.config import Settings
from mien.realtime.folders import user_config_dir

FILE_NAME: Final = "obs.json"
#: Hundreds of scenes fit.
MAX_BYTES: Final = 2**20


class SourceMade(Settings):
    """An input of ours; all its places in scenes, and its filters, go with it."""

    kind: Literal["source"] = "source"
    collection: str
    name: str


class ItemHidden(Settings):
    """A webcam's place in a scene, switched off; `shown` is how it was."""

    kind: Literal["hidden"] = "hidden"
    collection: str
    scene: str
    item: int
    source: str
    shown: bool


class CameraParked(Settings):
    """A webcam source whose device was taken away, so that it neither shows a bare face nor holds the camera."""

    kind: Literal["parked"] = "parked"
    collection: str
    name: str
    key: str
    device: Any = None


class MicrophoneDelayed(Settings):
    """A microphone whose sync offset was set; times in ms."""

    kind: Literal["microphone"] = "microphone"
    collection: str
    name: str
    before_ms: int
    set_ms: int


class ScriptAdded(Settings):
    """The script, copied into OBS's folder."""

    kind: Literal["script"] = "script"
    path: Path


Change = Annotated[
    SourceMade | ItemHidden | CameraParked | MicrophoneDelayed | ScriptAdded, Field(discriminator="kind")
]


class Kept(Settings):
    """The journal's file."""

    version: Literal[1] = 1
    folder: Path
    source: str
    port: int = Field(ge=1, le=65535)
    changes: tuple[Change, ...] = ()


class Journal:
    """The changes in one OBS, oldest first. Every change of the journal is on disk when the call returns.

    Raises `ObsError` when its file cannot be read or written: then nothing is changed in OBS either.
    """

    def __init__(self, kept: Kept, path: Path | None = None) -> None:
        self._path = journal_path() if path is None else path
        self._kept = kept

    @classmethod
    def load(cls, path: Path | None = None) -> Journal | None:
        """The journal as it was kept; None when there is none, which is to say that nothing was installed."""
        at = journal_path() if path is None else path
        try:
            if at.stat().st_size > MAX_BYTES:
                raise ObsError(f"{at} is too large to be Mien's list of its changes in OBS.")
            return cls(Kept.model_validate_json(at.read_bytes()), at)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ObsError(f"{at} cannot be read: {error.strerror or error}.") from error
        except ValidationError as error:
            raise ObsError(
                f"{at}, Mien's list of its changes in OBS, is damaged.",
                hint="Put back by hand what docs/obs.md says is changed, then delete the file.",
            ) from error

    @property
    def folder(self) -> Path:
        """OBS's folder of settings."""
        return self._kept.folder

    @property
    def source(self) -> str:
        """Name of our source in OBS."""
        return self._kept.source

    @property
    def port(self) -> int:
        """Port that our source reads from."""
        return self._kept.port

    @property
    def changes(self) -> tuple[Change, ...]:
        """Oldest first."""
        return self._kept.changes

    def add(self, change: Change) -> None:
        """Write a change down, before it is done. What is there already is not written twice."""
        kept = self._newest()
        if change not in kept:
            self._write((*kept, change))

    def remove(self, change: Change) -> None:
        """A change was put back."""
        self._write(tuple(kept for kept in self._newest() if kept != change))

    def _newest(self) -> tuple[Change, ...]:
        # A running Mien and a command may both write.
        newest = Journal.load(self._path)
        return self._kept.changes if newest is None else newest.changes

    def forget(self) -> None:
        """Everything was put back."""
        self._path.unlink(missing_ok=True)

    def _write(self, changes: tuple[Change, ...]) -> None:
        kept = self._kept.model_copy(update={"changes": changes})
        try:
            write_whole(self._path, kept.model_dump_json(indent=1).encode())
        except OSError as error:
            raise ObsError(
                f"{self._path} cannot be written: {error.strerror or error}; without it nothing is changed in OBS.",
                hint="Make the folder writable, or name another one in MIEN_CONFIG_DIR.",
            ) from error
        self._kept = kept


def journal_path() -> Path:
    """Where the journal lies."""
    return user_config_dir() / FILE_NAME
