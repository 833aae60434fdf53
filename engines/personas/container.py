"""A pack's bytes, from a folder or a zip, with the limits that untrusted files need. Nothing is parsed here."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Protocol, Self

from mien.engines.formats.table import MAX_MODEL_BYTES, is_model
from mien.realtime.errors import PersonaError

#: Largest single file of a pack, and of all its files together, bytes. A portrait pack is a few MB; an imported model,
#: of which a pack holds one at most, has its own limit and is counted apart.
MAX_FILE_BYTES = 32 * 2**20
MAX_TOTAL_BYTES = 64 * 2**20
MAX_FILES = 32
#: Deflate cannot exceed about 1030:1; pictures do not compress, and JSON of numbers reaches about 5:1.
MAX_ZIP_RATIO = 50
#: A small file may compress better than that without doing harm, bytes.
RATIO_FREE_BYTES = 64 * 2**10
#: 32 entries with names of 200 characters need 8 kB; zipfile reads the whole directory before any check of ours.
MAX_ZIP_DIRECTORY_BYTES = 64 * 2**10

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,3}")
#: What desktops leave behind in folders and zips; never read.
_LITTER = re.compile(r"(^|.*/)(\.DS_Store|Thumbs\.db|desktop\.ini)$|^__MACOSX/.*")
#: What zipfile raises on bytes that are no zip; RuntimeError and its NotImplementedError are for odd header fields.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError)
_END_OF_ZIP = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR_BYTES = 20


def file_limit(name: str) -> int:
    """The greatest size of a pack's file of this name, bytes."""
    return MAX_MODEL_BYTES if is_model(name) else MAX_FILE_BYTES


#: Name, size in bytes, time of change in ns and inode of each file that was looked at.
Stamp = tuple[tuple[str, int, int, int], ...]


class Container(Protocol):
    """The files of one pack. Names are relative, with forward slashes, already checked by `check_name`."""

    @property
    def names(self) -> tuple[str, ...]:
        """All files, sorted."""

    @property
    def stamp(self) -> Stamp:
        """By which a change of any file is seen without reading it; taken when it was opened."""

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of `name`; raises `PersonaError` if there are more than `limit` or they cannot be read."""

    def __enter__(self) -> Self:
        """Open for reading."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


def open_container(path: Path) -> Container:
    """The pack at `path`, a folder or a zip.

    Raises:
        PersonaError: there is nothing, or something whose names, sizes or links are not those of a pack.

    """
    if path.is_dir():
        return FolderContainer(path)
    if path.is_file():
        return ZipContainer(path)
    raise PersonaError(
        f"There is no persona pack at {path}.", hint="Give a folder or a zip; `mien persona list` shows what is here."
    )


