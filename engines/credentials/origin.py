"""Whether a file is a recording of Mien's. Only such a file is signed as one: anything else would be a false mark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from mien.realtime.errors import SourceError
from mien.realtime.sink.file import COMMENT


def is_ours(path: Path, *, end: int | None = None) -> bool:
    """Whether a file says that Mien recorded it: by the tag that `FileSink` writes, which a cut recording has too.

    The tag is a claim that anybody can write; it keeps honest people from signing the wrong file by mistake. The
    watermark is not asked for as well: a small recording may have lost it in its own compression.

    Args:
        path: any file.
        end: look at so many bytes of it; at all when left out.

    Raises `SourceError` for a file that cannot be read as a video.

    """
    with _opened(path, end) as container:
        tags = {key.casefold(): value for key, value in container.metadata.items()}
        return bool(container.streams.video) and tags.get("comment") == COMMENT


def plays(path: Path, *, end: int | None = None) -> bool:
    """Whether at least one picture can be decoded; arguments and error as of `is_ours`."""
    with _opened(path, end) as container:
        return bool(container.streams.video) and next(container.decode(video=0), None) is not None


@contextmanager
def _opened(path: Path, end: int | None = None) -> Iterator[InputContainer]:
    """Give a video's first `end` bytes as a container; what goes wrong within is a `SourceError`."""
    try:
        with path.open("rb") as file:
            seen = _Beginning(file, os.fstat(file.fileno()).st_size if end is None else end)
            with av.open(seen, "r", metadata_errors="replace") as container:
                yield container
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"'{path.name}' cannot be read as a video: {error}.") from error


class _Beginning:
    """The first bytes of a file, as if it ended there; what PyAV needs of a file."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end

    def read(self, size: int) -> bytes:
        return self._file.read(max(0, min(size, self._end - self._file.tell())))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self._end + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
