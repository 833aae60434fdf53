"""The checks of `crop.cu`: against `aligner.crop` and OpenCV's conversions."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from kernel_checks import (
    AVERAGED,
    FRAME_HEIGHT,
    FRAME_WIDTH,
    SAMPLED,
    U8,
    Check,
    Device,
    affine,
    alignments,
    junk,
    padded,
    picture,
    pixels_in,
    same,
)

from mien.realtime.aligner import crop
from mien.realtime.frame import Alignment


def _crop_arguments(alignment: Alignment) -> dict[str, Any]:
    inverse = cv2.invertAffineTransform(alignment.matrix.astype(np.float64))
    return {"width": alignment.width, "height": alignment.height, **affine(inverse)}


def _bgr_source() -> tuple[U8, dict[str, Any]]:
    frame = picture(FRAME_HEIGHT, FRAME_WIDTH)
    rows = padded(frame)
    sizes = {"source_width": FRAME_WIDTH, "source_height": FRAME_HEIGHT}
    return frame, {"source": rows, "pitch": rows.shape[1], **sizes}


def _nv12_source() -> tuple[U8, dict[str, Any]]:
    width, height = FRAME_WIDTH + 1, FRAME_HEIGHT + 1
    luma, chroma = picture(height, width, 1, seed=1), picture(height // 2, width // 2, 2, seed=2)
    planes = np.concatenate([luma, chroma.reshape(height // 2, width)])
    frame = np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_NV12), np.uint8)
    luma_rows, chroma_rows = padded(luma, 3), padded(chroma, 9)
    return frame, {
        "luma": luma_rows,
        "luma_pitch": luma_rows.shape[1],
        "chroma": chroma_rows,
        "chroma_pitch": chroma_rows.shape[1],
        "source_width": width,
        "source_height": height,
    }


def _crops_u8(device: Device, kernel: str, source: tuple[U8, dict[str, Any]]) -> None:
    frame, arguments = source
    for alignment in alignments():
        height, width = alignment.height, alignment.width
        out = junk(height, width, 3)
        device.run(kernel, **arguments, out=out, out_pitch=out.shape[1], **_crop_arguments(alignment))
        same(pixels_in(out, height, width, 3), crop(frame, alignment).pixels, SAMPLED, alignment)


def _crops_tensor(device: Device, kernel: str, source: tuple[U8, dict[str, Any]], *, half: bool) -> None:
    """Held to the crop in levels, which is held to the reference: exactly, for a network must see the same."""
    _, arguments = source
    scale, bias = float(np.float32(1 / 127.5)), -1.0
    for alignment, rgb, planes in zip(list(alignments())[:6], (1, 0, 1, 0, 1, 0), (1, 1, 0, 0, 1, 1), strict=True):
        height, width = alignment.height, alignment.width
        levels = junk(height, width, 3, extra=0)
        where = _crop_arguments(alignment)
        device.run(kernel.rsplit("_", 1)[0] + "_u8", **arguments, out=levels, out_pitch=3 * width, **where)
        wanted = levels.reshape(height, width, 3)[..., :: -1 if rgb else 1]
        if planes:
            wanted = wanted.transpose(2, 0, 1)
        value = wanted.astype(np.float32) * np.float32(scale) + np.float32(bias)
        strides = (height * width, 1) if planes else (1, 3)
        out = np.full(wanted.shape, 0x7E7E if half else np.nan, np.uint16 if half else np.float32)
        device.run(
            kernel,
            **arguments,
            out=out,
            channel_stride=strides[0],
            pixel_stride=strides[1],
            **where,
            scale=scale,
            bias=bias,
            rgb=rgb,
        )
        same(out.view(np.float16) if half else out, value.astype(np.float16) if half else value, what=alignment)


def _crop_bgr_u8(device: Device) -> None:
    _crops_u8(device, "crop_bgr_u8", _bgr_source())


def _crop_nv12_u8(device: Device) -> None:
    _crops_u8(device, "crop_nv12_u8", _nv12_source())


def _crop_bgr_f32(device: Device) -> None:
    _crops_tensor(device, "crop_bgr_f32", _bgr_source(), half=False)


def _crop_bgr_f16(device: Device) -> None:
    _crops_tensor(device, "crop_bgr_f16", _bgr_source(), half=True)


def _crop_nv12_f32(device: Device) -> None:
    _crops_tensor(device, "crop_nv12_f32", _nv12_source(), half=False)


def _crop_nv12_f16(device: Device) -> None:
    _crops_tensor(device, "crop_nv12_f16", _nv12_source(), half=True)


def _nv12_to_bgr(device: Device) -> None:
    frame, arguments = _nv12_source()
    height, width = frame.shape[:2]
    out = junk(height, width, 3)
    device.run("nv12_to_bgr", **arguments, out=out, out_pitch=out.shape[1])
    same(pixels_in(out, height, width, 3), frame)


def _levels(device: Device, kernel: str, dtype: type[np.floating[Any]]) -> None:
    random = np.random.default_rng(3)
    for channels, rgb, planes in ((3, 1, True), (3, 0, False), (1, 1, True)):
        values = random.uniform(-0.2, 1.2, (13, 37, channels)).astype(dtype)
        tensor = np.ascontiguousarray(values.transpose(2, 0, 1) if planes else values)
        wanted = np.clip(np.rint(values.astype(np.float32) * np.float32(255) + np.float32(0.25)), 0, 255)
        for broken in (None, np.nan, np.inf, -np.inf):
            if broken is not None:
                tensor.flat[7] = broken
            out, not_finite = junk(13, 37, channels), np.zeros(1, np.int32)
            device.run(
                kernel,
                tensor=tensor.view(np.uint16) if dtype is np.float16 else tensor,
                channel_stride=13 * 37 if planes else 1,
                pixel_stride=1 if planes else channels,
                channels=channels,
                rgb=rgb,
                scale=255.0,
                bias=0.25,
                out=out,
                out_pitch=out.shape[1],
                width=37,
                height=13,
                not_finite=not_finite,
            )
            assert not_finite[0] == (broken is not None), broken
            if broken is None:
                same(pixels_in(out, 13, 37, channels), wanted[..., :: -1 if rgb else 1])


def _levels_f32(device: Device) -> None:
    _levels(device, "levels_f32", np.float32)


def _levels_f16(device: Device) -> None:
    _levels(device, "levels_f16", np.float16)


def _means(device: Device, kernel: str, sizes: tuple[tuple[int, int], ...]) -> None:
    for channels in (3, 1):
        source = picture(FRAME_HEIGHT, FRAME_WIDTH + 3, channels, seed=4, blur=0.6)
        for height, width in sizes:
            # Whole ratios too: OpenCV rounds the mean of four apart from all others.
            whole = source[: FRAME_HEIGHT // height * height, : (FRAME_WIDTH + 3) // width * width]
            for given in (source, np.ascontiguousarray(whole)):
                rows, out = padded(given), junk(height, width, channels)
                device.run(
                    kernel,
                    source=rows,
                    pitch=rows.shape[1],
                    source_width=given.shape[1],
                    source_height=given.shape[0],
                    out=out,
                    out_pitch=out.shape[1],
                    width=width,
                    height=height,
                    channels=channels,
                )
                shape = (height, width, channels) if channels > 1 else (height, width)
                wanted = np.asarray(cv2.resize(given, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
                same(pixels_in(out, *shape), wanted, AVERAGED, (channels, given.shape, height, width))


def _area_shrink(device: Device) -> None:
    _means(device, "area_shrink", ((30, 48), (20, 32), (41, 37), (FRAME_HEIGHT, FRAME_WIDTH + 3)))


def _area_means(device: Device) -> None:
    _means(device, "area_means", ((5, 4), (1, 1), (2, 3)))


#: By kernel.
CHECKS: Final[dict[str, Check]] = {
    "crop_bgr_u8": _crop_bgr_u8,
    "crop_nv12_u8": _crop_nv12_u8,
    "crop_bgr_f32": _crop_bgr_f32,
    "crop_bgr_f16": _crop_bgr_f16,
    "crop_nv12_f32": _crop_nv12_f32,
    "crop_nv12_f16": _crop_nv12_f16,
    "nv12_to_bgr": _nv12_to_bgr,
    "levels_f32": _levels_f32,
    "levels_f16": _levels_f16,
    "area_shrink": _area_shrink,
    "area_means": _area_means,
}
