"""One picture of a clip before and after: a column for each moment, the driver above, the persona below.

For clips whose driver is rendered, such as the shipped one. Nothing here is offered for a person's own recording,
because the upper half is not marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from mien.realtime.errors import SourceError
from mien.realtime.frame import Pixels

#: Width of one picture, px.
_TILE_PX = 480
_GAP_PX = 8


def side_by_side(before: Path, after: Path, seconds: Sequence[float]) -> Pixels:
    """Columns of before over after at each of `seconds`, (H, W, 3) uint8 BGR.

    Raises:
        SourceError: a file cannot be read, or ends before one of the times.

    """
    above, below = _frames_at(before, seconds), _frames_at(after, seconds)
    columns = [_join([_tile(a), _tile(b)], axis=0) for a, b in zip(above, below, strict=True)]
    return np.ascontiguousarray(_join(columns, axis=1))


def moments(clip: Path, count: int) -> tuple[float, ...]:
    """Give `count` times spread evenly over the clip, away from its ends, seconds."""
    try:
        with av.open(str(clip)) as container:
            length_s = float(container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"'{clip.name}' cannot be read: {error}.") from error
    return tuple(length_s * (index + 1) / (count + 1) for index in range(count))


def _frames_at(clip: Path, seconds: Sequence[float]) -> list[Pixels]:
    found: list[Pixels] = []
    waiting = sorted(seconds)
    try:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                if len(found) == len(waiting):
                    break
                if frame.time is not None and frame.time >= waiting[len(found)]:
                    found.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
    except (av.FFmpegError, OSError, IndexError) as error:
        raise SourceError(f"'{clip.name}' cannot be read: {error}.") from error
    if len(found) < len(waiting):
        raise SourceError(f"'{clip.name}' ends before {waiting[len(found)]:.1f} s.")
    return found


def _tile(picture: Pixels) -> Pixels:
    height = round(picture.shape[0] * _TILE_PX / picture.shape[1])
    return np.asarray(cv2.resize(picture, (_TILE_PX, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _join(pictures: Sequence[Pixels], *, axis: int) -> Pixels:
    parts: list[Pixels] = []
    for index, picture in enumerate(pictures):
        if index:
            shape = list(picture.shape)
            shape[axis] = _GAP_PX
            parts.append(np.full(shape, 255, np.uint8))
        parts.append(picture)
    return np.concatenate(parts, axis=axis)
