"""Faces of a still picture, found as the live path finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from mien.realtime.face import Face
from mien.realtime.frame import Pixels
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

#: The first pass crops by the detector's box, the later ones by the landmarks of the pass before, as in a stream;
#: by the third the landmarks of a still picture have settled.
_PASSES = 3
_STEP_NS = 33_000_000


class FaceFinder(Protocol):
    """All faces of one (H, W, 3) uint8 BGR picture; empty when there is none. Remembers nothing between calls."""

    def __call__(self, pixels: Pixels) -> tuple[Face, ...]:
        """Find them. Landmarks are in px of `pixels`."""


class StillTracker:
    """MediaPipe's landmarker on single pictures.

    Args:
        model: the landmark model's file; None fetches it, or takes the cached one.

    Raises:
        ModelError: the model cannot be had.
        MissingExtraError: mediapipe is not installed.

    """

    def __init__(self, model: Path | None = None) -> None:
        self._model = landmarker_path() if model is None else model

    def __call__(self, pixels: Pixels) -> tuple[Face, ...]:
        """All faces of the picture; about 0.2 s."""
        # A landmarker remembers where faces were, so each picture gets its own.
        landmarker = Landmarker(self._model)
        try:
            for number in range(_PASSES):
                found = landmarker(pixels, number * _STEP_NS)
        finally:
            landmarker.close()
        return tuple(
            Face(track_id=index, landmarks=one.landmarks, blendshapes=one.blendshapes, pose=one.pose)
            for index, one in enumerate(found, start=1)
        )
