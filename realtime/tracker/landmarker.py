"""MediaPipe's FaceLandmarker behind plain arrays: frames in, detections out."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.errors import EngineError, ModelError
from mien.realtime.face import BLENDSHAPE_NAMES, LANDMARK_COUNT
from mien.realtime.frame import Pixels
from mien.realtime.tracker.detection import Detection
from mien.realtime.tracker.native import before_threads_end, mediapipe_tasks, quiet_stderr

if TYPE_CHECKING:
    from mediapipe.tasks.python import vision

#: Wider frames are scaled down for the search: the model sees a 256 px crop of each face anyway.
MAX_WIDTH_PX = 1280
#: MediaPipe smooths by itself, with a lag of its own, when it is asked for one face; so it never is.
MIN_FACES = 2
MAX_FACES = 16


class Landmarker:
    """FaceLandmarker in VIDEO mode. Called on one thread; `close` may be called on any, once the calls are over.

    Args:
        model: the bundle's path (see `model.landmarker_path`).
        max_faces: greatest number of faces looked for, 2 to 16.

    Raises:
        ModelError: the file is missing, refused by MediaPipe, or names other blendshapes than Mien knows.
        MissingExtraError: mediapipe is not installed.

    """

    def __init__(self, model: Path, *, max_faces: int = 8) -> None:
        if not MIN_FACES <= max_faces <= MAX_FACES:
            raise ModelError(f"max_faces must be {MIN_FACES} to {MAX_FACES}, got {max_faces}.")
        if not model.is_file():
            raise ModelError(f"there is no landmark model at {model}.", hint="Run `mien doctor --fetch`.")
        self._rgb: Pixels = np.empty((0, 0, 3), np.uint8)
        self._small: Pixels = np.empty((0, 0, 3), np.uint8)
        self._last_ms = -1
        with quiet_stderr():
            self._task = _create(model, max_faces)
        self._close = weakref.finalize(self, self._task.close)
        before_threads_end(self._close)

    def __call__(self, pixels: Pixels, media_ns: int) -> list[Detection]:
        """All faces in (H, W, 3) BGR `pixels`.

        Raises:
            EngineError: after `close`, or when MediaPipe fails on the frame.

        """
        if not self._close.alive:
            raise EngineError("the tracker is closed.", hint="Make a new one.")
        from mediapipe import Image, ImageFormat

        # Milliseconds must strictly increase, also at more than 1000 fps and when a source starts again at zero.
        self._last_ms = max(media_ns // 1_000_000, self._last_ms + 1)
        # Image copies the pixels, so the buffer behind them may be used again.
        image = Image(image_format=ImageFormat.SRGB, data=self._to_rgb(pixels))
        try:
            result = self._task.detect_for_video(image, self._last_ms)
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"MediaPipe failed on a frame of {pixels.shape[1]}x{pixels.shape[0]}: {error}."
            ) from error
        height, width = pixels.shape[:2]
        return _detections(result, np.array([width, height, width], np.float32))

    def close(self) -> None:
        """Free the model; idempotent."""
        self._close()

    def _to_rgb(self, pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        if width > MAX_WIDTH_PX:
            size = (MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width)))
            self._small = _buffer(self._small, (size[1], size[0], 3))
            pixels = cv2.resize(pixels, size, dst=self._small, interpolation=cv2.INTER_AREA).astype(
                np.uint8, copy=False
            )
        self._rgb = _buffer(self._rgb, pixels.shape)
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=self._rgb)
        return self._rgb


def _buffer(old: Pixels, shape: tuple[int, ...]) -> Pixels:
    return old if old.shape == shape else np.empty(shape, np.uint8)


def _create(model: Path, max_faces: int) -> vision.FaceLandmarker:
    tasks = mediapipe_tasks()
    try:
        # The bundle goes in as bytes: MediaPipe opens paths in the system's code page on Windows.
        options = tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_buffer=model.read_bytes()),
            running_mode=tasks.vision.RunningMode.VIDEO,
            num_faces=max_faces,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        task = tasks.vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"MediaPipe refuses the landmark model {model.name}: {error}.",
            hint="Delete the file; it is fetched again at the next start.",
        ) from error
    return task


def _detections(result: vision.FaceLandmarkerResult, scale: NDArray[np.float32]) -> list[Detection]:
    found = []
    for points, shapes, matrix in zip(
        result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes, strict=True
    ):
        if tuple(shape.category_name for shape in shapes) != BLENDSHAPE_NAMES or len(points) != LANDMARK_COUNT:
            raise ModelError(
                f"the landmark model gave {len(points)} landmarks and {len(shapes)} blendshapes, not the "
                f"{LANDMARK_COUNT} and {len(BLENDSHAPE_NAMES)} that Mien knows by name.",
                hint="Use the model that `mien doctor` names.",
            )
        landmarks = np.array([(p.x, p.y, p.z) for p in points], np.float32) * scale
        if not np.isfinite(landmarks).all():
            continue
        scores = np.array([shape.score for shape in shapes], np.float32).clip(0.0, 1.0)
        found.append(Detection(landmarks, scores, np.ascontiguousarray(matrix, np.float32)))
    return found
