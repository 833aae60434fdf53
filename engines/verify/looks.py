"""The pictures of a file or a camera as values, and what gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from mien.realtime.frame import Pixels

#: Length of a part of the clip that is looked at without a gap, and how much is looked at for faces in all.
PART_S, LOOKED_S = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file, or a camera, is.

    Attributes:
        name: without its folder; printable characters only.
        kind: what kind of thing it is.
        format: "PNG", or FFmpeg's name of the container and the codec ("mov,mp4,... h264").
        width: px, upright.
        height: px.
        size_bytes: of the file; None for a camera.
        duration_s: as the file states it; None where it does not, and for stills.
        pictures: how many the file says it has; None where it does not say.
        fps: nominal pictures a second; None for a still.

    """

    name: str
    kind: Literal["still", "video", "live"]
    format: str
    width: int
    height: int
    size_bytes: int | None
    duration_s: float | None
    pictures: int | None
    fps: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, upright.
        time_s: from the start; grows strictly.
        part: number of the part of the clip that is looked at for faces; None between two parts.

    """

    pixels: Pixels
    time_s: float
    part: int | None


class Media(Protocol):
    """Something to look at, once."""

    @property
    def info(self) -> MediaInfo:
        """What it is."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was wrong with it, or left out, as far as it was read; sentences for people."""

    def looks(self) -> Iterator[Look]:
        """Its pictures, in order. A damaged file gives those it can."""

    def close(self) -> None:
        """Release it; idempotent."""
