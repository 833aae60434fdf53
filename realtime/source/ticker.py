"""A fixed rate for sources that make their own frames."""

from __future__ import annotations

import threading

from mien.realtime.clock import NS_PER_S, Clock
from mien.realtime.errors import SourceError
from mien.realtime.source.pacing import Pacer

#: Least and greatest rate that is made, frames a second.
MIN_FPS, MAX_FPS = 1.0, 240.0


class Ticker:
    """Counts frames at a fixed rate. Paced, each waits until it is due; unpaced, it comes at once."""

    def __init__(self, fps: float, *, pace: bool, clock: Clock) -> None:
        if not MIN_FPS <= fps <= MAX_FPS:
            raise SourceError(f"A rate of {fps:g} frames a second was asked; allowed are {MIN_FPS:g} to {MAX_FPS:g}.")
        self._fps = fps
        self._pace = pace
        self._clock = clock
        self._stop = threading.Event()
        self._pacer = Pacer(clock, self._stop)
        self._count = 0

    def tick(self) -> tuple[int, int, int] | None:
        """Wait for the next frame; (sequence, capture_ns, media_ns), or None once closed."""
        media_ns = round(self._count * NS_PER_S / self._fps)
        if self._pace and not self._pacer.wait(media_ns):
            return None
        if self._stop.is_set():
            return None
        self._count += 1
        return self._count - 1, self._clock.now_ns(), media_ns

    def close(self) -> None:
        """Wake a waiting `tick`."""
        self._stop.set()
