"""The pictures of slates that were uploaded: kept beside the settings, the newest few of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from mien.plugin.settings import settings_path
from mien.plugin.whole_file import write_whole
from mien.realtime.errors import ConfigError
from mien.realtime.slate import MAX_FILE_BYTES

_KEPT = 8
#: The name says what is in it: yesterday's slate is not overwritten by today's.
_NAME = re.compile(r"slate-[0-9a-f]{16}")


def keep(data: bytes) -> Path:
    """Write an uploaded file and return its path; whether it is a picture is for `Slate` to say.

    Raises:
        ConfigError: too large, or it cannot be written.

    """
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"a slate's picture has at most {MAX_FILE_BYTES // 2**20} MiB.")
    path = settings_path().parent / f"slate-{hashlib.sha256(data).hexdigest()[:16]}"
    try:
        write_whole(path, data)
    except OSError as error:
        raise ConfigError(f"the picture cannot be kept: {error.strerror}.") from error
    return path


def forget_old() -> None:
    """Remove all but the newest few."""
    kept = [path for path in settings_path().parent.glob("slate-*") if _NAME.fullmatch(path.name)]
    for path in sorted(kept, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        path.unlink(missing_ok=True)
