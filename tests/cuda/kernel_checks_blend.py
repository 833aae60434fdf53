"""The checks of `blend.cu` and `output.cu`: against paste, cover, badge, watermark and the planes for sinks."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from kernel_checks import (
    COLOURED,
    FRAME_HEIGHT,
    FRAME_WIDTH,
    MIXED,
    U8,
    Check,
    Device,
    affine,
    alignments,
    face_mask,
    junk,
    padded,
    picture,
    pixels_in,
    same,
)
from numpy.typing import NDArray

from mien.realtime.blend import paste
from mien.realtime.frame import Alignment
from mien.realtime.plate import paint, plate_styles, stencil
from mien.realtime.sink.yuv import to_i420
from mien.realtime.watermark.embed import Embedder, pattern
from mien.realtime.watermark.payload import Payload

MARK: Final = Payload("persona", 0x12345678, 0x2ABCDEF)
#: Warms, turns red and blue into each other a little, and goes over both ends.
COLOUR: Final = np.array([[1.1, -0.1, 0.05, 9], [0.02, 0.93, 0.1, -12], [0.2, -0.15, 1.2, 20]], np.float32)


def _frame_arguments(rows: U8, region: tuple[int, int, int, int]) -> dict[str, Any]:
    x, y, width, height = region
    return {
        "picture": rows,
        "pitch": rows.shape[1],
        "frame_width": FRAME_WIDTH,
        "frame_height": FRAME_HEIGHT,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
    }


def _region_of(alignment: Alignment) -> tuple[tuple[int, int, int, int], NDArray[np.float64]]:
    """The frame's region under a patch, not cut off at its edges, and the map from it to the patch."""
    inverse = cv2.invertAffineTransform(alignment.matrix.astype(np.float64))
    width, height = alignment.width, alignment.height
    corners = np.array([[-1, -1], [width, -1], [-1, height], [width, height]], np.float64) @ inverse[:, :2].T
    corners += inverse[:, 2]
    x, y = np.floor(corners.min(axis=0)).astype(int)
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 1
    moved = alignment.matrix.astype(np.float64)
    moved[:, 2] += moved[:, :2] @ [x, y]
    return (int(x), int(y), int(x1 - x), int(y1 - y)), moved


