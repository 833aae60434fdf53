"""What a GPU host is given in place of a tracker, a camera and a pack: recorded once, read with NumPy alone.

One file holds frames of a rendered clip, the faces that the tracker found in them, the marks that lie on them, what the
reference painted, and a persona's networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import Face, Neutral
from mien.realtime.frame import Alignment, Floats, Pixels

#: Sizes of the decoders that are recorded.
SIZES: Final = ("small", "base")
_FACE: Final = ("landmarks", "blendshapes", "pose", "rest_scores", "rest_shape")


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A badge's pixels; what `mien.realtime.plate.Raster` is where Pillow drew it.

    Attributes:
        colour: (h, w, 3) uint16.
        keep: (h, w, 3) uint16.

    """

    colour: NDArray[np.uint16]
    keep: NDArray[np.uint16]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), px."""
        return int(self.keep.shape[1]), int(self.keep.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A watermark; what `mien.realtime.watermark.embed.Embedder` is where OpenCV adds it."""

    pattern: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame with its face, and what the reference made of it.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, as captured.
        face: as tracked.
        alignments: of the face, by size of decoder.
        expected: (H, W, 3) uint8 BGR by size: swapped, with plate and watermark.

    """

    pixels: Pixels
    face: Face
    alignments: dict[str, Alignment]
    expected: dict[str, Pixels]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """All that was recorded.

    Attributes:
        moments: each face has an id of its own, so that no state is carried from one to the next.
        plate: laid at `corner`.
        corner: (x, y), px.
        pattern: of the watermark.
        encoder: weights by name.
        decoders: weights by name, by size; "texture" among them.
        textures: of the persona, by size: (T, T, 3) float32.
        marks: the note that `mien.engines.swapnet.marks.Marks` is read from, by size.
        free: numbers in the free half of the code.

    """

    moments: tuple[Moment, ...]
    plate: Plate
    corner: tuple[int, int]
    pattern: Pattern
    encoder: dict[str, Floats]
    decoders: dict[str, dict[str, Floats]]
    textures: dict[str, Floats]
    marks: dict[str, str]
    free: int


def write_case(path: Path, case: Case) -> None:
    """Write it as one compressed file; weights go as float16, which is what a pack holds."""
    out: dict[str, Any] = {
        "count": len(case.moments), "colour": case.plate.colour, "keep": case.plate.keep, "corner": case.corner,
        "pattern": case.pattern.pattern, "free": case.free,
    }  # fmt: skip
    for index, moment in enumerate(case.moments):
        out |= {f"{index}.pixels": moment.pixels, **_face_arrays(index, moment.face)}
        for size in SIZES:
            out[f"{index}.{size}.matrix"] = moment.alignments[size].matrix
            out[f"{index}.{size}.side"] = moment.alignments[size].width
            out[f"{index}.{size}.expected"] = moment.expected[size]
    out |= {f"encoder.{name}": each.astype(np.float16) for name, each in case.encoder.items()}
    for size in SIZES:
        out |= {f"decoder.{size}.{name}": each.astype(np.float16) for name, each in case.decoders[size].items()}
        out |= {f"texture.{size}": case.textures[size].astype(np.float16), f"marks.{size}": case.marks[size]}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **out)


def read_case(path: Path) -> Case:
    """Read what `write_case` wrote."""
    with np.load(path, allow_pickle=False) as data:
        moments = tuple(_moment(data, index) for index in range(int(data["count"])))
        return Case(
            moments=moments, plate=Plate(data["colour"], data["keep"]),
            corner=(int(data["corner"][0]), int(data["corner"][1])), pattern=Pattern(data["pattern"]),
            encoder=_weights(data, "encoder."), decoders={size: _weights(data, f"decoder.{size}.") for size in SIZES},
            textures={size: data[f"texture.{size}"].astype(np.float32) for size in SIZES},
            marks={size: str(data[f"marks.{size}"]) for size in SIZES}, free=int(data["free"]),
        )  # fmt: skip


def _face_arrays(index: int, face: Face) -> dict[str, Any]:
    values: Sequence[Any] = (face.landmarks, face.blendshapes, face.pose)
    out = {f"{index}.{name}": value for name, value in zip(_FACE, values, strict=False)}
    if face.neutral is not None:
        out |= {f"{index}.rest_scores": face.neutral.blendshapes, f"{index}.rest_shape": face.neutral.shape}
    return out


def _moment(data: Any, index: int) -> Moment:  # noqa: ANN401 - NumPy's file has no type of its own
    given = {name: data[f"{index}.{name}"] for name in _FACE if f"{index}.{name}" in data}
    rest = Neutral(given["rest_shape"], given["rest_scores"]) if "rest_scores" in given else None
    face = Face(index + 1, given["landmarks"], given["blendshapes"], given["pose"], rest)
    alignments, expected = {}, {}
    for size in SIZES:
        side = int(data[f"{index}.{size}.side"])
        alignments[size] = Alignment(data[f"{index}.{size}.matrix"], side, side)
        expected[size] = data[f"{index}.{size}.expected"]
    return Moment(data[f"{index}.pixels"], face, alignments, expected)


def _weights(data: Any, prefix: str) -> dict[str, Floats]:  # noqa: ANN401 - as above
    return {name.removeprefix(prefix): data[name].astype(np.float32) for name in data.files if name.startswith(prefix)}
