"""Small files, written whole or not at all and readable by their owner alone."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """Write a new file, 0600 from its first moment; raises `FileExistsError` where something is, else `OSError`."""
    with _Scratch(path, data) as scratch:
        try:
            # A link, unlike a rename, never replaces what another has made meanwhile.
            os.link(scratch, path)
        except FileExistsError:
            raise
        except OSError:
            # A file system that has no links, as on many USB sticks.
            if path.exists():
                raise FileExistsError(path) from None
            scratch.rename(path)


def replace(path: Path, data: bytes) -> None:
    """Write a file, in the place of an older one if there is one; raises `OSError`."""
    with _Scratch(path, data) as scratch:
        scratch.replace(path)


def read_plain(path: Path, most: int) -> bytes:
    """Read at most `most` bytes of a plain file; raises `OSError`, also for a pipe or a device, which could block."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        return stream.read(most)


class _Scratch:
    """A file beside `path` that holds `data`, and is gone in the end."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._folder, self._data = path.parent, data

    def __enter__(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".mien-")
        self._path = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(self._data)
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        return self._path

    def __exit__(self, *error: object) -> None:
        self._path.unlink(missing_ok=True)
