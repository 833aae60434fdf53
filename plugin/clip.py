"""The driver clip that ships with Mien: a rendered person who speaks, smiles, blinks and turns."""

from __future__ import annotations

from pathlib import Path

from mien.realtime.errors import SourceError

_CLIP = Path(__file__).parent / "assets" / "driver.mp4"


def driver_clip() -> Path:
    """Path of the clip; raises `SourceError` when the installation has lost it."""
    if not _CLIP.is_file():
        raise SourceError(
            "the clip that ships with Mien, driver.mp4, is not there.",
            hint="Install Mien again, or name a clip of your own with --source.",
        )
    return _CLIP
