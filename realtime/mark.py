"""The mark: nothing leaves without one, by type.

`MarkedFrame` cannot be made outside this module, and every sink takes nothing else. The badge is drawn here; a
watermark joins in `Marker.mark`, after the badge, so that it covers it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mien.realtime.frame import Kind, Pixels, check_pixels
from mien.realtime.errors import MienError


class MarkError(MienError, TypeError):
    """Somebody tried to make a `MarkedFrame` without the marker."""


_KEY: Final = object()


@dataclass(frozen=True, slots=True, eq=False)
class MarkedFrame:
    """A picture that may leave, with its mark in its pixels. Made by `Marker` alone.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, read-only.
        kind: "persona", "slate" or "camera" (the last only while "show me" is held).
        sequence: of the captured frame this one answers to; repeats while a frame is held.
        capture_ns: `Clock.now_ns` when that frame was captured, before decoding.
        media_ns: its place on the source's time line, ns.
        held: whether this is an earlier persona picture, shown again because there was no new one.
    """

    pixels: Pixels
    kind: Kind
    sequence: int
    capture_ns: int
    media_ns: int
    held: bool
    _key: object

    def __post_init__(self) -> None:
        if self._key is not _KEY:
            raise MarkError("a MarkedFrame is made by mien.realtime.mark.Marker alone, so that none leaves unmarked.")
        check_pixels(self.pixels)
        self.pixels.flags.writeable = False

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"MarkedFrame({self.kind}, #{self.sequence}, {width}x{height}{', held' if self.held else ''})"
