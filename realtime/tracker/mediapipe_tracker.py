"""The tracker of the live path: MediaPipe's landmarks, names that last, and a steady hand."""

from __future__ import annotations

from pathlib import Path

from mien.realtime.face import Face
from mien.realtime.frame import Frame
from mien.realtime.tracker.identity import IdentityKeeper
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.smoothing import DEFAULT_SMOOTHING, FaceSmoother, SmoothingConfig


class MediaPipeTracker:
    """Implements `Tracker` with MediaPipe FaceLandmarker. Called on one thread.

    Args:
        model: the landmark model's path (see `model.landmarker_path`).
        max_faces: greatest number of faces looked for, 2 to 16. A larger number costs nothing while nobody more is
            there; whoever is beyond it is neither swapped nor covered.
        smoothing: how faces are steadied, or None for the model's own numbers.

    Raises:
        ModelError: the model is missing or refused.
        MissingExtraError: mediapipe is not installed.

    """

    def __init__(
        self, model: Path, *, max_faces: int = 8, smoothing: SmoothingConfig | None = DEFAULT_SMOOTHING
    ) -> None:
        self._landmarker = Landmarker(model, max_faces=max_faces)
        self._identities = IdentityKeeper()
        self._smoother = None if smoothing is None else FaceSmoother(smoothing)

    def __call__(self, frame: Frame) -> tuple[Face, ...]:
        """All faces of `frame`; raises `EngineError` when closed or when MediaPipe fails."""
        detections = self._landmarker(frame.pixels, frame.media_ns)
        ids = self._identities(detections, frame.media_ns)
        faces = tuple(
            Face(track_id, found.landmarks, found.blendshapes, found.pose)
            for track_id, found in zip(ids, detections, strict=True)
        )
        return faces if self._smoother is None else self._smoother(faces, frame.media_ns)

    def close(self) -> None:
        """Free the model; idempotent."""
        self._landmarker.close()
