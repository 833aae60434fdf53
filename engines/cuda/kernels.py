"""The table of all kernels: what launches are checked against, and what the sources must declare.

Pictures are rows of `pitch` bytes. An affine map goes as six float32, `m00 m01 m02 m10 m11 m12`, and takes (x, y) of
what a kernel writes to ``(m00 x + m01 y + m02, m10 x + m11 y + m12)`` of what it reads, between pixel centres. Each
kernel computes what the CPU reference named at its group does; `tests/cuda` holds it to that.
"""

from __future__ import annotations

from typing import Final

from mien.engines.cuda.kernel import TILE, Argument, Dim3, DType, Kernel

#: Threads of a kernel that runs as one block.
ONE_BLOCK: Final[Dim3] = (256, 1, 1)
#: Floats of the statistics and of the smoothed state: driver's mean and std of L, a, b, the patch's mean and std, and
#: last the number of samples (0: too few to tell) or, in the state, whether it is set.
STATISTICS: Final = 13
#: Floats of a colour map: (3, 4) as `mien.realtime.colour` gives it, and last whether it holds.
COLOUR_MAP: Final = 13


def _in(name: str, holds: str, dtype: DType = "uint8", *, optional: bool = False) -> Argument:
    return Argument(name, dtype, holds, "read", optional)


def _out(name: str, holds: str, dtype: DType = "uint8", *, optional: bool = False) -> Argument:
    return Argument(name, dtype, holds, "write", optional)


def _both(name: str, holds: str, dtype: DType = "uint8") -> Argument:
    return Argument(name, dtype, holds, "update")


def _int(*names: str, holds: str) -> tuple[Argument, ...]:
    return tuple(Argument(name, "int32", holds) for name in names)


def _float(*names: str, holds: str) -> tuple[Argument, ...]:
    return tuple(Argument(name, "float32", holds) for name in names)


_AFFINE: Final = _float("m00", "m01", "m02", "m10", "m11", "m12", holds="affine map, px")
_SIZE: Final = ("width", "height")

# -- crop.cu: `aligner.crop`, `cv2.resize` with INTER_AREA, NV12 to BGR as `cv2.cvtColor` does it; and the way back from
# a network's numbers, `swapnet.texture.levels_of`

_BGR: Final = (
    _in("source", "(source_height, source_width, 3) uint8 BGR"),
    *_int("pitch", holds="bytes"),
    *_int("source_width", "source_height", holds="px"),
)
_NV12: Final = (
    _in("luma", "(source_height, source_width) uint8, BT.601 limited"),
    *_int("luma_pitch", holds="bytes"),
    _in("chroma", "(source_height / 2, source_width / 2, 2) uint8, U then V"),
    *_int("chroma_pitch", holds="bytes"),
    *_int("source_width", "source_height", holds="px, even"),
)
_LEVELS_OUT: Final = (
    _out("out", "(height, width, 3) uint8 BGR"),
    *_int("out_pitch", holds="bytes"),
    *_int("width", "height", holds="px"),
    *_AFFINE,
)


_SHRINK: Final = (
    _in("source", "(source_height, source_width, channels) uint8"),
    *_int("pitch", holds="bytes"),
    *_int("source_width", "source_height", holds="px"),
    _out("out", "(height, width, channels) uint8: the mean of the source's area under each pixel"),
    *_int("out_pitch", holds="bytes"),
    *_int("width", "height", holds="px, not above the source's"),
    *_int("channels", holds="1 to 3"),
)


def _tensor_out(dtype: DType) -> tuple[Argument, ...]:
    return (
        _out("out", "level * scale + bias; channel c of pixel i at c * channel_stride + i * pixel_stride", dtype),
        *_int("channel_stride", "pixel_stride", holds="elements: (width * height, 1) for NCHW, (1, 3) for NHWC"),
        *_int("width", "height", holds="px"),
        *_AFFINE,
        *_float("scale", "bias", holds="of the level 0..255"),
        *_int("rgb", holds="1: channels are R, G, B; 0: B, G, R"),
    )


