"""Tie MediaPipe's landmarks to the mesh, once: `python -m mien.engines.cast.body.fit_landmarks`.

Bare-headed synthetic people are drawn with parted lips (closed ones would not tell upper from lower), tracked, and each
landmark is carried from the picture to the nearest place of the body and from there to the mean body, where the median
over all people stands. The result is `body/landmarks.npz`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import mean_body
from mien.engines.cast.body.landmarks import ANCHORS_FILE, SKIN_LANDMARKS
from mien.engines.cast.body.nearest import NearestPoint
from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.camera.light import PORTRAIT
from mien.engines.cast.frame import Shot, View
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

Floats = NDArray[np.float32]

_SIZE_PX = 640
_YAWS_DEG = (-14.0, 0.0, 14.0)
_STEP_NS = 33_000_000
_PARTED = {"jawOpen": 0.28}


def places(seed: int, landmarker: Landmarker, clock: Iterator[int]) -> Iterator[Floats]:
    """(468, 3) float32 places on the mean body at rest, m, for each view in which one face was found."""
    actor = Actor(Recipe("landmarks", seed).bare(), map_px=512)
    body, mean = actor.person.body, mean_body()
    view = View(_SIZE_PX, _SIZE_PX, 2, span=0.3)
    for yaw in _YAWS_DEG:
        shot = Shot(actions=dict(_PARTED), pose=HeadPose(yaw=yaw))
        picture = actor.shoot(shot, view, PORTRAIT, np.full((_SIZE_PX, _SIZE_PX, 3), 0.3, np.float32))
        image = to_bgr(picture.colour)
        # Twice: the second look starts from this picture's face and not from the one before.
        found = [landmarker(image, next(clock) * _STEP_NS) for _ in range(2)][-1]
        if len(found) != 1:
            continue
        pixels = found[0].landmarks[:SKIN_LANDMARKS, :2]
        points = actor.posture(shot).points
        face, bary = NearestPoint(points, body.faces)(_unprojected(pixels, picture.depth, view, body.brow_centre))
        yield (mean.rest[body.faces[face]] * bary[:, :, None]).sum(1)


def _unprojected(pixels: Floats, depth: Floats, view: View, eyes: Floats) -> Floats:
    """(N, 3) points of the world under (N, 2) pixels; off the figure, at the figure's median depth."""
    origin, right, up, forward = view.axes(eyes)
    columns, rows = np.clip(pixels.astype(int), 0, view.height - 1).T
    at = depth[rows, columns]
    at = np.where(at > 0, at, np.median(at[at > 0]))
    scale = view.span / view.distance / view.height
    x, y = (pixels[:, 0] - view.width / 2) * scale, (view.height / 2 - pixels[:, 1]) * scale
    return np.asarray(origin + at[:, None] * (forward + x[:, None] * right + y[:, None] * up), np.float32)


def fit(seeds: Sequence[int], model: Path) -> tuple[NDArray[np.int32], Floats]:
    """Faces (468,) and barycentric weights (468, 3) of the landmarks."""
    landmarker, clock = Landmarker(model, max_faces=2), iter(range(10**9))
    try:
        found = [place for seed in seeds for place in places(seed, landmarker, clock)]
    finally:
        landmarker.close()
    mean = mean_body()
    return NearestPoint(mean.rest, mean.faces)(np.median(found, axis=0).astype(np.float32))


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, track, tie, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ANCHORS_FILE)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7000)
    options = parser.parse_args(arguments)
    face, bary = fit(range(options.seed, options.seed + options.people), landmarker_path())
    np.savez_compressed(options.out, face=face.astype(np.int32), bary=bary.astype(np.float16))


if __name__ == "__main__":
    main()
