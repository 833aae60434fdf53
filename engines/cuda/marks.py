"""What of the marker's plates and watermark goes to a device; GPU hosts need not be able to draw them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Plated(Protocol):
    """What is read of a `mien.realtime.plate.Raster`."""

    @property
    def colour(self) -> NDArray[np.uint16]:
        """See `Raster`."""

    @property
    def keep(self) -> NDArray[np.uint16]:
        """See `Raster`."""

    @property
    def size(self) -> tuple[int, int]:
        """See `Raster`."""


class Patterned(Protocol):
    """What is read of a `mien.realtime.watermark.embed.Embedder`."""

    @property
    def pattern(self) -> NDArray[np.int8]:
        """See `Embedder`."""