def _levels(name: str, dtype: DType) -> Kernel:
    return Kernel(
        name,
        "crop.cu",
        (
            _in("tensor", "channel c of pixel i at c * channel_stride + i * pixel_stride", dtype),
            *_int("channel_stride", "pixel_stride", holds="elements"),
            *_int("channels", holds="1 to 3"),
            *_int("rgb", holds="1: channels are R, G, B and are written B, G, R; 0: written in order"),
            *_float("scale", "bias", holds="level = value * scale + bias, rounded and cut to 0..255"),
            _out("out", "(height, width, channels) uint8"),
            *_int("out_pitch", holds="bytes"),
            *_int("width", "height", holds="px"),
            _out("not_finite", "(1,) int32, zeroed before: set to 1 if any value is not finite", "int32"),
        ),
        over=_SIZE,
    )


_CROP: Final = (
    Kernel("area_shrink", "crop.cu", _SHRINK, over=_SIZE),
    Kernel("crop_bgr_u8", "crop.cu", _BGR + _LEVELS_OUT, over=_SIZE),
    Kernel("crop_bgr_f32", "crop.cu", _BGR + _tensor_out("float32"), over=_SIZE),
    Kernel("crop_bgr_f16", "crop.cu", _BGR + _tensor_out("uint16"), over=_SIZE),
    Kernel("crop_nv12_u8", "crop.cu", _NV12 + _LEVELS_OUT, over=_SIZE),
    Kernel("crop_nv12_f32", "crop.cu", _NV12 + _tensor_out("float32"), over=_SIZE),
    Kernel("crop_nv12_f16", "crop.cu", _NV12 + _tensor_out("uint16"), over=_SIZE),
    Kernel(
        "nv12_to_bgr",
        "crop.cu",
        (*_NV12, _out("out", "(source_height, source_width, 3) uint8 BGR"), *_int("out_pitch", holds="bytes")),
        over=("source_width", "source_height"),
    ),
    _levels("levels_f32", "float32"),
    _levels("levels_f16", "uint16"),
)

# -- mask.cu: `blend.erode_feather`, in four steps over a mask that `area_shrink` has shrunk where it is large

