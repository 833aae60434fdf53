"""The table of `crop.cu`: what an engine sees of a frame, and a network's numbers as levels.

Its references are `aligner.crop`, `cv2.resize` with INTER_AREA, `cv2.cvtColor` from NV12, and `texture.levels_of`.
"""

from __future__ import annotations

from typing import Final

from mien.engines.cuda.arguments import AFFINE, BGR, SHRINK, SIZE, floats, ints, reads, writes
from mien.engines.cuda.kernel import Argument, DType, Kernel

_NV12: Final = (
    reads("luma", "(source_height, source_width) uint8, BT.601 limited"),
    *ints("luma_pitch", holds="bytes"),
    reads("chroma", "(source_height / 2, source_width / 2, 2) uint8, U then V"),
    *ints("chroma_pitch", holds="bytes"),
    *ints("source_width", "source_height", holds="px, even"),
)
_LEVELS_OUT: Final = (
    writes("out", "(height, width, 3) uint8 BGR"),
    *ints("out_pitch", holds="bytes"),
    *ints("width", "height", holds="px"),
    *AFFINE,
)


def _tensor_out(dtype: DType) -> tuple[Argument, ...]:
    return (
        writes("out", "level * scale + bias; channel c of pixel i at c * channel_stride + i * pixel_stride", dtype),
        *ints("channel_stride", "pixel_stride", holds="elements: (width * height, 1) for NCHW, (1, 3) for NHWC"),
        *ints("width", "height", holds="px"),
        *AFFINE,
        *floats("scale", "bias", holds="of the level 0..255"),
        *ints("rgb", holds="1: channels are R, G, B; 0: B, G, R"),
    )


def _levels(name: str, dtype: DType) -> Kernel:
    return Kernel(
        name,
        "crop.cu",
        (
            reads("tensor", "channel c of pixel i at c * channel_stride + i * pixel_stride", dtype),
            *ints("channel_stride", "pixel_stride", holds="elements"),
            *ints("channels", holds="1 to 3"),
            *ints("rgb", holds="1: channels are R, G, B and are written B, G, R; 0: written in order"),
            *floats("scale", "bias", holds="level = value * scale + bias, rounded and cut to 0..255"),
            writes("out", "(height, width, channels) uint8"),
            *ints("out_pitch", holds="bytes"),
            *ints("width", "height", holds="px"),
            writes("not_finite", "(1,) int32, zeroed before: set to 1 if any value is not finite", "int32"),
        ),
        over=SIZE,
    )


CROP: Final = (
    Kernel("area_shrink", "crop.cu", SHRINK, over=SIZE),
    Kernel("crop_bgr_u8", "crop.cu", BGR + _LEVELS_OUT, over=SIZE),
    Kernel("crop_bgr_f32", "crop.cu", BGR + _tensor_out("float32"), over=SIZE),
    Kernel("crop_bgr_f16", "crop.cu", BGR + _tensor_out("uint16"), over=SIZE),
    Kernel("crop_nv12_u8", "crop.cu", _NV12 + _LEVELS_OUT, over=SIZE),
    Kernel("crop_nv12_f32", "crop.cu", _NV12 + _tensor_out("float32"), over=SIZE),
    Kernel("crop_nv12_f16", "crop.cu", _NV12 + _tensor_out("uint16"), over=SIZE),
    Kernel(
        "nv12_to_bgr",
        "crop.cu",
        (*_NV12, writes("out", "(source_height, source_width, 3) uint8 BGR"), *ints("out_pitch", holds="bytes")),
        over=("source_width", "source_height"),
    ),
    _levels("levels_f32", "float32"),
    _levels("levels_f16", "uint16"),
)
