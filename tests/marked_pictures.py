"""Marked pictures of rendered content, and what the detector says of videos."""

from __future__ import annotations

from collections.abc import Sequence

from mien.engines.measure.final import frames_of
from mien.engines.measure.on_the_way import covering
from mien.engines.verify.marked import MarkDetector, Marked
from mien.plugin.clip import driver_clip
from mien.realtime.frame import Pixels
from mien.realtime.watermark.embed import Embedder
from mien.realtime.watermark.payload import Payload
from mien.realtime.watermark.session import MarkSession

FPS = 30
PAYLOAD = MarkSession(b"detector's tests").payload("persona")
SLATE = MarkSession(b"another session!").payload("slate")


def rendered(count: int, width: int = 640, height: int = 360) -> list[Pixels]:
    """Frames of the shipped clip, at this size; a size of another shape shows their middle."""
    frames = zip(frames_of(driver_clip()), range(count), strict=False)
    return [covering(picture, width, height) for picture, _ in frames]


def marked(pictures: Sequence[Pixels], payload: Payload) -> list[Pixels]:
    """Copies with the mark."""
    height, width = pictures[0].shape[:2]
    embed = Embedder(payload, width, height)
    copies = [picture.copy() for picture in pictures]
    for copy in copies:
        embed(copy)
    return copies


def look(pictures: Sequence[Pixels], *, fps: float = FPS, start_s: float = 0.0) -> Marked:
    """What the detector says of a video."""
    detector = MarkDetector(fps_hint=fps)
    for index, picture in enumerate(pictures):
        detector.add(picture, start_s + index / fps)
    return detector.finish()


def has_only(result: Marked, payload: Payload) -> bool:
    """Whether this mark was found, and no other."""
    return result.found and result.payload == payload and result.sessions == (payload.session,)
