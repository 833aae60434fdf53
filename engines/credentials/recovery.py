"""What a crash left of a recording: `NAME.part.mp4` (see `mien.realtime.sink.partfile`), made ready to be signed."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

from mien.realtime.errors import SourceError

_PART = re.compile(r"^(?P<stem>.+)\.part(-\d+)?$")
#: Names that are tried for a recovered recording when its own is taken.
_MANY = 100


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


def intact_bytes(path: Path) -> int:
    """Give how many bytes of a recording to keep: all but a torn header at its end.

    A recording is written in fragments, a header (`moof`) and its pictures (`mdat`; ISO/IEC 14496-12, 4.2). A torn
    header keeps players and the C2PA library from reading the rest, and no picture is lost with it. Torn pictures are
    kept: those before the tear play. Of a file that is no MP4 or MOV all is kept.

    Raises `SourceError` for a file that cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _intact(file)
    except OSError as error:
        raise SourceError(f"'{path.name}' cannot be read: {error.strerror}.") from error


def _intact(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    start = 0
    while start < size:
        file.seek(start)
        head = file.read(16)
        length, kind = _box(head)
        if start == 0 and kind != b"ftyp":
            return size
        if length == 0:
            # Up to the end of the file.
            return size
        if start + length > size:
            return size if kind == b"mdat" else start
        start += length
    return size


def _box(head: bytes) -> tuple[int, bytes]:
    """Length in bytes, 0 for "up to the end", and type of the box that begins with `head`."""
    length = struct.unpack_from(">I", head.ljust(8, b"\xff"))[0]
    if length == 1 and len(head) == 16:
        length = struct.unpack_from(">Q", head, 8)[0]
    # No box is shorter than its header, and a torn header tells no length: such a box ends nowhere.
    return length if length == 0 or (length >= 8 and len(head) >= 8) else 2**63, head[4:8]