_MASK: Final = (
    Kernel(
        "mask_outside",
        "mask.cu",
        (
            _in("mask", "(height, width) uint8"),
            *_int("pitch", holds="bytes"),
            _out("outside", "(height, width) uint8: 1 below level 32 and joined to the array's edge, else 0"),
            *_int("width", "height", holds="px"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "mask_row_distance",
        "mask.cu",
        (
            _in("outside", "(height, width) uint8, 0 or 1"),
            _out("distance", "(height, width) uint8: px to the nearest outside pixel of the row, at most reach + 1"),
            *_int("width", "height", holds="px"),
            *_int("reach", holds="px, 0 to 254: beyond it nothing changes; at least erode_px + feather_px"),
        ),
        over=_SIZE,
    ),
    Kernel(
        "mask_ramp",
        "mask.cu",
        (
            _in("distance", "(height, width) uint8 of mask_row_distance"),
            _out("ramp", "(height, width) uint8: 0 outside, rising to 255"),
            *_int("width", "height", holds="px"),
            *_int("reach", holds="as given to mask_row_distance"),
            *_float("erode_px", "feather_px", holds="px; feather_px above 0"),
        ),
        over=_SIZE,
    ),
    Kernel(
        "mask_feather",
        "mask.cu",
        (
            _in("mask", "(height, width) uint8"),
            *_int("pitch", holds="bytes"),
            _in("ramp", "(ramp_height, ramp_width) uint8"),
            *_int("ramp_width", "ramp_height", holds="px, not above the mask's"),
            _out("out", "(height, width) uint8: mask * ramp / 255"),
            *_int("out_pitch", holds="bytes"),
            *_int("width", "height", holds="px"),
        ),
        over=_SIZE,
    ),
    Kernel(
        "mask_multiply",
        "mask.cu",
        (
            _in("mask", "(height, width) uint8"),
            *_int("pitch", holds="bytes"),
            _in("other", "(height, width) uint8"),
            *_int("other_pitch", holds="bytes"),
            *_int("inverted", holds="1: multiply by 255 - other (what is before the face); 0: by other"),
            _out("out", "(height, width) uint8: mask * other / 255; may be mask"),
            *_int("out_pitch", holds="bytes"),
            *_int("width", "height", holds="px"),
        ),
        over=_SIZE,
    ),
)

# -- statistics.cu: `colour.ColourMatcher`, the badge's lightness, the compositor's check of what was painted

_PATCH: Final = (
    _in("patch", "(height, width, 3) uint8 BGR"),
    *_int("patch_pitch", holds="bytes"),
    _in("mask", "(height, width) uint8; samples are taken where it is at least 128"),
    *_int("mask_pitch", holds="bytes"),
    *_int("width", "height", holds="px"),
    *_int("step", holds="px between samples, `colour.sample_step`"),
)
_STATISTICS: Final = (
    # As area_shrink, a block for each mean: for a few large areas, as the cover's mosaic has them.
    Kernel("area_means", "statistics.cu", _SHRINK, block=ONE_BLOCK, over=_SIZE, tile=(1, 1)),
    Kernel(
        "lab_statistics",
        "statistics.cu",
        (
            *_BGR,
            *_PATCH,
            *_AFFINE,
            _out("statistics", "(13,) float32, see STATISTICS; the map takes a SAMPLE's (column, row)", "float32"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "colour_fit",
        "statistics.cu",
        (
            *_PATCH,
            _in("statistics", "(13,) float32 of lab_statistics", "float32"),
            _both("state", "(13,) float32 of one person, zeroed at first and to reset", "float32"),
            _both("state_ns", "(1,) int64, media time of the state", "int64"),
            Argument("media_ns", "int64", "the frame's time, ns"),
            *_float("strength", holds="0..1, the part of the driver's mean colour that is taken over"),
            *_float("time_constant_s", holds="of the smoothing; 0 for none"),
            _out("colour", "(13,) float32, see COLOUR_MAP; the identity where nothing can be told", "float32"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "region_mean",
        "statistics.cu",
        (
            _in("picture", "first byte of a (height, width, 3) uint8 region"),
            *_int("pitch", holds="bytes"),
            *_int("width", "height", holds="px"),
            *_int("step", holds="px between samples"),
            _out("mean", "(1,) float32, of all three channels", "float32"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "painted_area",
        "statistics.cu",
        (
            _in("mask", "(height, width) uint8"),
            *_int("pitch", holds="bytes"),
            *_int("width", "height", holds="px"),
            *_AFFINE,
            *_int("frame_width", "frame_height", holds="px: only what lies in the frame counts"),
            _out("area", "(1,) int32, px of the mask above 127", "int32"),
        ),
        block=(1024, 1, 1),
    ),
)

# -- blend.cu: `blend.paste`, `bystanders.cover`, the fade, `badge.Badge.draw`, `watermark.embed.Embedder`

_PICTURE: Final = (
    _both("picture", "(frame_height, frame_width, 3) uint8 BGR"),
    *_int("pitch", holds="bytes"),
    *_int("frame_width", "frame_height", holds="px"),
    *_int("x", "y", holds="corner of the region, px; may lie outside the frame"),
    *_int("width", "height", holds="of the region, px; cut off at the frame's edge"),
)
_BLEND: Final = (
    Kernel(
        "paste",
        "blend.cu",
        (
            *_PICTURE,
            _in("patch", "(patch_height, patch_width, 3) uint8 BGR"),
            *_int("patch_pitch", holds="bytes"),
            _in("mask", "(patch_height, patch_width) uint8"),
            *_int("mask_pitch", holds="bytes"),
            _in("lit", "as mask: what is laid again in the patch's own colour where a map holds; or 0", optional=True),
            *_int("lit_pitch", holds="bytes"),
            *_int("patch_width", "patch_height", holds="px"),
            *_AFFINE,
            _in("colour", "(13,) float32 of colour_fit; or 0 for none", "float32", optional=True),
        ),
        over=_SIZE,
    ),
    Kernel(
        "cover",
        "blend.cu",
        (
            *_PICTURE,
            _in("mosaic", "(rows, columns, 3) uint8 BGR: area_means of the region"),
            *_int("columns", "rows", holds="of the mosaic"),
            *_int("blur_px", holds="side of the mean that softens the blocks, odd"),
            *_float("centre_x", "centre_y", holds="of the ellipse in the region, px"),
            *_float("half_x", "half_y", holds="its half axes, px"),
            *_float("feather", holds="of its edge, in half axes"),
        ),
        over=_SIZE,
    ),
    Kernel(
        "sprite",
        "blend.cu",
        (
            *_PICTURE,
            _in("colour", "(height, width, 3) uint16 BGR 0..255, times its opacity", "uint16"),
            _in("keep", "(height, width, 3) uint16 0..256: how much of the picture stays", "uint16"),
        ),
        over=_SIZE,
    ),
    Kernel(
        "fade",
        "blend.cu",
        (
            _both("picture", "(height, width, 3) uint8 BGR"),
            *_int("pitch", holds="bytes"),
            _in("other", "(height, width, 3) uint8 BGR"),
            *_int("other_pitch", holds="bytes"),
            *_int("width", "height", holds="px"),
            *_float("share", holds="0..1, how much of picture stays"),
        ),
        over=_SIZE,
    ),
    Kernel(
        "watermark",
        "blend.cu",
        (
            _both("picture", "(height, width, 3) uint8 BGR"),
            *_int("pitch", holds="bytes"),
            _in("pattern", "(height, width) int8 of `watermark.embed.pattern`", "int8"),
            *_int("width", "height", holds="px"),
        ),
        over=_SIZE,
    ),
)

# -- output.cu: `sink.yuv.to_i420`; an odd side's last column or row is repeated

_QUADS: Final = (2 * TILE[0], 2 * TILE[1])
_PICTURE_IN: Final = (
    _in("picture", "(height, width, 3) uint8 BGR"),
    *_int("pitch", holds="bytes"),
    *_int("width", "height", holds="px"),
    _out("luma", "(2 * ceil(height / 2), 2 * ceil(width / 2)) uint8, BT.601 limited"),
    *_int("luma_pitch", holds="bytes"),
)
_OUTPUT: Final = (
    Kernel(
        "bgr_to_nv12",
        "output.cu",
        (
            *_PICTURE_IN,
            _out("chroma", "(ceil(height / 2), ceil(width / 2), 2) uint8, U then V"),
            *_int("chroma_pitch", holds="bytes"),
        ),
        over=_SIZE,
        tile=_QUADS,
    ),
    Kernel(
        "bgr_to_i420",
        "output.cu",
        (
            *_PICTURE_IN,
            _out("chroma_u", "(ceil(height / 2), ceil(width / 2)) uint8"),
            _out("chroma_v", "(ceil(height / 2), ceil(width / 2)) uint8"),
            *_int("chroma_pitch", holds="bytes"),
        ),
        over=_SIZE,
        tile=_QUADS,
    ),
)

#: All kernels by name.
KERNELS: Final = {kernel.name: kernel for kernel in (*_CROP, *_MASK, *_STATISTICS, *_BLEND, *_OUTPUT)}
#: The sources in the order in which they are compiled.
SOURCES: Final = tuple(dict.fromkeys(kernel.source for kernel in KERNELS.values()))
