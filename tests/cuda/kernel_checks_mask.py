"""The checks of `mask.cu`: each step against its own, and all of them against `blend.erode_feather`."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from kernel_checks import (
    ENLARGED,
    U8,
    Check,
    Device,
    face_mask,
    junk,
    mask_of,
    padded,
    picture,
    pixels_in,
    same,
)

from mien.realtime.blend import erode_feather

SOLID = 32


def _spiral(side: int) -> U8:
    """A corridor to the middle: the flood has to turn at every wall."""
    mask = np.zeros((side, side), np.uint8)
    for ring in range(1, side // 2 - 1, 2):
        mask[ring : side - ring, ring] = mask[ring, ring : side - ring] = 255
        mask[ring : side - ring, side - 1 - ring] = mask[side - 1 - ring, ring : side - ring] = 255
        mask[ring + 2 - ring % 4 : ring + 3 - ring % 4, ring] = 0
    return mask


def _masks() -> tuple[U8, ...]:
    thin = np.zeros((29, 33), np.uint8)
    cv2.line(thin, (3, 3), (28, 25), 255, 1)
    cv2.line(thin, (28, 3), (3, 25), 31, 1)
    ring = np.zeros((40, 47), np.uint8)
    cv2.circle(ring, (20, 20), 12, 32, 1)
    return (
        face_mask(67, 59),
        mask_of(61, 83),
        mask_of(45, 37, seed=5),
        _spiral(33),
        thin,
        ring,
        np.zeros((9, 5), np.uint8),
        np.full((9, 5), 255, np.uint8),
        # Wider and higher than a block has threads.
        mask_of(9, 311, seed=6),
        mask_of(290, 7, seed=7),
    )


def _outside(mask: U8) -> U8:
    """What is reached from beyond the array's edge over 4 neighbours."""
    open_ = np.pad((mask < SOLID).astype(np.uint8), 1, constant_values=1)
    _, labels = cv2.connectedComponents(open_, connectivity=4)
    return (labels == labels[0, 0])[1:-1, 1:-1].astype(np.uint8)


def _run_outside(device: Device, mask: U8) -> U8:
    height, width = mask.shape
    rows, outside = padded(mask), np.full((height, width), 0xEE, np.uint8)
    device.run("mask_outside", mask=rows, pitch=rows.shape[1], outside=outside, width=width, height=height)
    return outside


def _mask_outside(device: Device) -> None:
    for mask in _masks():
        # A pixel at the array's edge is outside only where it is open itself: the pad is open all around.
        same(_run_outside(device, mask), _outside(mask), what=mask.shape)


def _run_distance(device: Device, outside: U8, reach: int) -> U8:
    height, width = outside.shape
    distance = np.full((height, width), 0xEE, np.uint8)
    device.run("mask_row_distance", outside=outside, distance=distance, width=width, height=height, reach=reach)
    return distance


def _mask_row_distance(device: Device) -> None:
    for mask in _masks():
        outside = _outside(mask)
        columns = np.arange(mask.shape[1])
        for reach in (0, 3, 17):
            wanted = np.full(mask.shape, reach + 1)
            for y, line in enumerate(outside):
                for x in np.flatnonzero(line):
                    wanted[y] = np.minimum(wanted[y], np.abs(columns - x))
            same(_run_distance(device, outside, reach), wanted, what=(mask.shape, reach))


def _mask_ramp(device: Device) -> None:
    for mask in _masks():
        height, width = mask.shape
        outside = _outside(mask)
        # Of an array without an outside it is without end, which float32 cannot divide.
        distance = np.minimum(cv2.distanceTransform(1 - outside, cv2.DIST_L2, cv2.DIST_MASK_5), 1e6)
        for erode_px, feather_px in ((1.6, 9.6), (0.0, 3.0), (2.0, 1e-3)):
            reach = int(np.ceil(erode_px + feather_px))
            ramp = np.full((height, width), 0xEE, np.uint8)
            device.run(
                "mask_ramp",
                distance=_run_distance(device, outside, reach),
                ramp=ramp,
                width=width,
                height=height,
                reach=reach,
                erode_px=erode_px,
                feather_px=feather_px,
            )
            rise = np.clip((distance - np.float32(erode_px)) / np.float32(feather_px), 0, 1)
            same(ramp, np.rint(rise * rise * (3 - 2 * rise) * 255), what=(mask.shape, erode_px, feather_px))


