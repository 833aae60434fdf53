"""Training samples on disk: aligned crops of drivers and, apart from them, what a persona answers.

One shard of drivers serves every persona: a persona's shard of the same number holds its answers in the same order, so
that a new persona is rendered alone. Shards are safetensors; pictures lie in them as JPEG, end to end.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.terms import DRIVER_PX, MARGIN, PERSONA_PX, SEEN_PX
from mien.realtime.aligner import HEAD_HEIGHT_CM
from mien.realtime.errors import SourceError
from mien.realtime.face import SKIN_LANDMARK_COUNT

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Stored crops of drivers are wider than what the network sees, by what training shifts and scales them.
STORED_MARGIN = MARGIN * DRIVER_PX / SEEN_PX
#: A persona's mask reaches beyond the landmarks' hull by this, cm in head space: they end short of the jaw's edge.
_BEYOND_CM = 0.4
#: A shard is a stranger's file once it was passed on.
_MAX_SHARD_BYTES = 2**30
_MAX_SAMPLES = 4096
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_GREY = [cv2.IMWRITE_JPEG_QUALITY, 90]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """N encoded pictures, end to end.

    Attributes:
        data: (B,) uint8.
        ends: (N,) int64, where each one ends.

    """

    data: Pixels
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def at(self, index: int, *, grey: bool = False) -> Pixels:
        """One of them, decoded: (S, S, 3) uint8 BGR, or (S, S) uint8.

        Raises:
            SourceError: it is damaged.

        """
        begin = int(self.ends[index - 1]) if index else 0
        mode = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
        picture = cv2.imdecode(self.data[begin : int(self.ends[index])], mode)
        if picture is None or picture.shape[0] != picture.shape[1] or picture.shape[0] not in (DRIVER_PX, PERSONA_PX):
            raise SourceError(f"picture {index} of a shard is damaged.", hint="Remove the shard; it is made again.")
        return np.asarray(picture, np.uint8)

    def digest(self) -> bytes:
        """SHA-256 of all of them."""
        return hashlib.sha256(self.data.tobytes()).digest()

    @classmethod
    def encode(cls, pictures: list[Pixels]) -> Pictures:
        """Of equally many channels each."""
        coded = [cv2.imencode(".jpg", each, _GREY if each.ndim == 2 else _JPEG)[1].ravel() for each in pictures]
        data = np.concatenate(coded) if coded else np.zeros(0, np.uint8)
        return cls(data, np.cumsum([len(each) for each in coded]).astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class DriverShard:
    """What N frames of drivers show.

    Attributes:
        pixels: (`DRIVER_PX`, `DRIVER_PX`, 3) BGR each, upright; its middle part is what the network sees.
        front: (`DRIVER_PX`, `DRIVER_PX`) each, 255 where hair or an object is before the face.
        tracked: (N, `code.TRACKED_SIZE`) float32.
        named: (N, `code.NAMED`) float32, the truth; NaN where it is not known (footage).
        person: (N,) int64, who.

    """

    pixels: Pictures
    front: Pictures
    tracked: Floats
    named: Floats
    person: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PersonaShard:
    """What a persona answers to the drivers of the shard of the same number.

    Attributes:
        pixels: (`PERSONA_PX`, `PERSONA_PX`, 3) BGR each, upright, in the persona's own constant light.
        mask: (`PERSONA_PX`, `PERSONA_PX`) each, 255 on its face.
        landmarks: (N, 478, 2) float32, px of the crop.

    """

    pixels: Pictures
    mask: Pictures
    landmarks: Floats


def wide_hull(landmarks: Floats, size_px: int) -> Pixels:
    """(S, S) uint8, 255 in the hull of (478, 2) landmarks, px of the square, and 0.4 cm of the head around it."""
    inside = np.zeros((size_px, size_px), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(landmarks[:SKIN_LANDMARK_COUNT].astype(np.int32)), 255)
    reach = max(1, round(_BEYOND_CM * size_px / (MARGIN * HEAD_HEIGHT_CM)))
    return np.asarray(cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)), np.uint8)


def softened(mask: Pixels) -> Pixels:
    """A (S, S) mask with an edge that is soft over a pixel of 256."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), mask.shape[0] / 256), np.uint8)


def drivers_place(folder: Path, shard: int) -> Path:
    """Where a shard of drivers lies."""
    return folder / f"drivers-{shard:05d}.safetensors"


def persona_place(folder: Path, name: str, shard: int) -> Path:
    """Where a persona's shard lies."""
    return folder / f"{name}-{shard:05d}.safetensors"


def write_shard(path: Path, shard: DriverShard | PersonaShard) -> None:
    """Write a shard; until all of it is there, the file has another name."""
    from safetensors.numpy import save_file

    arrays: dict[str, NDArray[Any]] = {}
    for field in fields(shard):
        value = getattr(shard, field.name)
        if isinstance(value, Pictures):
            arrays |= {f"{field.name}.data": value.data, f"{field.name}.ends": value.ends}
        else:
            arrays[field.name] = value
    part = path.with_suffix(f".{os.getpid()}.part")
    save_file(arrays, part)
    part.replace(path)


def read_drivers(path: Path) -> DriverShard:
    """One shard of drivers.

    Raises:
        SourceError: it is none, is cut short, or its arrays do not fit together.

    """
    shapes = {"tracked": (TRACKED_SIZE,), "named": (len(NAMED),), "person": ()}
    return DriverShard(**_read(path, ("pixels", "front"), shapes))


def read_persona(path: Path) -> PersonaShard:
    """One shard of a persona.

    Raises:
        SourceError: it is none, is cut short, or its arrays do not fit together.

    """
    return PersonaShard(**_read(path, ("pixels", "mask"), {"landmarks": (478, 2)}))


def _read(path: Path, pictures: tuple[str, ...], arrays: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if path.stat().st_size > _MAX_SHARD_BYTES:
            raise ValueError("it is larger than 1 GB")
        found = load_file(path)
        out: dict[str, Any] = {name: Pictures(found[f"{name}.data"], found[f"{name}.ends"]) for name in pictures}
        out |= {name: found[name] for name in arrays}
        lengths = {len(value) for value in out.values()}
        if len(lengths) != 1 or max(lengths) > _MAX_SAMPLES:
            raise ValueError("its arrays are not of one length")
        for name, shape in arrays.items():
            kind = np.int64 if name == "person" else np.float32
            if out[name].shape[1:] != shape or out[name].dtype != kind:
                raise ValueError(f"{name} has the shape {out[name].shape} and the type {out[name].dtype}")
        for name in pictures:
            ends = out[name].ends
            if (np.diff(ends, prepend=0) <= 0).any() or (len(ends) and ends[-1] != len(out[name].data)):
                raise ValueError(f"{name} is cut short")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is no shard of samples, or is damaged: {error}.") from error
    return out
