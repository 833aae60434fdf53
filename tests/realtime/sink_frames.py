"""Marked frames for the tests of the sinks, made by the one thing that can: the real marker."""

from __future__ import annotations

import numpy as np

from mien.realtime.frame import Alpha, Pixels
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.picture import HostPicture
from mien.realtime.watermark.session import MarkSession

MS = 1_000_000


class Frames:
    """Makes persona frames of one size, `step_ms` apart, with their number as a grey level or the picture given."""

    def __init__(self, width: int = 64, height: int = 48, *, step_ms: float = 1000 / 30) -> None:
        self.width, self.height = width, height
        # One session for all: a recording's size follows the watermark's pattern, and tests compare sizes.
        self._marker = Marker(width, height, session=MarkSession(b"the sinks' tests"))
        self._step_ns = round(step_ms * MS)
        self._count = 0
        self.last: MarkedFrame | None = None

    def __call__(
        self,
        pixels: Pixels | None = None,
        *,
        alpha: Alpha | None = None,
        capture_ns: int | None = None,
        media_ns: int | None = None,
    ) -> MarkedFrame:
        number, self._count = self._count, self._count + 1
        if pixels is None:
            pixels = np.full((self.height, self.width, 3), 16 + number * 5 % 224, np.uint8)
        time_ns = number * self._step_ns
        picture = HostPicture(pixels.copy())
        picture.alpha = None if alpha is None else alpha.copy()
        self.last = self._marker.mark_persona(
            picture,
            label="modified",
            sequence=number,
            capture_ns=time_ns if capture_ns is None else capture_ns,
            media_ns=time_ns if media_ns is None else media_ns,
            now_ns=time_ns,
        )
        return self.last

    def hold(self, *, capture_ns: int) -> MarkedFrame:
        """The last frame again, as the compositor does for a frame without a picture of its own."""
        assert self.last is not None
        return self._marker.repeat(
            self.last, sequence=self.last.sequence, capture_ns=capture_ns, media_ns=self.last.media_ns
        )