def _mask_feather(device: Device) -> None:
    for (height, width), (ramp_height, ramp_width) in (
        ((67, 59), (67, 59)),
        ((67, 59), (22, 19)),
        ((40, 33), (20, 16)),
        ((5, 3), (1, 1)),
    ):
        mask, ramp = mask_of(height, width, seed=8), picture(ramp_height, ramp_width, 1, seed=9)
        rows, out = padded(mask), junk(height, width)
        device.run(
            "mask_feather",
            mask=rows,
            pitch=rows.shape[1],
            ramp=ramp,
            ramp_width=ramp_width,
            ramp_height=ramp_height,
            out=out,
            out_pitch=out.shape[1],
            width=width,
            height=height,
        )
        large = np.asarray(cv2.resize(ramp, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        wanted = np.asarray(cv2.multiply(mask, large, scale=1 / 255), np.uint8)
        same(pixels_in(out, height, width), wanted, ENLARGED, (height, width, ramp_height, ramp_width))


def _mask_multiply(device: Device) -> None:
    mask, other = mask_of(33, 41), mask_of(33, 41, seed=1)
    mask[:16, :16], other[:16, :16] = np.mgrid[0:256:16, 0:256:16].astype(np.uint8)
    for inverted in (0, 1):
        rows, others, out = padded(mask, 3), padded(other), junk(33, 41)
        device.run(
            "mask_multiply",
            mask=rows,
            pitch=rows.shape[1],
            other=others,
            other_pitch=others.shape[1],
            inverted=inverted,
            out=out,
            out_pitch=out.shape[1],
            width=41,
            height=33,
        )
        by = cv2.bitwise_not(other) if inverted else other
        same(pixels_in(out, 33, 41), np.asarray(cv2.multiply(mask, by, scale=1 / 255), np.uint8))


def feathered(device: Device, mask: U8, face_size_px: float, factor: int, erode_px: float, feather_px: float) -> U8:
    """All steps of `blend.erode_feather`, as a host runs them; lengths in px of the mask that is shrunk by `factor`."""
    height, width = mask.shape
    small = mask
    if factor > 1:
        small = np.zeros((max(1, height // factor), max(1, width // factor)), np.uint8)
        device.run(
            "area_shrink",
            source=mask,
            pitch=width,
            source_width=width,
            source_height=height,
            out=small,
            out_pitch=small.shape[1],
            width=small.shape[1],
            height=small.shape[0],
            channels=1,
        )
    reach = int(np.ceil(erode_px + feather_px))
    distance = _run_distance(device, _run_outside(device, small), reach)
    ramp, out = np.zeros_like(small), np.zeros_like(mask)
    size = {"width": small.shape[1], "height": small.shape[0]}
    device.run("mask_ramp", distance=distance, ramp=ramp, **size, reach=reach, erode_px=erode_px, feather_px=feather_px)
    device.run(
        "mask_feather",
        mask=mask,
        pitch=width,
        ramp=ramp,
        ramp_width=small.shape[1],
        ramp_height=small.shape[0],
        out=out,
        out_pitch=width,
        width=width,
        height=height,
    )
    return out


def erode_feather_whole(device: Device) -> None:
    """The steps one after the other against the reference, over sizes that are shrunk first and that are not."""
    for mask, face_size_px in (
        (face_mask(97, 83), 70.0),
        (mask_of(131, 143, seed=2), 100.0),
        (face_mask(401, 377), 330.0),
    ):
        factor = max(1, round(face_size_px / 160))
        lengths = (0.01 * face_size_px / factor, 0.06 * face_size_px / factor)
        found = feathered(device, mask, face_size_px, factor, *lengths)
        same(found, erode_feather(mask, face_size_px), ENLARGED, face_size_px)


#: By kernel.
CHECKS: Final[dict[str, Check]] = {
    "mask_outside": _mask_outside,
    "mask_row_distance": _mask_row_distance,
    "mask_ramp": _mask_ramp,
    "mask_feather": _mask_feather,
    "mask_multiply": _mask_multiply,
}
