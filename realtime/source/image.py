"""A still picture, repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mien.realtime.clock import Clock
from mien.realtime.errors import SourceError
from mien.realtime.frame import Frame, Pixels
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.container import check_file, check_size
from mien.realtime.source.ticker import Ticker

#: Names that are read as pictures. An animated gif is a video.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


def load_image(path: Path) -> Pixels:
    """Read a picture as (H, W, 3) uint8 BGR, turned as its EXIF data says, transparency on black.

    Its size is looked at before it is decoded. Raises `SourceError`.
    """
    check_file(path)
    try:
        with Image.open(path) as image:
            check_size(path.name, image.width, image.height)
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(
            f"{path.name!r} is not a picture that can be read: {error}.",
            hint=f"Allowed are {', '.join(sorted(IMAGE_SUFFIXES))}.",
        ) from error
    flat = Image.alpha_composite(Image.new("RGBA", upright.size, (0, 0, 0, 255)), upright)
    return np.ascontiguousarray(np.asarray(flat, np.uint8)[:, :, 2::-1])


class ImageSource:
    """One picture at `fps` frames a second, without an end. All frames share one read-only array.

    Raises `SourceError` for a file that is missing, empty, too large or not a picture.
    """

    def __init__(self, path: str | Path, *, fps: float, pace: bool, clock: Clock) -> None:
        path = Path(path)
        self._ticker = Ticker(fps, pace=pace, clock=clock)
        self._pixels = load_image(path)
        self._pixels.flags.writeable = False
        height, width = self._pixels.shape[:2]
        self._info = SourceInfo(
            path.name, width, height, fps, live=pace, detail=f"still picture {width}x{height}, repeated at {fps:g} fps"
        )

    @property
    def info(self) -> SourceInfo:
        """The picture's size and the rate asked for."""
        return self._info

    @property
    def trouble(self) -> str:
        """Nothing: what goes wrong is raised."""
        return ""

    def read(self) -> Frame | None:
        """The picture again, when it is due; None after `close`."""
        tick = self._ticker.tick()
        return None if tick is None else Frame(self._pixels, *tick)

    def close(self) -> None:
        """End the repetition; idempotent."""
        self._ticker.close()
