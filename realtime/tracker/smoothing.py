"""Steadies faces without holding back blinks and lips."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.realtime.face import Face
from mien.realtime.tracker.detection import face_size
from mien.realtime.tracker.one_euro import OneEuro, OneEuroParams


@dataclass(frozen=True, slots=True)
class SmoothingConfig:
    """Parameters in face sizes per second."""

    landmarks: OneEuroParams = OneEuroParams(
        min_cutoff_hz=1.0, beta=30.0, speed_cutoff_hz=8.0, dead_speed=0.3
    )


class FaceSmoother:
    """One filter a track."""

    def __init__(self, config: SmoothingConfig) -> None:
        self._config = config
        self._tracks: dict[int, tuple[OneEuro, int]] = {}

    def __call__(self, faces: tuple[Face, ...], media_ns: int) -> tuple[Face, ...]:
        """The same faces, steadied."""
        kept: dict[int, tuple[OneEuro, int]] = {}
        out = []
        for face in faces:
            euro, last = self._tracks.get(face.track_id, (OneEuro(self._config.landmarks), media_ns))
            size = np.float32(face_size(face.landmarks))
            steady = euro(face.landmarks / size, max((media_ns - last) / 1e9, 1e-3)) * size
            kept[face.track_id] = (euro, media_ns)
            out.append(replace(face, landmarks=steady.astype(np.float32)))
        self._tracks = kept
        return tuple(out)


DEFAULT_SMOOTHING = SmoothingConfig()
