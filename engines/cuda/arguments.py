"""The words that the table of kernels is written in."""

from __future__ import annotations

from typing import Final

from mien.engines.cuda.kernel import Argument, DType


def reads(name: str, holds: str, dtype: DType = "uint8", *, optional: bool = False) -> Argument:
    """Memory that is only read."""
    return Argument(name, dtype, holds, "read", optional)


def writes(name: str, holds: str, dtype: DType = "uint8") -> Argument:
    """Memory that is written, whatever was in it."""
    return Argument(name, dtype, holds, "write")


def updates(name: str, holds: str, dtype: DType = "uint8") -> Argument:
    """Memory that is changed in place."""
    return Argument(name, dtype, holds, "update")


def ints(*names: str, holds: str) -> tuple[Argument, ...]:
    """Whole numbers."""
    return tuple(Argument(name, "int32", holds) for name in names)


def floats(*names: str, holds: str) -> tuple[Argument, ...]:
    """Numbers."""
    return tuple(Argument(name, "float32", holds) for name in names)


#: What every map goes as; see `mien.engines.cuda.kernels`.
AFFINE: Final = floats("m00", "m01", "m02", "m10", "m11", "m12", holds="affine map, px")
#: What the threads of most kernels cover.
SIZE: Final = ("width", "height")
#: A frame that is sampled.
BGR: Final = (
    reads("source", "(source_height, source_width, 3) uint8 BGR"),
    *ints("pitch", holds="bytes"),
    *ints("source_width", "source_height", holds="px"),
)
#: A picture that is made smaller.
SHRINK: Final = (
    reads("source", "(source_height, source_width, channels) uint8"),
    *ints("pitch", holds="bytes"),
    *ints("source_width", "source_height", holds="px"),
    writes("out", "(height, width, channels) uint8: the mean of the source's area under each pixel"),
    *ints("out_pitch", holds="bytes"),
    *ints("width", "height", holds="px, not above the source's"),
    *ints("channels", holds="1 to 3"),
)
