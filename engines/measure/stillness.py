"""Stillness and blinks of the final output: what the smoothing leaves of noise, and what of a fast lid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from mien.engines.measure.final import retracked
from mien.engines.mesh.shape import aperture
from mien.engines.mesh.topology import EYES
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import fit_head, to_head

#: Greatest jitter of the output's landmarks, px RMS at 720p, and least part of a fast blink's depth that arrives.
MOST_JITTER_PX, LEAST_BLINK = 0.3, 0.8
#: What the watermark, whose pattern is another in each run, adds to the judge's reading at most, px RMS: of one clip it
#: was 0.296 without, and 0.300 to 0.309 with five marks; of another 0.297 and 0.293.
MARK_JITTER_PX = 0.015
#: Of a face, what flicker is looked for in, and how far it is blurred, px at 720p.
_INNER, _FLICKER_SIGMA_PX = 0.8, 3.0
#: A blink is a fall of the lids' gap below this part of its usual size, back within this many frames (30 a second).
_SHUT, _FAST_FRAMES = 0.55, 9


def noisy(picture: Pixels, count: int, sigma: float = 4.0, seed: int = 0) -> list[Pixels]:
    """`picture`, (H, W, 3) uint8 BGR, `count` times with fresh Gaussian noise of `sigma` (of 255)."""
    rng = np.random.default_rng(seed)
    return [
        np.clip(picture + rng.normal(0.0, sigma, picture.shape), 0, 255).round().astype(np.uint8) for _ in range(count)
    ]


def jitter_px(pictures: Sequence[Pixels]) -> float:
    """Root mean square, over the skin's landmarks and both axes, of how far each is from its mean place, px.

    NaN where a face is lost. The tracker that judges trembles too, by the noise that the camera leaves around the
    persona; what is measured is an upper bound of what the persona itself does.
    """
    lost = np.full((478, 3), np.nan, np.float32)
    points = np.stack([lost if one is None else one.landmarks for one in retracked(pictures)])[:, :468, :2]
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).mean()))


def flicker(pictures: Sequence[Pixels], face: Floats) -> float:
    """How much the luma of a face that stands still changes: standard deviation over time, mean over the face, of 255.

    Args:
        pictures: (H, W, 3) uint8 BGR of a driver who stands still.
        face: (478, 3) landmarks in them, px. What lies near its edge, where the persona ends, is not looked at.

    """
    points = face[:468, :2]
    middle = points.mean(axis=0)
    hull = cv2.convexHull((middle + _INNER * (points - middle)).astype(np.int32))
    inside = np.zeros(pictures[0].shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, hull, 255)
    x, y, width, height = cv2.boundingRect(inside)
    inside = inside[y : y + height, x : x + width]
    lumas = [cv2.cvtColor(each[y : y + height, x : x + width], cv2.COLOR_BGR2GRAY) for each in pictures]
    # Blurred, so that the finest grain, which nobody sees as flicker, does not hide what they see.
    seen = np.stack([cv2.GaussianBlur(luma.astype(np.float32), (0, 0), _FLICKER_SIGMA_PX) for luma in lumas])
    return float(seen.std(axis=0)[inside > 0].mean())


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
    for one in retracked(pictures):
        shape = None if one is None else to_head(one.landmarks, fit_head(one.landmarks))
        gaps.append(np.nan if shape is None else np.mean([aperture(eye, shape) for eye in EYES]))
    values = np.asarray(gaps, np.float32)
    usual: Floats = values / np.nanmedian(values)
    return usual


def _blinks(openness: Floats) -> Iterator[tuple[int, int]]:
    shut = np.flatnonzero(openness < _SHUT)
    for run in np.split(shut, np.flatnonzero(np.diff(shut) > 1) + 1):
        if 0 < len(run) <= _FAST_FRAMES:
            yield max(int(run[0]) - 1, 0), int(run[-1]) + 2
