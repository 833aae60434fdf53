"""Whether a file is a recording of Mien's. Only such a file is signed as one: anything else would be a false mark."""

from __future__ import annotations

from pathlib import Path

import av

from mien.realtime.errors import SourceError
from mien.realtime.sink.file import COMMENT


def is_ours(path: Path) -> bool:
    """Whether a file says that Mien recorded it: by the tag that `FileSink` writes, which a cut recording has too.

    The tag is a claim that anybody can write; it keeps honest people from signing the wrong file by mistake.

    Raises `SourceError` for a file that cannot be read as a video.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            tags = {key.casefold(): value for key, value in container.metadata.items()}
            return bool(container.streams.video) and tags.get("comment") == COMMENT
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"'{path.name}' cannot be read as a video: {error}.") from error
