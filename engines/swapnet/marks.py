"""Where a persona's landmarks lie in what its decoder paints, by the code: fitted to samples, kept with the decoder.

A head that turns by yaw and pitch, with a face that is moved by actions, puts a landmark where products of the angles
and of the actions say, so a linear map of those products says it: to 0.2 px of 256 where a renderer has it.
"""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.topology import EYES, OUTER_LIP, OVAL, topology
from mien.engines.swapnet.code import ACTIONS, NAMED_INDEX
from mien.realtime.errors import ModelError
from mien.realtime.face import SKIN_LANDMARK_COUNT
from mien.realtime.frame import Floats

#: The name of an ONNX file's note that holds them.
MARKS_NOTE: Final = "mien.marks"
#: Of the other landmarks every so many is kept: neighbours agree.
_EVERY: Final = 4
_BROWS: Final = (
    70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276,
)  # fmt: skip
#: Of the ridge regression, times the number of samples: actions that samples hardly move say little.
_RIDGE: Final = 1e-4


@cache
def kept_landmarks() -> NDArray[np.int64]:
    """(M,) indices of the landmarks that are told: outline, brows, lids and lips, and some of all others."""
    around = [index for eye in EYES for index in eye.contour]
    lips = topology().inner_lip.tolist()
    some = range(0, SKIN_LANDMARK_COUNT, _EVERY)
    return np.array(sorted({*OVAL, *_BROWS, *OUTER_LIP, *lips, *around, *some}), np.int64)


class Marks:
    """The landmarks of one persona.

    Args:
        weights: (F, M, 2) float32, for each feature of a code how far it moves a landmark right and down, in sides of
            the square from its corner.

    """

    def __init__(self, weights: Floats) -> None:
        self._weights = weights

    def at(self, named: Floats, size_px: int) -> Floats:
        """(..., M, 2) float32, px: where `kept_landmarks` lie in a square of `size_px` for (..., `NAMED`) codes."""
        count, marks, _ = self._weights.shape
        flat = _features(named.reshape(-1, len(NAMED_INDEX))) @ self._weights.reshape(count, -1)
        places = flat.reshape(*named.shape[:-1], marks, 2) * np.float32(size_px) - np.float32(0.5)
        return np.asarray(places, np.float32)

    def moved(self, by: Floats) -> Marks:
        """The same with (M, 2) added to every place, sides of the square."""
        weights = self._weights.copy()
        weights[0] += by
        return Marks(weights)

    def to_note(self) -> str:
        """As text for a note."""
        return base64.b64encode(self._weights.astype("<f2").tobytes()).decode("ascii")

    @classmethod
    def from_note(cls, note: str, name: str) -> Marks:
        """The reverse.

        Args:
            note: a text that anybody may have written.
            name: of the network, for messages.

        Raises:
            ModelError: it is none.

        """
        shape = (_features(np.zeros((1, len(NAMED_INDEX)), np.float32)).shape[1], len(kept_landmarks()), 2)
        try:
            weights = np.frombuffer(base64.b64decode(note, validate=True), "<f2").astype(np.float32)
            if weights.size != np.prod(shape) or not np.isfinite(weights).all():
                raise ValueError(f"{weights.size} numbers, some of them not finite, or not {np.prod(shape)}")
        except (binascii.Error, ValueError) as error:
            raise ModelError(f"The landmarks of {name!r} cannot be read: {error}.") from error
        return cls(weights.reshape(shape))


def fit_marks(named: Floats, landmarks: Floats, size_px: int) -> Marks:
    """Fit them by ridge regression.

    Args:
        named: (N, `NAMED`) float32, codes.
        landmarks: (N, 478, 2) float32, px, where the persona's landmarks lie under each of them.
        size_px: side of the square that the landmarks lie in.

    """
    features = _features(named).astype(np.float64)
    wanted = ((landmarks[:, kept_landmarks()] + 0.5) / size_px).reshape(len(landmarks), -1).astype(np.float64)
    square = features.T @ features
    square[np.diag_indices_from(square)] += _RIDGE * len(features)
    weights = np.linalg.solve(square, features.T @ wanted)
    return Marks(weights.reshape(features.shape[1], -1, 2).astype(np.float32))


def _features(named: Floats) -> Floats:
    """(N, F) of (N, `NAMED`) codes: 1, actions, the head's angles, and the products of those."""
    actions = named[:, : len(ACTIONS)]
    yaw, pitch = (named[:, NAMED_INDEX[name], None] for name in ("headYaw", "headPitch"))
    one = np.ones_like(yaw)
    parts = (one, actions, yaw, pitch, actions * yaw, actions * pitch, yaw * yaw, pitch * pitch, yaw * pitch)
    return np.concatenate(parts, axis=1)
