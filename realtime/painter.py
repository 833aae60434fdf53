"""The seam between what a compositor decides and who carries it out, on a processor or on a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from mien.realtime.blend_terms import scale_of
from mien.realtime.engine import Engine
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Alpha, Frame, Pixels
from mien.realtime.picture import Picture

#: A face of which less lies in the frame, px a side, is not swapped but held: nobody could tell what was painted.
LEAST_FACE_PX = 12.0
#: Part of a face's box in the frame that a patch must paint. Whole faces come to 0.5 and more, whatever their turn.
LEAST_PAINTED = 0.25

Boxes = Sequence[tuple[float, float, float, float]]
#: Changes (H, W, 3) uint8 BGR of a time, ns, in place, and may say what of it is there; `mien.realtime.background`.
Retouch = Callable[[Pixels, int], Alpha | None]


class Painting(Picture, Protocol):
    """One frame on its way: a copy of what was captured, painted step by step, then handed to the marker."""

    def cover(self, boxes: Boxes) -> None:
        """Pixelate the faces in these boxes, px; see `mien.realtime.bystanders.cover`."""

    def swap(self, face: Face, alignment: Alignment, engine: Engine, *, strength: float) -> None:
        """Crop what `engine` wants to see of the CAPTURED frame, ask it, match colour and edge, and blend.

        `strength` 0..1 is how much of the driver's light and skin the persona takes on. Raises `EngineError` (now, or
        in `finish`) for a patch that would leave the face bare.
        """

    def retouch(self, work: Retouch) -> None:
        """Let `work` change what was painted. Raises `EngineError` where the pixels lie on a device that cannot."""

    def fade(self, slate: Pixels, share: float) -> None:
        """Mix with the slate: `share` 0..1 of what was painted, the rest of the slate."""


class Painter(Protocol):
    """Paints the frames of one stream, in the order of their capture. Called by the compositor, on its one thread.

    What it remembers of a face (its colour, what stands before it) it keeps by track id.
    """

    @property
    def device(self) -> str:
        """Where the pixels lie, for the console and every report: "cpu", or the GPU's name."""

    def expect(self, frame: Frame) -> None:
        """Get ready what can be of a frame that is tracked now, and is begun soon or never.

        The one method that is called on another thread than the compositor's, also while a frame is painted. Returns
        at once and raises nothing: what goes wrong is raised by the frame's `begin`.
        """

    def begin(self, frame: Frame, stages_ms: dict[str, float]) -> Painting:
        """Begin a frame's painting; the captured pixels are not written to.

        Args:
            frame: as captured.
            stages_ms: the time of each step is added to it, by the end of `finish`.

        """

    def new_engines(self) -> None:
        """Forget the colours of the engines before."""

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Bound what is remembered: a stream of days sees many passers-by under policy "all"."""

    def close(self) -> None:
        """Free what was allocated; idempotent; not called after."""


def least_painted_px(face: Face, alignment: Alignment, frame: Frame) -> float:
    """How many crop pixels, of those inside the frame, must be painted for the face not to go out bare.

    Raises `EngineError` for a face that cannot be swapped at all.
    """
    x0, y0, x1, y1 = face.box
    width, height = min(x1, frame.width) - max(x0, 0.0), min(y1, frame.height) - max(y0, 0.0)
    # Written so that a NaN fails too.
    if not (width >= LEAST_FACE_PX and height >= LEAST_FACE_PX):
        raise EngineError(f"a face of {x1 - x0:.0f}x{y1 - y0:.0f} px at ({x0:.0f}, {y0:.0f}) cannot be swapped.")
    return LEAST_PAINTED * scale_of(alignment.matrix) ** 2 * width * height


def check_painted(painted_px: float, least_px: float) -> None:
    """Raise `EngineError` unless enough was painted: what leaves the face bare would go out as a persona all the same.

    Args:
        painted_px: crop pixels inside the frame whose mask is above 127.
        least_px: see `least_painted_px`.

    """
    # Written so that a NaN fails too.
    if not painted_px >= least_px:
        share = LEAST_PAINTED * painted_px / least_px if least_px > 0 else math.nan
        raise EngineError(f"the engine painted {share:.0%} of the face's box; at least {LEAST_PAINTED:.0%} is needed.")


def reaches_over_edge(face: Face, frame: Frame) -> bool:
    """Whether a part of the face's box lies beyond the frame's edge, where paint covers nothing."""
    x0, y0, x1, y1 = face.box
    return x0 < 0 or y0 < 0 or x1 > frame.width or y1 > frame.height


def check_patch(name: str, shape: tuple[int, ...], alignment: Alignment) -> None:
    """Raise `EngineError` unless the patch of the engine `name` has the size of its crop."""
    wanted = (alignment.height, alignment.width, 3)
    if shape != wanted:
        raise EngineError(f"engine '{name}' gave a patch of {shape} for a crop of {wanted}.")
