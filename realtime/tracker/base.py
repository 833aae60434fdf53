"""What a tracker promises to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mien.realtime.face import Face
from mien.realtime.frame import Frame


class Tracker(Protocol):
    """Finds the faces of a frame. Called on one thread, for frames with strictly increasing `media_ns`."""

    def __call__(self, frame: Frame) -> tuple[Face, ...]:
        """All faces seen now, smoothed, with stable ids, in no order; empty when there is none."""

    def close(self) -> None:
        """Free the model; idempotent."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Who of a frame's faces is who.

    Attributes:
        swapped: faces that become the persona; empty when the one to swap is not there.
        bystanders: (x0, y0, x1, y1) px of every other face, also of one that was lost a moment ago. To be covered,
            unless the user shows bystanders.
        lost: the same for faces that were swapped and are not seen now, though they may still be in the picture.
            Always covered: whoever asked to be swapped must not be bare in the frames that the tracker misses.

    """

    swapped: tuple[Face, ...]
    bystanders: tuple[tuple[float, float, float, float], ...]
    lost: tuple[tuple[float, float, float, float], ...] = ()
