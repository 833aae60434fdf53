"""A sink that takes frames and keeps nothing: for benchmarks, and for readers of `Live` who need no other sink."""

from __future__ import annotations

from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import StreamFormat


class NullSink:
    """Takes every frame at once."""

    name = "null"
    wanted = True

    def open(self, stream: StreamFormat) -> None:
        """Nothing to open."""

    def write(self, frame: MarkedFrame) -> None:
        """Let the frame go."""

    def close(self) -> None:
        """Nothing to finish."""
