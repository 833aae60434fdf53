"""A frame that is being made, wherever its pixels lie: what is painted on it, and what the marker lays over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from mien.realtime.blend_terms import SAMPLE_STEP_PX
from mien.realtime.frame import Alpha, Pixels

if TYPE_CHECKING:
    # GPU hosts may have neither Pillow nor OpenCV, and only need to know what a picture is.
    from mien.realtime.plate import Raster
    from mien.realtime.watermark.embed import Embedder


class Picture(Protocol):
    """The pixels of one frame, in a computer's memory or a GPU's. The marker draws on it, and ends it.

    Used on one thread. A picture that lies elsewhere may do what it is told late, as long as `finish` waits for it.
    """

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), px."""

    @property
    def alpha(self) -> Alpha | None:
        """(H, W) uint8, writeable, of a picture that is transparent in parts; None where all of it is there."""

    def lightness(self, x0: int, y0: int, x1: int, y1: int) -> float:
        """Mean 0..255 of every `SAMPLE_STEP_PX`-th pixel, in both directions, of a box inside the frame."""

    def lay(self, raster: Raster, x: int, y: int) -> None:
        """Lay a plate over the pixels, its corner at (x, y): ``out = colour + (pixels * keep >> 8)``."""

    def watermark(self, mark: Embedder) -> None:
        """Add `mark.pattern` to each channel, with saturation."""

    def finish(self) -> Pixels:
        """Give the pixels up, (H, W, 3) uint8 BGR, writeable; the picture is not used after.

        Raises what went wrong on the way, where that is only known now.
        """


class HostPicture:
    """A picture in this computer's memory: the reference.

    Args:
        pixels: (H, W, 3) uint8 BGR, writeable; drawn into.

    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.alpha: Alpha | None = None

    @property
    def size(self) -> tuple[int, int]:
        """See `Picture`."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    def lightness(self, x0: int, y0: int, x1: int, y1: int) -> float:
        """See `Picture`."""
        return float(self.pixels[y0:y1:SAMPLE_STEP_PX, x0:x1:SAMPLE_STEP_PX].mean())

    def lay(self, raster: Raster, x: int, y: int) -> None:
        """See `Picture`."""
        width, height = raster.size
        roi = self.pixels[y : y + height, x : x + width]
        # Fixed point, 8 bits: 255 * 256 fits in uint16, and colour + kept picture never exceeds 255.
        kept = roi * raster.keep
        kept >>= 8
        kept += raster.colour
        np.copyto(roi, kept, casting="unsafe")

    def watermark(self, mark: Embedder) -> None:
        """See `Picture`."""
        mark(self.pixels)

    def finish(self) -> Pixels:
        """See `Picture`."""
        return self.pixels
