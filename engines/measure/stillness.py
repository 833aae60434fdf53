"""Stillness and blinks of the final output: what the smoothing leaves of noise, and what of a fast lid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mien.engines.mesh.shape import aperture
from mien.engines.mesh.topology import EYES
from mien.engines.personas.library import find
from mien.engines.registry import make_engine
from mien.realtime.clock import ManualClock
from mien.realtime.compositor import CpuCompositor, Tracked
from mien.realtime.config import LossSettings
from mien.realtime.frame import Floats, Frame, Pixels
from mien.realtime.head import fit_head, to_head
from mien.realtime.mark import Marker
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.presence import Presence
from mien.realtime.slate import Slate
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage

#: Greatest jitter of the output's landmarks, px RMS at 720p, and least part of a fast blink's depth that arrives.
MOST_JITTER_PX, LEAST_BLINK = 0.3, 0.8
#: A blink is a fall of the lids' gap below this part of its usual size, back within this many frames (30 a second).
_SHUT, _FAST_FRAMES = 0.55, 9
_STEP_NS = 33_333_333


def noisy(picture: Pixels, count: int, sigma: float = 4.0, seed: int = 0) -> list[Pixels]:
    """`picture`, (H, W, 3) uint8 BGR, `count` times with fresh Gaussian noise of `sigma` (of 255)."""
    rng = np.random.default_rng(seed)
    return [
        np.clip(picture + rng.normal(0.0, sigma, picture.shape), 0, 255).round().astype(np.uint8) for _ in range(count)
    ]


def outputs(pictures: Sequence[Pixels], persona: str) -> list[Pixels]:
    """What leaves for `pictures` at 30 a second: tracked, smoothed, swapped, blended and marked; no codec between."""
    height, width = pictures[0].shape[:2]
    tracking = TrackingStage(MediaPipeTracker(landmarker_path()), FaceSelector("locked"), NeutralEstimator())
    compositor = CpuCompositor(
        [make_engine(find(persona))],
        marker=Marker(width, height),
        slate=Slate(width, height),
        presence=Presence(LossSettings()),
        now_ns=ManualClock().now_ns,
    )
    try:
        made = []
        for index, picture in enumerate(pictures):
            frame = Frame(picture, index, index * _STEP_NS, index * _STEP_NS)
            made.append(compositor(Tracked(frame, tracking(frame), False, {}), frame.media_ns).marked.pixels)
        return made
    finally:
        tracking.close()
        compositor.close()


def landmarks(pictures: Sequence[Pixels]) -> Iterator[Floats | None]:
    """(478, 3) float32 px of the largest face of each picture by a fresh tracker without smoothing; None for none."""
    landmarker = Landmarker(landmarker_path(), max_faces=2)
    try:
        for index, picture in enumerate(pictures):
            found = landmarker(picture, (index + 1) * _STEP_NS)
            widest = max(found, key=lambda one: float(np.ptp(one.landmarks[:468, 0])), default=None)
            yield None if widest is None else widest.landmarks
    finally:
        landmarker.close()


def jitter_px(pictures: Sequence[Pixels]) -> float:
    """Root mean square, over the skin's landmarks and both axes, of how far each is from its mean place, px.

    NaN where a face is lost. The tracker that judges trembles too, by the noise that the camera leaves around the
    persona; what is measured is an upper bound of what the persona itself does.
    """
    found = list(landmarks(pictures))
    points = np.stack([np.full((478, 3), np.nan, np.float32) if one is None else one for one in found])[:, :468, :2]
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).mean()))


def blink_depths(driver: Sequence[Pixels], output: Sequence[Pixels]) -> list[float]:
    """For each fast blink of the driver: how far the output's lids fall over how far his do, each from its usual."""
    theirs, ours = _openness(driver), _openness(output)
    depths = []
    for begin, end in _blinks(theirs):
        # The output may answer a frame late.
        depths.append(float((1 - ours[begin : end + 2].min()) / (1 - theirs[begin:end].min())))
    return depths


def _openness(pictures: Sequence[Pixels]) -> Floats:
    gaps = []
    for one in landmarks(pictures):
        shape = None if one is None else to_head(one, fit_head(one))
        gaps.append(np.nan if shape is None else np.mean([aperture(eye, shape) for eye in EYES]))
    values = np.asarray(gaps, np.float32)
    usual: Floats = values / np.nanmedian(values)
    return usual


def _blinks(openness: Floats) -> Iterator[tuple[int, int]]:
    shut = np.flatnonzero(openness < _SHUT)
    for run in np.split(shut, np.flatnonzero(np.diff(shut) > 1) + 1):
        if 0 < len(run) <= _FAST_FRAMES:
            yield max(int(run[0]) - 1, 0), int(run[-1]) + 2
