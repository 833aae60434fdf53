"""What the signals look at: one face over some seconds, its landmarks and, now and then, its pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.verify.looks import Look
from mien.realtime.aligner import crop, head_square
from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import HeadFit, fit_head
from mien.realtime.tracker.detection import Detection, box_of, overlap
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

Luma = NDArray[np.uint8]

#: Looks a second that are tracked, at most; pixels are kept of every so many of them.
RATE_HZ, PIXELS_EVERY = 15.0, 5
#: Tracked pictures in all: `looks.LOOKED_S` at that rate.
MOST_SIGHTS = 900
#: Pictures in a row in which one face is seen; fewer say nothing over time.
LEAST_SIGHTS = 15
#: How far around the face's box the surroundings are kept, of the box's greater side.
_AROUND = 0.45
#: Overlap of two boxes from which they are one face from one picture to the next.
_SAME = 0.3
#: A picture in time may be this much early: 29.97 a second are 30.
_EARLY = 0.9
#: Side of the aligned crop, px, and its side over the face's height.
ALIGNED_PX, _ALIGNED_MARGIN = 64, 1.15


class Box(NamedTuple):
    """A part of a picture, px; `x1` and `y1` lie outside."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, eq=False)
class Sight:
    """One face in one picture.

    Attributes:
        time_s: of the picture.
        landmarks: (478, 3) float32, px of the picture.
        luma: (h, w) uint8, the face and what is around it; None where pixels were not kept.
        origin: (x, y) of `luma` in the picture, px.
        aligned: (64, 64) uint8 luma of the face, upright; None where there were no pixels at all.

    """

    time_s: float
    landmarks: Floats
    luma: Luma | None = None
    origin: tuple[int, int] = (0, 0)
    aligned: Luma | None = None

    @cached_property
    def fit(self) -> HeadFit:
        """Where the head is."""
        return fit_head(self.landmarks)

    @property
    def width_px(self) -> float:
        """Width of the face's box."""
        x0, _, x1, _ = box_of(self.landmarks)
        return x1 - x0

    @cached_property
    def hull(self) -> NDArray[np.int32]:
        """(N, 1, 2) int32: the face's outline, px of `luma`."""
        points = self.landmarks[:468, :2] - np.array(self.origin, np.float32)
        return np.asarray(cv2.convexHull(np.round(points).astype(np.int32)), np.int32)

    @cached_property
    def depth(self) -> Floats:
        """(h, w) float32: distance from the face's outline, px of `luma`, positive inside. Only with `luma`."""
        inside = np.zeros((1, 1) if self.luma is None else self.luma.shape, np.uint8)
        cv2.fillConvexPoly(inside, self.hull, 1)
        within = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
        without = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
        return np.asarray(within - without, np.float32)


#: One face without a gap, a part of the clip at most.
Sights = Sequence[Sight]


class Watcher:
    """Tracks the largest face of each part of a clip at a bounded rate. One thread; `close` frees the model.

    Args:
        on_part: called with each run of sights of one face, when it ends.

    Raises:
        ModelError: the landmark model cannot be had.
        MissingExtraError: mediapipe is not installed.

    """

    def __init__(self, on_part: Callable[[Sights], None]) -> None:
        self._landmarker = Landmarker(landmarker_path(), max_faces=2)
        self._on_part = on_part
        self._run: list[Sight] = []
        self._part: int | None = None
        self._next_s = 0.0
        #: Pictures tracked so far, and those of them in which a face was seen.
        self.tracked = self.seen = 0

    def add(self, look: Look) -> None:
        """Track one picture, if it is its turn."""
        if look.part is None or self.tracked >= MOST_SIGHTS:
            return
        if look.part != self._part:
            self._end()
            self._part, self._next_s = look.part, look.time_s
        if look.time_s < self._next_s:
            return
        self._next_s = look.time_s + _EARLY / RATE_HZ
        self.tracked += 1
        found = self._landmarker(look.pixels, round(look.time_s * NS_PER_S))
        face = max(found, key=lambda one: float(np.ptp(one.landmarks[:468, 0])), default=None)
        if face is None:
            self._end()
            return
        self.seen += 1
        if self._run and overlap(box_of(self._run[-1].landmarks), face.box) < _SAME:
            self._end()
        self._run.append(see(look, face, pixels=len(self._run) % PIXELS_EVERY == 0))

    def finish(self) -> None:
        """End the last run."""
        self._end()

    def close(self) -> None:
        """Free the model; idempotent."""
        self._landmarker.close()

    def _end(self) -> None:
        if self._run:
            self._on_part(tuple(self._run))
        self._run = []


def see(look: Look, face: Detection, *, pixels: bool = True) -> Sight:
    """Keep of a picture what the signals need of one face."""
    fit = fit_head(face.landmarks)
    aligned = _luma(crop(look.pixels, head_square(fit, ALIGNED_PX, _ALIGNED_MARGIN)).pixels)
    if not pixels:
        return Sight(look.time_s, face.landmarks, aligned=aligned)
    x0, y0, x1, y1 = _around(face.landmarks, look.pixels.shape[1], look.pixels.shape[0])
    luma = _luma(look.pixels[y0:y1, x0:x1]) if x1 > x0 and y1 > y0 else None
    return Sight(look.time_s, face.landmarks, luma, (x0, y0), aligned)


def watch(looks: Iterator[Look]) -> list[Sights]:
    """All runs of sights of some pictures."""
    runs: list[Sights] = []
    with closing(Watcher(runs.append)) as watcher:
        for look in looks:
            watcher.add(look)
        watcher.finish()
    return runs


def _luma(pixels: Pixels) -> Luma:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def _around(landmarks: Floats, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box_of(landmarks)
    around = max(x1 - x0, y1 - y0) * _AROUND
    left, top = max(int(x0 - around), 0), max(int(y0 - around), 0)
    return Box(left, top, min(int(x1 + around), width), min(int(y1 + around), height))
