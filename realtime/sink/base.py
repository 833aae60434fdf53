"""What every sink promises. A sink takes `MarkedFrame` alone, so nothing bare can leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mien.realtime.errors import SinkError
from mien.realtime.mark import MarkedFrame


class SinkLostError(SinkError):
    """A sink that was running has gone and may come back: live, the runner opens it again with a back-off."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a sink will be given.

    Attributes:
        width: px of every frame.
        height: px of every frame.
        fps: nominal frames a second.
        audio_path: file whose sound belongs to the pictures, for sinks that write files; else None.
        live: frames carry capture times with gaps; False offline, where every frame comes in order.

    """

    width: int
    height: int
    fps: float
    audio_path: str | None = None
    live: bool = True


@runtime_checkable
class StandsBy(Protocol):
    """A sink that shows a slate without the live path, when that is gone."""

    def stand_by(self, slate: MarkedFrame) -> None:
        """Show this one then; called on any thread when slate or badge change."""


class Sink(Protocol):
    """Takes marked frames. `open`, `write` and `close` are called in that order on one thread of the sink's own.

    Each sink has a one-slot mailbox before it (see `mien.realtime.sink.runner`): a slow `write` loses frames of
    this sink and slows no other. Offline, `write` is called for every frame, in order.
    """

    @property
    def name(self) -> str:
        """As the user wrote it, for messages ("virtualcam", "file:out.mp4")."""

    @property
    def wanted(self) -> bool:
        """Whether somebody sees what is written; read by any thread, at once.

        False while a sink waits for a client (a page nobody has open, OBS not connected): when no sink is wanted,
        the camera may be released. A file or a virtual camera always wants.
        """

    def open(self, stream: StreamFormat) -> None:
        """Get ready; raises `SinkError` with the command or setting that mends it.

        Called again after a `SinkLostError` (and a `close`) from `write`.
        """

    def write(self, frame: MarkedFrame) -> None:
        """Hand over one frame; may block. Raises `SinkLostError` when it may come back, `SinkError` when it is dead."""

    def close(self) -> None:
        """Finish what was begun (a file gets its index); idempotent, also after a failed `open`."""
