"""What leaves the live path for some pictures, and what a fresh tracker sees in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np

from mien.engines.personas.library import find
from mien.engines.registry import AUTO, make_engine
from mien.engines.swapnet.edit import parse_edit
from mien.realtime.clock import ManualClock
from mien.realtime.compositor import Compositor, Tracked
from mien.realtime.config import LossSettings
from mien.realtime.cpu_painter import CpuPainter
from mien.realtime.face import Face
from mien.realtime.frame import Frame, Pixels
from mien.realtime.mark import Marker
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.presence import Presence
from mien.realtime.slate import Slate
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage
from mien.realtime.watermark.session import MarkSession

_STEP_NS = 33_333_333


def frames_of(clip: Path) -> Iterator[Pixels]:
    """Pictures of a video, (H, W, 3) uint8 BGR each."""
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            yield np.ascontiguousarray(frame.to_ndarray(format="bgr24"), np.uint8)


def tracked(pictures: Iterable[Pixels]) -> Iterator[tuple[Frame, Selection]]:
    """Frames at 30 a second, and who is who in each, as the live path tracks and smooths."""
    tracking = TrackingStage(MediaPipeTracker(landmarker_path()), FaceSelector("locked"), NeutralEstimator())
    try:
        for index, picture in enumerate(pictures):
            frame = Frame(picture, index, index * _STEP_NS, index * _STEP_NS)
            yield frame, tracking(frame)
    finally:
        tracking.close()


def outputs(
    pictures: Sequence[Pixels], persona: str, *, engine: str = AUTO, edit: str = "", session: MarkSession | None = None
) -> list[Pixels]:
    """What leaves for `pictures` at 30 a second: tracked, smoothed, swapped, blended and marked; no codec between.

    Args:
        pictures: (H, W, 3) uint8 BGR each.
        persona: name or path.
        engine: a kind of `mien.engines.registry`.
        edit: see `mien.engines.swapnet.edit.parse_edit`.
        session: of the watermark; drawn anew if it is not given.

    """
    height, width = pictures[0].shape[:2]
    change = parse_edit(edit)
    compositor = Compositor(
        [make_engine(find(persona), kind=engine, edit=lambda: change)],
        painter=CpuPainter(),
        marker=Marker(width, height, session=session),
        slate=Slate(width, height),
        presence=Presence(LossSettings()),
        now_ns=ManualClock().now_ns,
    )
    try:
        return [
            compositor(Tracked(frame, selection, False, {}), frame.media_ns).marked.pixels
            for frame, selection in tracked(pictures)
        ]
    finally:
        compositor.close()


def retracked(pictures: Iterable[Pixels]) -> Iterator[Face | None]:
    """The largest face of each picture by a fresh tracker without smoothing; None for none."""
    landmarker = Landmarker(landmarker_path(), max_faces=2)
    try:
        for index, picture in enumerate(pictures):
            found = landmarker(picture, (index + 1) * _STEP_NS)
            best = max(found, key=lambda one: float(np.ptp(one.landmarks[:468, 0])), default=None)
            yield None if best is None else Face(1, best.landmarks, best.blendshapes, best.pose)
    finally:
        landmarker.close()
