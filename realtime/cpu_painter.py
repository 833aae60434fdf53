"""The reference painter: NumPy and OpenCV, region of interest only."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.aligner import crop
from mien.realtime.blend import ColourMatcher, blend
from mien.realtime.bystanders import cover
from mien.realtime.engine import Engine
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Frame, Patch, Pixels
from mien.realtime.painter import Boxes, Retouch, check_painted, check_patch, least_painted_px, reaches_over_edge
from mien.realtime.per_track import PerTrack
from mien.realtime.picture import HostPicture

if TYPE_CHECKING:
    from mien.realtime.occluder import OccluderModel


class CpuPainter:
    """`mien.realtime.painter.Painter` on the processor.

    Args:
        occluders: one model for each track is made by this factory; None keeps none in front of the face.

    """

    device = "cpu"

    def __init__(self, *, occluders: Callable[[], OccluderModel] | None = None) -> None:
        self.matchers = PerTrack(ColourMatcher)
        self.occluders = None if occluders is None else PerTrack(occluders)

    def expect(self, frame: Frame) -> None:
        """See `Painter`. The frame lies where it is painted."""

    def begin(self, frame: Frame, stages_ms: dict[str, float]) -> CpuPainting:
        """See `Painter`."""
        return CpuPainting(self, frame, stages_ms)

    def new_engines(self) -> None:
        """See `Painter`."""
        self.matchers.clear()

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """See `Painter`."""
        self.matchers.forget_all_but(track_ids)
        if self.occluders is not None:
            self.occluders.forget_all_but(track_ids)

    def close(self) -> None:
        """See `Painter`."""


class CpuPainting(HostPicture):
    """`mien.realtime.painter.Painting` in this computer's memory; made by `CpuPainter`."""

    def __init__(self, painter: CpuPainter, frame: Frame, stages_ms: dict[str, float]) -> None:
        super().__init__(frame.pixels.copy())
        self._painter = painter
        self._frame = frame
        self._stages_ms = stages_ms

    def cover(self, boxes: Boxes) -> None:
        """See `Painting`."""
        cover(self.pixels, boxes)

    def swap(self, face: Face, alignment: Alignment, engine: Engine, *, strength: float) -> None:
        """See `Painting`."""
        frame = self._frame
        begin = time.perf_counter()
        seen = crop(frame.pixels, alignment)
        begin = add_stage(self._stages_ms, "crop", begin)
        patch = engine(face, seen)
        check_patch(engine.spec.name, patch.pixels.shape, alignment)
        if engine.spec.coverage == "face":
            least_px = least_painted_px(face, alignment, frame)
            check_painted(painted_px(face, patch, alignment, frame), least_px)
        begin = add_stage(self._stages_ms, "engine", begin)
        occluded = None
        if engine.spec.coverage == "face":
            occluders = self._painter.occluders
            if occluders is not None:
                occluded = occluders.of(face.track_id).update_and_mask(seen.pixels, face, alignment, frame.media_ns)
        begin = add_stage(self._stages_ms, "occlude", begin)
        matcher = self._painter.matchers.of(face.track_id)
        matcher.strength = strength
        blend(self.pixels, face, patch, alignment, matcher, occluded, frame.media_ns)
        add_stage(self._stages_ms, "blend", begin)

    def retouch(self, work: Retouch) -> None:
        """See `Painting`."""
        begin = time.perf_counter()
        self.alpha = work(self.pixels, self._frame.media_ns)
        add_stage(self._stages_ms, "background", begin)

    def fade(self, slate: Pixels, share: float) -> None:
        """See `Painting`."""
        cv2.addWeighted(self.pixels, share, slate, 1.0 - share, 0.0, dst=self.pixels)
        if self.alpha is not None:
            # All of the slate is there.
            cv2.convertScaleAbs(self.alpha, dst=self.alpha, alpha=share, beta=255 * (1.0 - share))


def painted_px(face: Face, patch: Patch, alignment: Alignment, frame: Frame) -> int:
    """How many of the patch's pixels inside the frame are painted."""
    mask = patch.mask
    if reaches_over_edge(face, frame):
        mask = np.asarray(cv2.bitwise_and(mask, _frame_seen(mask, alignment, frame)), np.uint8)
    return cv2.countNonZero(cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1])


def add_stage(stages_ms: dict[str, float], name: str, begin: float) -> float:
    """Add the time since `begin` (`time.perf_counter`) to a stage, and give the time of now."""
    now = time.perf_counter()
    stages_ms[name] = stages_ms.get(name, 0.0) + (now - begin) * 1e3
    return now


def _frame_seen(mask: NDArray[np.uint8], alignment: Alignment, frame: Frame) -> NDArray[np.uint8]:
    """(S, S) uint8, 255 where the aligned square shows the frame and not what lies beyond its edge."""
    width, height = frame.width, frame.height
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    seen = np.zeros_like(mask)
    cv2.fillConvexPoly(seen, cv2.transform(corners, alignment.matrix)[0].round().astype(np.int32), 255)
    return seen
