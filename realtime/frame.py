"""The values that flow along the live path. Frozen; shape and dtype are checked once, at the door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.realtime.errors import MienError

#: (H, W, 3) uint8, BGR: what cameras and OpenCV speak without a conversion.
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
#: (H, W) uint8, how much of each pixel is there: 0 nothing, 255 all of it.
Alpha = NDArray[np.uint8]

#: Least and greatest side of a picture, px. The upper bound is 8K with room for odd aspect ratios.
MIN_SIDE_PX = 16
MAX_SIDE_PX = 8192


class FrameError(MienError, ValueError):
    """Pixels of the wrong shape or type."""


def check_pixels(pixels: Pixels, name: str = "pixels") -> None:
    """Raise `FrameError` unless `pixels` is (H, W, 3) uint8, C-contiguous, each side 16 to 8192 px."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise FrameError(f"{name} must be (H, W, 3) uint8 BGR, got {pixels.shape} {pixels.dtype}.")
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in pixels.shape[:2]):
        raise FrameError(
            f"{name} has sides {pixels.shape[1]}x{pixels.shape[0]}; each must be {MIN_SIDE_PX} to {MAX_SIDE_PX} px."
        )
    if not pixels.flags.c_contiguous:
        raise FrameError(f"{name} must be C-contiguous; pass numpy.ascontiguousarray({name}).")


def check_alpha(alpha: Alpha, pixels: Pixels) -> None:
    """Raise `FrameError` unless `alpha` is (H, W) uint8 of the size of `pixels`."""
    if alpha.dtype != np.uint8 or alpha.shape != pixels.shape[:2]:
        raise FrameError(f"alpha must be {pixels.shape[:2]} uint8, got {alpha.shape} {alpha.dtype}.")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One unprocessed picture of a source. It never reaches a sink: sinks take `MarkedFrame` alone.

    Attributes:
        pixels: (H, W, 3) uint8, BGR, C-contiguous; owned by this frame, nobody writes to it after.
        sequence: 0, 1, 2, ... in the order of capture; a gap means frames that a mailbox dropped.
        capture_ns: `Clock.now_ns` stamped before the picture was decoded or converted.
        media_ns: place on the source's own time line, ns from its start (a file's presentation time; for a
            camera, time since the first frame). Never decreases within one source.

    """

    pixels: Pixels
    sequence: int
    capture_ns: int
    media_ns: int

    def __post_init__(self) -> None:
        check_pixels(self.pixels)

    @property
    def width(self) -> int:
        """Width, px."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height, px."""
        return int(self.pixels.shape[0])

    def __repr__(self) -> str:
        return f"Frame(#{self.sequence}, {self.width}x{self.height}, media {self.media_ns / 1e6:.1f} ms)"


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where a crop lies in its frame.

    Attributes:
        matrix: (2, 3) float32 affine that takes frame pixel centres (x, y) to crop pixel centres.
        width: crop's width, px.
        height: crop's height, px.

    """

    matrix: Floats
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.matrix.shape != (2, 3) or self.matrix.dtype != np.float32:
            raise FrameError(f"alignment matrix must be (2, 3) float32, got {self.matrix.shape} {self.matrix.dtype}.")
        if self.width < 1 or self.height < 1:
            raise FrameError(f"alignment size must be positive, got {self.width}x{self.height}.")

    @property
    def offset(self) -> tuple[int, int] | None:
        """(x, y) of the crop's corner in the frame if the crop is a plain window of it, else None.

        A window needs no resampling on the way in or back; `mesh` works so, at the frame's own resolution.
        """
        (a, b, x), (c, d, y) = self.matrix.tolist()
        if (a, b, c, d) == (1, 0, 0, 1) and x.is_integer() and y.is_integer():
            return -int(x), -int(y)
        return None

    def apply(self, points: Floats) -> Floats:
        """Take (N, 2) float32 frame points to the crop."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    @classmethod
    def window(cls, x: int, y: int, width: int, height: int) -> Alignment:
        """A crop that is the frame's window with its corner at (x, y); may reach over the frame's edge."""
        return cls(np.array([[1, 0, -x], [0, 1, -y]], np.float32), width, height)


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A face as an engine sees it: `pixels` (h, w, 3) uint8 BGR in the aligned frame of `alignment`."""

    pixels: Pixels
    alignment: Alignment


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What an engine gives back, in the same aligned frame as its crop.

    Attributes:
        pixels: (h, w, 3) uint8 BGR, the persona.
        mask: (h, w) uint8, 0 = driver's pixel stays, 255 = persona's pixel. Already soft where the engine knows
            better than a feather (lips, lids); the blend erodes and feathers only its outer border.
        colour: whether the blend should match the patch's colour to the driver's light. False for a patch that
            was lit by the engine, and for portrait mode.
        lit: (h, w) uint8 or None: 255 where the pixels already have the driver's light (the mouth's inside comes from
            his own picture, and a white of the eye must not follow the skin), so the colour match passes them by.

    """

    pixels: Pixels
    mask: NDArray[np.uint8]
    colour: bool = True
    lit: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if self.mask.dtype != np.uint8 or self.mask.shape != self.pixels.shape[:2]:
            raise FrameError(
                f"patch mask must be uint8 {self.pixels.shape[:2]}, got {self.mask.shape} {self.mask.dtype}."
            )
        if self.lit is not None and (self.lit.dtype != np.uint8 or self.lit.shape != self.mask.shape):
            raise FrameError(f"patch lit must be uint8 {self.mask.shape}, got {self.lit.shape} {self.lit.dtype}.")


#: What a frame that leaves is. There is no fourth kind, and none without a mark.
Kind = Literal["persona", "slate", "camera"]
