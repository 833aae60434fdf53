"""A file that is written under a temporary name, and whose last good bytes survive a full disk."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from mien.realtime.errors import SinkError

#: Free space that a recording leaves alone, so that its index can be written at the end.
RESERVE_BYTES = 32 * 1024 * 1024
_MANY = 100


def free_bytes(folder: Path) -> int:
    """Free space for this user on the disk of `folder`, bytes."""
    return shutil.disk_usage(folder).free


def mib(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count / 1024 / 1024:,.0f} MiB"


class PartFile(io.RawIOBase):
    """What a muxer writes to: `name.part.ext` beside `name.ext`, renamed by `finish`.

    After the first write that fails, nothing more reaches the disk: a muxer that goes on to patch its header would
    spoil what lies there. `failure` has the error then.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Create the temporary file; raises `SinkError` if `path` exists (unless `overwrite`) or cannot be made."""
        super().__init__()
        self.path = path
        self._overwrite = overwrite
        self.failure: OSError | None = None
        if path.is_dir():
            raise SinkError(f"{path} is a folder.", hint="Name a file in it.")
        self._refuse_to_overwrite()
        self.part, self._raw = _create_beside(path)

    def write(self, data: object) -> int:
        """Write all of `data`, or raise and write nothing from then on."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self.failure is not None:
            return len(view)
        done = 0
        try:
            while done < len(view):
                done += self._raw.write(view[done:]) or 0
        except OSError as error:
            self.failure = error
            raise
        return done

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; as `io.RawIOBase.seek`."""
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._raw.tell()

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def discard(self) -> None:
        """Remove the temporary file: nothing of worth was written."""
        self._raw.close()
        self.part.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name. Raises `SinkError`, leaving the temporary file, if that is not possible."""
        self._raw.close()
        try:
            self._refuse_to_overwrite()
            self.part.replace(self.path)
        except OSError as error:
            reason = error.message if isinstance(error, SinkError) else error.strerror
            raise SinkError(
                f"the recording could not be named {self.path.name}: {reason}", hint=f"It is complete in {self.part}."
            ) from error

    def _refuse_to_overwrite(self) -> None:
        if not self._overwrite and self.path.exists():
            raise SinkError(f"{self.path} exists already.", hint="Choose another name, or allow it with --overwrite.")


def _create_beside(path: Path) -> tuple[Path, io.FileIO]:
    """Create `name.part.ext`, or `name.part-2.ext` where an earlier run was killed and left its recording."""
    for number in range(1, _MANY):
        part = path.with_name(f"{path.stem}.part{'' if number == 1 else f'-{number}'}{path.suffix}")
        try:
            return part, io.FileIO(part, "xb")
        except FileExistsError:
            continue
        except FileNotFoundError as error:
            raise SinkError(
                f"the folder {path.parent} does not exist.", hint=f"Make it: mkdir -p '{path.parent}'"
            ) from error
        except OSError as error:
            raise SinkError(f"{part} cannot be written: {error.strerror}.", hint="Choose another folder.") from error
    raise SinkError(f"{path.parent} is full of unfinished recordings ({path.stem}.part*).", hint="Remove some.")
