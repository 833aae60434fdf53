"""MediaPipe's face detector alone, without landmarks: a quick look at one square of the picture."""

from __future__ import annotations

import weakref
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import cv2
import numpy as np

from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Pixels
from mien.realtime.tracker.detection import Box
from mien.realtime.tracker.native import before_threads_end, mediapipe_tasks, quiet_stderr

if TYPE_CHECKING:
    from mediapipe.tasks.python import vision

#: Side of the detector's input, px.
INPUT_PX = 128
#: Below it are clothes and chairs: the highest scores of what is no face were 0.56 in small squares of the test clips,
#: where faces of an eighth of the square's side have 0.53 to 0.77 and of a seventh 0.77 and more.
LEAST_SCORE = 0.6
#: Name of the detector in the landmark model's bundle, and the most it may unpack to, bytes.
_MEMBER = "face_detector.tflite"
_MOST_BYTES = 4_000_000


class Found(NamedTuple):
    """A face found: its (x0, y0, x1, y1), px of the square, from the brows to the chin, and a score, 0..1."""

    box: Box
    score: float


class Finder(Protocol):
    """Looks for faces in one square of a picture."""

    def __call__(self, pixels: Pixels) -> list[Found]:
        """All faces in (N, N, 3) BGR `pixels`."""

    def close(self) -> None:
        """Free the model; idempotent."""


class FaceFinder:
    """BlazeFace short range (Bazarevsky et al., 2019), which the landmark model's bundle carries. One thread.

    The model is loaded at the first call, so that making one costs nothing. It finds faces from a tenth of the
    square's side up.

    Args:
        model: the landmark bundle's path (see `model.landmarker_path`).
        least_score: what scores lower is not given, 0..1.

    """

    def __init__(self, model: Path, *, least_score: float = LEAST_SCORE) -> None:
        self._model = model
        self._least_score = least_score
        self._task: vision.FaceDetector | None = None
        self._closed = False

    def __call__(self, pixels: Pixels) -> list[Found]:
        """All faces in (N, N, 3) BGR `pixels`.

        Raises:
            EngineError: after `close`, or when MediaPipe fails on the picture.
            ModelError: the bundle is missing, or has no detector that MediaPipe takes.
            MissingExtraError: mediapipe is not installed.

        """
        if self._closed:
            raise EngineError("the face finder is closed.", hint="Make a new one.")
        if self._task is None:
            with quiet_stderr():
                self._task = _create(_unpack(self._model), self._least_score)
            before_threads_end(weakref.finalize(self, self._task.close))
        from mediapipe import Image, ImageFormat

        # In two steps: the area filter at a factor that is no whole number takes as long as the model itself.
        between = INPUT_PX * (2 if pixels.shape[0] <= 6 * INPUT_PX else 4)
        small = cv2.resize(cv2.resize(pixels, (between, between)), (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA)
        image = Image(image_format=ImageFormat.SRGB, data=np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8))
        try:
            result = self._task.detect(image)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"MediaPipe failed to look for faces: {error}.") from error
        scale = pixels.shape[0] / INPUT_PX
        return [Found(_box(one.bounding_box, scale), float(one.categories[0].score)) for one in result.detections]

    def close(self) -> None:
        """Free the model; idempotent."""
        if self._task is not None and not self._closed:
            self._task.close()
        self._closed = True


def _box(found: vision.BoundingBox, scale: float) -> Box:
    x, y = found.origin_x * scale, found.origin_y * scale
    return x, y, x + found.width * scale, y + found.height * scale


def _unpack(model: Path) -> bytes:
    try:
        with zipfile.ZipFile(model) as bundle:
            size = bundle.getinfo(_MEMBER).file_size
            if size > _MOST_BYTES:
                raise ModelError(f"{_MEMBER} in {model.name} has {size} bytes; at most {_MOST_BYTES} are taken.")
            return bundle.read(_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"there is no {_MEMBER} in the landmark model {model}: {error}.", hint="Run `mien doctor --fetch`."
        ) from error


def _create(detector: bytes, least_score: float) -> vision.FaceDetector:
    tasks = mediapipe_tasks()
    try:
        options = tasks.vision.FaceDetectorOptions(
            base_options=tasks.BaseOptions(model_asset_buffer=detector),
            running_mode=tasks.vision.RunningMode.IMAGE,
            min_detection_confidence=least_score,
        )
        return tasks.vision.FaceDetector.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"MediaPipe refuses the face detector in the landmark model: {error}.",
            hint="Delete the file; it is fetched again at the next start.",
        ) from error
