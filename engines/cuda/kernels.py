"""The table of all kernels: what launches are checked against, and what the sources must declare.

Pictures are rows of `pitch` bytes. An affine map goes as six float32, `m00 m01 m02 m10 m11 m12`, and takes (x, y) of
what a kernel writes to ``(m00 x + m01 y + m02, m10 x + m11 y + m12)`` of what it reads, between pixel centres. Each
kernel computes what the CPU reference named at its group does; `tests/cuda` holds it to that.
"""

from __future__ import annotations

from typing import Final

from mien.engines.cuda.arguments import AFFINE, BGR, SHRINK, SIZE, floats, ints, reads, updates, writes
from mien.engines.cuda.crop_kernels import CROP
from mien.engines.cuda.kernel import TILE, Argument, Dim3, Kernel

#: Threads of a kernel that runs as one block.
ONE_BLOCK: Final[Dim3] = (256, 1, 1)
#: Floats of the statistics and of the smoothed state: driver's mean and std of L, a, b, the patch's mean and std, and
#: last the number of samples (0: too few to tell) or, in the state, whether it is set.
STATISTICS: Final = 13
#: Floats of a colour map: (3, 4) as `mien.realtime.colour` gives it, and last whether it holds.
COLOUR_MAP: Final = 13

# -- mask.cu: `blend.erode_feather`, in four steps over a mask that `area_shrink` has shrunk where it is large

