"""What a crash left of a recording: `NAME.part.mp4` (see `mien.realtime.sink.partfile`), made ready to be signed."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

import av

from mien.realtime.errors import SourceError

_PART = re.compile(r"^(?P<stem>.+)\.part(-\d+)?$")
#: Names that are tried for a recovered recording when its own is taken.
_MANY = 100
_SUFFIXES = (".mp4", ".mov")


def whole_name(part: Path) -> Path:
    """Give the name that an unfinished recording was to get, or where that is taken, the next free one beside it.

    Raises `SourceError` for a file that has no such name.
    """
    found = _PART.match(part.stem)
    if found is None:
        raise SourceError(
            f"'{part.name}' is not the name of an unfinished recording.",
            hint="Those end with .part.mp4, .part-2.mp4 and so on; a whole recording is signed without --recover.",
        )
    for number in range(1, _MANY):
        free = part.with_name(f"{found['stem']}{'' if number == 1 else f'-{number}'}{part.suffix}")
        if not free.exists():
            return free
    raise SourceError(f"every name for '{part.name}' is taken.", hint="Move some recordings away.")


def is_part(path: Path) -> bool:
    """Whether a file has the name of a recording that was not finished."""
    return _PART.match(path.stem) is not None


def mend(path: Path) -> None:
    """See that a cut recording plays, and take off what the cut left of its last box if that is no picture data.

    A recording is written in fragments, a header (`moof`) and its pictures (`mdat`). Players pass over a torn header,
    the C2PA library does not. Torn pictures stay: those before the tear play.

    Raises `SourceError` when not one picture can be decoded, or the file cannot be read or written.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            playable = next(container.decode(video=0), None) is not None
        if path.suffix.lower() in _SUFFIXES:
            with path.open("r+b") as file:
                _trim(file)
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise SourceError(f"'{path.name}' cannot be read as a video: {error}.") from error
    if not playable:
        raise SourceError(f"'{path.name}' holds no whole picture.", hint="There is nothing to recover; remove it.")


def _trim(file: BinaryIO) -> None:
    """Cut off a last box that is shorter than it says, unless it is `mdat` (ISO/IEC 14496-12, 4.2)."""
    size = file.seek(0, os.SEEK_END)
    start = 0
    while start < size:
        file.seek(start)
        head = file.read(16)
        length, kind = _box(head)
        if length == 0:
            # Up to the end of the file.
            return
        if start + length > size or len(head) < 8:
            if kind != b"mdat":
                file.truncate(start)
            return
        start += length


def _box(head: bytes) -> tuple[int, bytes]:
    """Length in bytes, 0 for "up to the end", and type of the box that begins with `head`."""
    length = struct.unpack_from(">I", head.ljust(8, b"\xff"))[0]
    if length == 1 and len(head) == 16:
        length = struct.unpack_from(">Q", head, 8)[0]
    # No box is shorter than its header; such a length leads nowhere.
    return length if length == 0 or length >= 8 else 2**63, head[4:8]