def _paste(device: Device) -> None:
    frame = picture(FRAME_HEIGHT, FRAME_WIDTH, seed=11)
    for turn, alignment in enumerate(alignments()):
        height, width = alignment.height, alignment.width
        patch, mask = picture(height, width, seed=12), face_mask(height, width)
        mask[0, width // 2 :] = 200
        lit = np.asarray(cv2.multiply(mask, picture(height, width, 1, seed=13), scale=1 / 255), np.uint8)
        for name, holds, with_lit in (("plain", None, 0), ("map", 1, 0), ("lit", 1, 1), ("no map holds", 0, 1)):
            if turn > 3 and name not in ("plain", "lit"):
                continue
            wanted = frame.copy()
            paste(wanted, patch, alignment, mask, COLOUR if holds else None)
            if holds and with_lit:
                paste(wanted, patch, alignment, lit)
            region, moved = _region_of(alignment)
            rows, patch_rows, mask_rows, lit_rows = padded(frame), padded(patch), padded(mask), padded(lit, 2)
            colour = None if holds is None else np.append(COLOUR.ravel(), np.float32(holds)).astype(np.float32)
            device.run(
                "paste",
                **_frame_arguments(rows, region),
                patch=patch_rows,
                patch_pitch=patch_rows.shape[1],
                mask=mask_rows,
                mask_pitch=mask_rows.shape[1],
                lit=lit_rows if with_lit else None,
                lit_pitch=lit_rows.shape[1],
                patch_width=width,
                patch_height=height,
                **affine(moved),
                colour=colour,
            )
            same(pixels_in(rows, *frame.shape), wanted, COLOURED if holds else MIXED, (name, alignment))


def _cover(device: Device) -> None:
    frame = picture(FRAME_HEIGHT, FRAME_WIDTH, seed=14, blur=3)
    for region, grid, blur_px, centre, half in (
        ((10, 5, 61, 47), (6, 4), 5, (30.3, 22.1), (26.0, 20.0)),
        ((0, 0, 40, 30), (3, 2), 7, (5.0, 3.5), (30.0, 22.0)),
        ((50, 31, 43, 30), (1, 1), 9, (20.0, 31.0), (22.0, 28.0)),
        ((3, 3, 20, 21), (7, 7), 1, (10.0, 10.0), (8.0, 8.0)),
    ):
        x, y, width, height = region
        roi = frame[y : y + height, x : x + width]
        mosaic = np.asarray(cv2.resize(roi, grid, interpolation=cv2.INTER_AREA), np.uint8)
        large = np.asarray(cv2.resize(mosaic, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
        soft = np.asarray(cv2.blur(large, (blur_px, blur_px)), np.uint8)
        columns, rows_at = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        radius = np.hypot((columns - centre[0]) / half[0], (rows_at - centre[1]) / half[1])
        share = np.clip((1.16 - radius) / 0.16, 0, 1).astype(np.float32)
        wanted = frame.copy()
        wanted[y : y + height, x : x + width] = cv2.blendLinear(soft, roi.copy(), share, 1 - share)
        rows = padded(frame)
        device.run(
            "cover",
            **_frame_arguments(rows, region),
            mosaic=mosaic,
            columns=grid[0],
            rows=grid[1],
            blur_px=blur_px,
            centre_x=centre[0],
            centre_y=centre[1],
            half_x=half[0],
            half_y=half[1],
            feather=0.16,
        )
        same(pixels_in(rows, *frame.shape), wanted, what=region)


def _sprite(device: Device) -> None:
    frame = picture(FRAME_HEIGHT, FRAME_WIDTH, seed=15)
    raster = paint(stencil("AI", "modified", 9), plate_styles("auto")[0])
    keep = np.random.default_rng(19).integers(0, 257, (14, 21, 3)).astype(np.uint16)
    colour = np.asarray(picture(14, 21, seed=20).astype(np.uint16) * (256 - keep) >> 8, np.uint16)
    _sprites(device, frame, raster.colour, raster.keep)
    _sprites(device, frame, colour, keep)


def _sprites(device: Device, frame: U8, colour: NDArray[np.uint16], keep: NDArray[np.uint16]) -> None:
    height, width = keep.shape[:2]
    for x, y in ((4, 6), (-7, -3), (FRAME_WIDTH - 9, FRAME_HEIGHT - 5), (FRAME_WIDTH, 0), (-width, 2)):
        wanted = np.pad(frame, ((height, height), (width, width), (0, 0)))
        under = wanted[height + y : 2 * height + y, width + x : 2 * width + x]
        under[...] = colour + (under * keep >> 8)
        rows = padded(frame)
        device.run("sprite", **_frame_arguments(rows, (x, y, width, height)), colour=colour, keep=keep)
        same(pixels_in(rows, *frame.shape), wanted[height:-height, width:-width], what=(x, y))


def _fade(device: Device) -> None:
    frame, other = picture(FRAME_HEIGHT, FRAME_WIDTH, seed=16), picture(FRAME_HEIGHT, FRAME_WIDTH, seed=17)
    for share in (0.0, 0.3, 0.77, 1.0):
        rows, others = padded(frame, 2), padded(other)
        device.run(
            "fade",
            picture=rows,
            pitch=rows.shape[1],
            other=others,
            other_pitch=others.shape[1],
            width=FRAME_WIDTH,
            height=FRAME_HEIGHT,
            share=share,
        )
        same(
            pixels_in(rows, *frame.shape), np.asarray(cv2.addWeighted(frame, share, other, 1 - share, 0)), MIXED, share
        )


def _watermark(device: Device) -> None:
    for height, width in ((61, 93), (90, 160)):
        frame = picture(height, width, seed=18)
        frame[: height // 3], frame[-height // 3 :] = 0, 255
        wanted = frame.copy()
        Embedder(MARK, width, height)(wanted)
        rows = padded(frame)
        made = pattern(MARK, width, height)
        device.run("watermark", picture=rows, pitch=rows.shape[1], pattern=made, width=width, height=height)
        same(pixels_in(rows, *frame.shape), wanted)


def _planes(height: int, width: int) -> tuple[U8, U8, U8, U8, U8]:
    """A picture with hard edges and all its corners' colours, its rows, and the planes Y, U and V wanted of it."""
    frame = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    frame.reshape(-1, 3)[:8] = [[b, g, r] for b in (0, 255) for g in (0, 255) for r in (0, 255)]
    even_height, even_width = height + height % 2, width + width % 2
    planes = to_i420(frame)
    chroma = planes[even_height:].reshape(2, even_height // 2, even_width // 2)
    return frame, padded(frame), planes[:even_height], chroma[0], chroma[1]


def _bgr_to_nv12(device: Device) -> None:
    for height, width in ((61, 93), (62, 94), (61, 94), (16, 129)):
        _, rows, y, u, v = _planes(height, width)
        luma, chroma = junk(*y.shape), junk(u.shape[0], 2 * u.shape[1], extra=3)
        device.run(
            "bgr_to_nv12",
            picture=rows,
            pitch=rows.shape[1],
            width=width,
            height=height,
            luma=luma,
            luma_pitch=luma.shape[1],
            chroma=chroma,
            chroma_pitch=chroma.shape[1],
        )
        same(pixels_in(luma, *y.shape), y, what=(height, width))
        same(pixels_in(chroma, *u.shape, 2), np.stack([u, v], axis=2), what=(height, width))


def _bgr_to_i420(device: Device) -> None:
    for height, width in ((61, 93), (62, 94), (61, 94), (16, 129)):
        _, rows, y, u, v = _planes(height, width)
        luma, chroma_u, chroma_v = junk(*y.shape), junk(*u.shape), junk(*v.shape)
        device.run(
            "bgr_to_i420",
            picture=rows,
            pitch=rows.shape[1],
            width=width,
            height=height,
            luma=luma,
            luma_pitch=luma.shape[1],
            chroma_u=chroma_u,
            chroma_v=chroma_v,
            chroma_pitch=chroma_u.shape[1],
        )
        for found, wanted in ((luma, y), (chroma_u, u), (chroma_v, v)):
            same(pixels_in(found, *wanted.shape), wanted, what=(height, width))


#: By kernel.
CHECKS: Final[dict[str, Check]] = {
    "paste": _paste,
    "cover": _cover,
    "sprite": _sprite,
    "fade": _fade,
    "watermark": _watermark,
    "bgr_to_nv12": _bgr_to_nv12,
    "bgr_to_i420": _bgr_to_i420,
}