def check_name(name: str, pack: str) -> None:
    """Raise `PersonaError` unless `name` is a plain relative path that means the same on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        raise PersonaError(f"{pack}: the file name {name!r} is absolute; only paths inside the pack are allowed.")
    if ".." in parts:
        raise PersonaError(f"{pack}: the file name {name!r} leaves the pack's folder by '..'; that is not allowed.")
    if not _NAME.fullmatch(name):
        raise PersonaError(
            f"{pack}: the file name {name!r} is not allowed; use letters, digits, '.', '_' and '-', "
            "at most 64 in a part and three folders deep."
        )


class FolderContainer:
    """A pack that lies in a folder."""

    def __init__(self, path: Path) -> None:
        self._root = path
        self._real_root = path.resolve()
        self._names = _accept(self._walk(), path.name)
        self.stamp: Stamp = tuple(self._looked_at(name) for name in self._names)
        _check_total({name: size for name, size, _, _ in self.stamp}, path.name)

    @property
    def names(self) -> tuple[str, ...]:
        """All files, sorted."""
        return self._names

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of `name`, at most `limit`."""
        with (self._root / name).open("rb") as stream:
            return _read(stream, name, limit, self._root.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        return None

    def _walk(self) -> list[str]:
        found: list[str] = []
        for folder, folders, files in os.walk(self._root):
            for name in folders:
                if (Path(folder) / name).is_symlink():
                    raise PersonaError(
                        f"{self._root.name}: {name} is a link to a folder; a pack holds plain files only."
                    )
            found += [(Path(folder) / file).relative_to(self._root).as_posix() for file in files]
            # A home folder given by mistake must not be walked to its end.
            if len(found) > 4 * MAX_FILES:
                break
        return found

    def _looked_at(self, name: str) -> tuple[str, int, int, int]:
        path = self._root / name
        if not path.resolve().is_relative_to(self._real_root):
            raise PersonaError(
                f"{self._root.name}: {name} is a link that leaves the pack's folder; that is not allowed."
            )
        try:
            status = path.stat()
        except OSError as error:
            raise PersonaError(f"{self._root.name}: {name} cannot be read ({error.strerror}).") from error
        if not stat.S_ISREG(status.st_mode):
            raise PersonaError(f"{self._root.name}: {name} is not a plain file; a pack holds plain files only.")
        _check_size(status.st_size, name, self._root.name)
        return name, status.st_size, status.st_mtime_ns, status.st_ino


class ZipContainer:
    """A pack in a zip; a zip of one folder counts as that folder."""

    def __init__(self, path: Path) -> None:
        self._label = path.name
        status = path.stat()
        self.stamp: Stamp = ((path.name, status.st_size, status.st_mtime_ns, status.st_ino),)
        _check_zip_end(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            raise _broken_zip(path.name, error) from error
        try:
            self._entries = self._accept_entries()
        except PersonaError:
            self._zip.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """All files, sorted."""
        return tuple(sorted(self._entries))

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of `name`, at most `limit`."""
        entry = self._entries[name]
        try:
            # zipfile stops at the declared size and then compares the checksum, so a longer stream is an error.
            with self._zip.open(entry) as stream:
                data = _read(stream, name, limit, self._label)
        except _ZIP_ERRORS as error:
            raise PersonaError(f"{self._label}: {name} cannot be unpacked ({error}).") from error
        if len(data) != entry.file_size:
            raise PersonaError(
                f"{self._label}: {name} unpacks to {len(data)} bytes; the zip declares {entry.file_size}."
            )
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._zip.close()

    def _accept_entries(self) -> dict[str, zipfile.ZipInfo]:
        entries = [entry for entry in self._zip.infolist() if not entry.filename.endswith("/")]
        names = _accept([entry.filename for entry in entries], self._label)
        kept = {entry.filename: entry for entry in entries if entry.filename in names}
        for name, entry in kept.items():
            _check_entry(entry, name, self._label)
        _check_total({name: entry.file_size for name, entry in kept.items()}, self._label)
        tops = {name.partition("/")[0] for name in names}
        if len(tops) == 1 and all("/" in name for name in names):
            return {name.partition("/")[2]: entry for name, entry in kept.items()}
        return kept


def _accept(found: Iterable[str], pack: str) -> tuple[str, ...]:
    names = [name for name in found if not _LITTER.match(name)]
    if len(names) > MAX_FILES:
        raise PersonaError(f"{pack}: has more than {MAX_FILES} files, which is the most that a pack may have.")
    for name in names:
        check_name(name, pack)
    seen: dict[str, str] = {}
    for name in names:
        # Windows and macOS would take two names that differ only in case for one file.
        if (other := seen.setdefault(name.casefold(), name)) is not name:
            raise PersonaError(f"{pack}: the file name {name!r} is there twice (as {other!r}); each may be there once.")
    return tuple(sorted(names))


def _check_entry(entry: zipfile.ZipInfo, name: str, pack: str) -> None:
    _check_size(entry.file_size, name, pack)
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise PersonaError(f"{pack}: {name} is a link or a special file; a pack holds plain files only.")
    if entry.flag_bits & 0x1:
        raise PersonaError(f"{pack}: {name} is encrypted; a pack may not be.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PersonaError(f"{pack}: {name} is packed by method {entry.compress_type}; allowed are stored and deflate.")
    if entry.file_size > RATIO_FREE_BYTES and entry.file_size > MAX_ZIP_RATIO * max(entry.compress_size, 1):
        raise PersonaError(
            f"{pack}: {name} grows from {entry.compress_size} to {entry.file_size} bytes; "
            f"more than {MAX_ZIP_RATIO} times is taken for a zip bomb."
        )


def _check_zip_end(path: Path) -> None:
    """Refuse a central directory that is too long before zipfile reads it, and endings that parsers disagree on."""
    size = path.stat().st_size
    if size > MAX_TOTAL_BYTES + MAX_MODEL_BYTES:
        raise PersonaError(f"{path.name}: has {size} bytes; a pack may have {MAX_TOTAL_BYTES + MAX_MODEL_BYTES}.")
    with path.open("rb") as stream:
        stream.seek(max(0, size - _END_OF_ZIP.size - _ZIP64_LOCATOR_BYTES))
        tail = stream.read()
    if len(tail) < _END_OF_ZIP.size or not tail[-_END_OF_ZIP.size :].startswith(b"PK\x05\x06"):
        raise _broken_zip(path.name, "its last record is not that of a zip without a comment")
    directory_bytes, comment_bytes = (_END_OF_ZIP.unpack(tail[-_END_OF_ZIP.size :])[i] for i in (5, 7))
    if comment_bytes or tail.startswith(b"PK\x06\x07"):
        raise _broken_zip(path.name, "it has a comment or 64-bit records, which no pack needs")
    if directory_bytes > MAX_ZIP_DIRECTORY_BYTES:
        raise PersonaError(f"{path.name}: has more than {MAX_FILES} files, which is the most that a pack may have.")


def _check_size(size: int, name: str, pack: str) -> int:
    if size > file_limit(name):
        raise PersonaError(f"{pack}: {name} has {size} bytes; a file of a pack may have {file_limit(name)}.")
    return size


def _check_total(sizes: Mapping[str, int], pack: str) -> None:
    models = [name for name in sizes if is_model(name)]
    if len(models) > 1:
        raise PersonaError(f"{pack}: holds {len(models)} models ({', '.join(sorted(models))}); a pack may hold one.")
    if (total := sum(size for name, size in sizes.items() if name not in models)) > MAX_TOTAL_BYTES:
        raise PersonaError(f"{pack}: its files have {total} bytes together; a pack may have {MAX_TOTAL_BYTES}.")


def _read(stream: IO[bytes], name: str, limit: int, pack: str) -> bytes:
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise PersonaError(f"{pack}: {name} has more than {limit} bytes, which is the most for this file.")
    return data


def _broken_zip(name: str, reason: object) -> PersonaError:
    return PersonaError(
        f"{name} is neither a folder nor a readable zip ({reason}).",
        hint="A persona pack is a folder or a zip with a file persona.toml in it.",
    )
