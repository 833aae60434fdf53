"""What every source promises to the capture thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mien.realtime.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source turned out to be, for the console and reports.

    Attributes:
        name: short and free of private paths ("camera:0", "driver.mp4", "pattern").
        width: px of the frames it gives.
        height: px.
        fps: nominal frames a second; sinks and pacing use it.
        live: True where frames that are not read are gone (a camera, a network stream, a paced file).
        frame_count: frames in all where known (a file that does not loop), else None; an estimate is fine.
        audio_path: file that holds the sound that belongs to the pictures, or None.
        detail: what was asked and what the device gave, one line ("MJPG 1280x720 at 30, asked 1280x720 at 30").

    """

    name: str
    width: int
    height: int
    fps: float
    live: bool
    frame_count: int | None = None
    audio_path: str | None = None
    detail: str = ""


class Source(Protocol):
    """Gives frames, one after the other. Opened by its constructor or factory, which raises `SourceError`.

    `read` and `close` may be called from different threads: `close` must make a blocked `read` return soon.
    Everything else is called on the one capture thread, as fast as it can (the drain thread): a source that
    paces itself does so inside `read`.
    """

    @property
    def info(self) -> SourceInfo:
        """What was opened; constant."""

    @property
    def trouble(self) -> str:
        """What is wrong now, one sentence for the console and reports; empty while all is well. Any thread."""

    def read(self) -> Frame | None:
        """The next frame; None at the end. Raises `SourceLostError` when the device went away or stalled."""

    def close(self) -> None:
        """Release the device; idempotent."""
