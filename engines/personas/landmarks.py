"""`landmarks.json`: the portrait's tracked face, stored so that loading a pack needs no tracker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mien.realtime.errors import PersonaError
from mien.realtime.face import BLENDSHAPE_NAMES, LANDMARK_COUNT, Face
from mien.realtime.frame import Floats

MAX_LANDMARKS_BYTES = 256 * 2**10
#: How far outside the picture a landmark may lie, in picture sides: a cropped chin is possible, a face beside is not.
_OUTSIDE = 0.5
#: Least distance of the outer eye corners, px; below it there is nothing to warp.
_MIN_EYES_PX = 16.0
_EYE_CORNERS = (33, 263)

_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e5, le=1e5)]
_Score = Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=1.0)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    landmarks: Annotated[
        list[tuple[_Number, _Number, _Number]], Field(min_length=LANDMARK_COUNT, max_length=LANDMARK_COUNT)
    ]
    blendshapes: dict[str, _Score]


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """A portrait's face.

    Attributes:
        landmarks: (478, 3) float32, px of the portrait, z in the same scale; read-only.
        blendshapes: (52,) float32 in 0..1 in the order of `BLENDSHAPE_NAMES`; read-only.

    """

    landmarks: Floats
    blendshapes: Floats


def dump_landmarks(face: Face, width: int, height: int) -> bytes:
    """The file for a face in a picture of `width` x `height` px, rounded to 1/1000 px."""
    rows = [[round(float(value), 3) for value in row] for row in face.landmarks]
    scores = {
        name: round(min(max(float(s), 0.0), 1.0), 5) for name, s in zip(BLENDSHAPE_NAMES, face.blendshapes, strict=True)
    }
    parts = [
        '{"version": 1,',
        f' "width": {width}, "height": {height},',
        ' "blendshapes": {' + ", ".join(f'"{name}": {score}' for name, score in scores.items()) + "},",
        ' "landmarks": [' + ",\n  ".join(f"[{x}, {y}, {z}]" for x, y, z in rows) + "]}\n",
    ]
    return "\n".join(parts).encode("ascii")


def parse_landmarks(data: bytes, name: str, size: tuple[int, int]) -> Tracked:
    """Read the file and hold it against its portrait.

    Args:
        data: the file's bytes.
        name: what to call it in an error.
        size: the portrait's (width, height), px.

    Raises:
        PersonaError: wrong shape, a number that is not finite or out of range, or a face that is not in the portrait.

    """
    try:
        file = _File.model_validate_json(data)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in detail["loc"]) or "the file"
        raise PersonaError(f"{name}: {key} is wrong: {detail['msg']}.") from error
    if (file.width, file.height) != size:
        raise PersonaError(
            f"{name} was tracked on {file.width}x{file.height} px; the portrait has {size[0]}x{size[1]} px."
        )
    if set(file.blendshapes) != set(BLENDSHAPE_NAMES):
        odd = sorted(set(file.blendshapes) ^ set(BLENDSHAPE_NAMES))[0]
        raise PersonaError(
            f"{name}: blendshapes must have exactly MediaPipe's 52 names; {odd!r} is missing or unknown."
        )
    landmarks = np.array(file.landmarks, np.float32)
    _check_place(landmarks, name, size)
    scores = np.array([file.blendshapes[key] for key in BLENDSHAPE_NAMES], np.float32)
    landmarks.flags.writeable = scores.flags.writeable = False
    return Tracked(landmarks, scores)


def _check_place(landmarks: Floats, name: str, size: tuple[int, int]) -> None:
    sides = np.array(size, np.float32)
    xy = landmarks[:, :2]
    if (xy < -_OUTSIDE * sides).any() or (xy > (1 + _OUTSIDE) * sides).any():
        raise PersonaError(f"{name}: landmarks lie far outside the portrait of {size[0]}x{size[1]} px.")
    if np.abs(landmarks[:, 2]).max() > 2 * sides.max():
        raise PersonaError(f"{name}: landmarks are deeper than the portrait is wide.")
    left, right = xy[_EYE_CORNERS[0]], xy[_EYE_CORNERS[1]]
    if float(np.linalg.norm(right - left)) < _MIN_EYES_PX:
        raise PersonaError(f"{name}: the eyes lie less than {_MIN_EYES_PX:.0f} px apart; that is no usable face.")