_MASK: Final = (
    Kernel(
        "mask_outside",
        "mask.cu",
        (
            reads("mask", "(height, width) uint8"),
            *ints("pitch", holds="bytes"),
            writes("outside", "(height, width) uint8: 1 below level 32 and joined to the array's edge, else 0"),
            *ints("width", "height", holds="px"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "mask_row_distance",
        "mask.cu",
        (
            reads("outside", "(height, width) uint8, 0 or 1"),
            writes("distance", "(height, width) uint8: px to the nearest outside pixel of the row, at most reach + 1"),
            *ints("width", "height", holds="px"),
            *ints("reach", holds="px, 0 to 254: beyond it nothing changes; at least erode_px + feather_px"),
        ),
        over=SIZE,
    ),
    Kernel(
        "mask_ramp",
        "mask.cu",
        (
            reads("distance", "(height, width) uint8 of mask_row_distance"),
            writes("ramp", "(height, width) uint8: 0 outside, rising to 255"),
            *ints("width", "height", holds="px"),
            *ints("reach", holds="as given to mask_row_distance"),
            *floats("erode_px", "feather_px", holds="px; feather_px above 0"),
        ),
        over=SIZE,
    ),
    Kernel(
        "mask_feather",
        "mask.cu",
        (
            reads("mask", "(height, width) uint8"),
            *ints("pitch", holds="bytes"),
            reads("ramp", "(ramp_height, ramp_width) uint8"),
            *ints("ramp_width", "ramp_height", holds="px, not above the mask's"),
            writes("out", "(height, width) uint8: mask * ramp / 255"),
            *ints("out_pitch", holds="bytes"),
            *ints("width", "height", holds="px"),
        ),
        over=SIZE,
    ),
    Kernel(
        "mask_multiply",
        "mask.cu",
        (
            reads("mask", "(height, width) uint8"),
            *ints("pitch", holds="bytes"),
            reads("other", "(height, width) uint8"),
            *ints("other_pitch", holds="bytes"),
            *ints("inverted", holds="1: multiply by 255 - other (what is before the face); 0: by other"),
            writes("out", "(height, width) uint8: mask * other / 255; may be mask"),
            *ints("out_pitch", holds="bytes"),
            *ints("width", "height", holds="px"),
        ),
        over=SIZE,
    ),
)

# -- statistics.cu: `colour.ColourMatcher`, the badge's lightness, the compositor's check of what was painted

_PATCH: Final = (
    reads("patch", "(height, width, 3) uint8 BGR"),
    *ints("patch_pitch", holds="bytes"),
    reads("mask", "(height, width) uint8; samples are taken where it is at least 128"),
    *ints("mask_pitch", holds="bytes"),
    *ints("width", "height", holds="px"),
    *ints("step", holds="px between samples, `colour.sample_step`"),
)
_STATISTICS: Final = (
    # As area_shrink, a block for each mean: for a few large areas, as the cover's mosaic has them.
    Kernel("area_means", "statistics.cu", SHRINK, block=ONE_BLOCK, over=SIZE, tile=(1, 1)),
    Kernel(
        "lab_statistics",
        "statistics.cu",
        (
            *BGR,
            *_PATCH,
            *AFFINE,
            writes("statistics", "(13,) float32, see STATISTICS; the map takes a SAMPLE's (column, row)", "float32"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "colour_fit",
        "statistics.cu",
        (
            *_PATCH,
            reads("statistics", "(13,) float32 of lab_statistics", "float32"),
            updates("state", "(13,) float32 of one person, zeroed at first and to reset", "float32"),
            updates("state_ns", "(1,) int64, media time of the state", "int64"),
            Argument("media_ns", "int64", "the frame's time, ns"),
            *floats("strength", holds="0..1, the part of the driver's mean colour that is taken over"),
            *floats("time_constant_s", holds="of the smoothing; 0 for none"),
            writes("colour", "(13,) float32, see COLOUR_MAP; the identity where nothing can be told", "float32"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "region_mean",
        "statistics.cu",
        (
            reads("picture", "first byte of a (height, width, 3) uint8 region"),
            *ints("pitch", holds="bytes"),
            *ints("width", "height", holds="px"),
            *ints("step", holds="px between samples"),
            writes("mean", "(1,) float32, of all three channels", "float32"),
        ),
        block=ONE_BLOCK,
    ),
    Kernel(
        "painted_area",
        "statistics.cu",
        (
            reads("mask", "(height, width) uint8"),
            *ints("pitch", holds="bytes"),
            *ints("width", "height", holds="px"),
            *AFFINE,
            *ints("frame_width", "frame_height", holds="px: only what lies in the frame counts"),
            writes("area", "(1,) int32, px of the mask above 127", "int32"),
        ),
        block=(1024, 1, 1),
    ),
)

# -- blend.cu: `blend.paste`, `bystanders.cover`, the fade, `badge.Badge.draw`, `watermark.embed.Embedder`

_PICTURE: Final = (
    updates("picture", "(frame_height, frame_width, 3) uint8 BGR"),
    *ints("pitch", holds="bytes"),
    *ints("frame_width", "frame_height", holds="px"),
    *ints("x", "y", holds="corner of the region, px; may lie outside the frame"),
    *ints("width", "height", holds="of the region, px; cut off at the frame's edge"),
)
_BLEND: Final = (
    Kernel(
        "paste",
        "blend.cu",
        (
            *_PICTURE,
            reads("patch", "(patch_height, patch_width, 3) uint8 BGR"),
            *ints("patch_pitch", holds="bytes"),
            reads("mask", "(patch_height, patch_width) uint8"),
            *ints("mask_pitch", holds="bytes"),
            reads(
                "lit", "as mask: what is laid again in the patch's own colour where a map holds; or 0", optional=True
            ),
            *ints("lit_pitch", holds="bytes"),
            *ints("patch_width", "patch_height", holds="px"),
            *AFFINE,
            reads("colour", "(13,) float32 of colour_fit; or 0 for none", "float32", optional=True),
        ),
        over=SIZE,
    ),
    Kernel(
        "cover",
        "blend.cu",
        (
            *_PICTURE,
            reads("mosaic", "(rows, columns, 3) uint8 BGR: area_means of the region"),
            *ints("columns", "rows", holds="of the mosaic"),
            *ints("blur_px", holds="side of the mean that softens the blocks, odd"),
            *floats("centre_x", "centre_y", holds="of the ellipse in the region, px"),
            *floats("half_x", "half_y", holds="its half axes, px"),
            *floats("feather", holds="of its edge, in half axes"),
        ),
        over=SIZE,
    ),
    Kernel(
        "sprite",
        "blend.cu",
        (
            *_PICTURE,
            reads("colour", "(height, width, 3) uint16 BGR 0..255, times its opacity", "uint16"),
            reads("keep", "(height, width, 3) uint16 0..256: how much of the picture stays", "uint16"),
        ),
        over=SIZE,
    ),
    Kernel(
        "fade",
        "blend.cu",
        (
            updates("picture", "(height, width, 3) uint8 BGR"),
            *ints("pitch", holds="bytes"),
            reads("other", "(height, width, 3) uint8 BGR"),
            *ints("other_pitch", holds="bytes"),
            *ints("width", "height", holds="px"),
            *floats("share", holds="0..1, how much of picture stays"),
        ),
        over=SIZE,
    ),
    Kernel(
        "watermark",
        "blend.cu",
        (
            updates("picture", "(height, width, 3) uint8 BGR"),
            *ints("pitch", holds="bytes"),
            reads("pattern", "(height, width) int8 of `watermark.embed.pattern`", "int8"),
            *ints("width", "height", holds="px"),
        ),
        over=SIZE,
    ),
)

# -- output.cu: `sink.yuv.to_i420`; an odd side's last column or row is repeated

_QUADS: Final = (2 * TILE[0], 2 * TILE[1])
_PICTURE_IN: Final = (
    reads("picture", "(height, width, 3) uint8 BGR"),
    *ints("pitch", holds="bytes"),
    *ints("width", "height", holds="px"),
    writes("luma", "(2 * ceil(height / 2), 2 * ceil(width / 2)) uint8, BT.601 limited"),
    *ints("luma_pitch", holds="bytes"),
)
_OUTPUT: Final = (
    Kernel(
        "bgr_to_nv12",
        "output.cu",
        (
            *_PICTURE_IN,
            writes("chroma", "(ceil(height / 2), ceil(width / 2), 2) uint8, U then V"),
            *ints("chroma_pitch", holds="bytes"),
        ),
        over=SIZE,
        tile=_QUADS,
    ),
    Kernel(
        "bgr_to_i420",
        "output.cu",
        (
            *_PICTURE_IN,
            writes("chroma_u", "(ceil(height / 2), ceil(width / 2)) uint8"),
            writes("chroma_v", "(ceil(height / 2), ceil(width / 2)) uint8"),
            *ints("chroma_pitch", holds="bytes"),
        ),
        over=SIZE,
        tile=_QUADS,
    ),
)

#: All kernels by name.
KERNELS: Final = {kernel.name: kernel for kernel in (*CROP, *_MASK, *_STATISTICS, *_BLEND, *_OUTPUT)}
#: The sources in the order in which they are compiled.
SOURCES: Final = tuple(dict.fromkeys(kernel.source for kernel in KERNELS.values()))
