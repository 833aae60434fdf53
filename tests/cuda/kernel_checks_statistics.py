"""The checks of `statistics.cu`: against `colour.ColourMatcher`, and plain counts and means."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from kernel_checks import (
    FITTED,
    LAB_COMPUTED,
    LAB_LOOKED_UP,
    U8,
    Check,
    Device,
    affine,
    face_mask,
    padded,
    picture,
    same,
    turned,
)
from numpy.typing import NDArray

from mien.realtime.colour import STRENGTH, TIME_CONSTANT_S, ColourMatcher, lab_statistics

FRAME_HEIGHT, FRAME_WIDTH = 143, 171
SIZES = ((40, 47), (113, 131), (57, 30))


def _tinted(pixels: U8, gain: tuple[float, float, float], shift: float) -> U8:
    return np.clip(pixels * np.array(gain) * 0.6 + shift, 0, 255).astype(np.uint8)


def _seen(frame: U8, height: int, width: int, step: int, matrix: NDArray[np.float32]) -> tuple[U8, NDArray[np.float32]]:
    """The driver on the grid of samples, as the blend takes it, and the map from samples to the frame."""
    inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
    inverse[:, :2] *= step
    size = (-(-width // step), -(-height // step))
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(frame, inverse, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8), inverse


def _face(height: int, width: int) -> U8:
    """A face's mask that goes on to the array's last columns and rows."""
    mask = face_mask(height, width)
    mask[height // 3 :, -4:] = mask[-4:, width // 3 :] = 255
    return mask


def _step(height: int, width: int) -> int:
    return max(1, -(-max(height, width) // 56))


def _patch_arguments(patch: U8, mask: U8, step: int) -> dict[str, Any]:
    rows, mask_rows = padded(patch), padded(mask)
    return {
        "patch": rows,
        "patch_pitch": rows.shape[1],
        "mask": mask_rows,
        "mask_pitch": mask_rows.shape[1],
        "width": patch.shape[1],
        "height": patch.shape[0],
        "step": step,
    }


def _run_statistics(device: Device, frame: U8, patch: U8, mask: U8, inverse: NDArray[np.float32], step: int) -> Any:
    rows, statistics = padded(frame), np.full(13, np.nan, np.float32)
    device.run(
        "lab_statistics",
        source=rows,
        pitch=rows.shape[1],
        source_width=frame.shape[1],
        source_height=frame.shape[0],
        **_patch_arguments(patch, mask, step),
        **affine(inverse),
        statistics=statistics,
    )
    return statistics


def _computed(pixels: U8, mask: U8) -> NDArray[np.float64]:
    """Mean and deviation of Lab that OpenCV computes from linear light, where it looks nothing up."""
    levels = pixels[mask >= 128].astype(np.float64) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)
    lab = cv2.cvtColor(linear[None], cv2.COLOR_LBGR2Lab)[0].astype(np.float64)
    return np.concatenate([lab.mean(axis=0), lab.std(axis=0)])


def _lab_statistics(device: Device) -> None:
    frame = _tinted(picture(FRAME_HEIGHT, FRAME_WIDTH, seed=21, blur=3), (0.8, 0.9, 1.2), 10)
    for turn, (height, width) in enumerate(SIZES):
        patch = _tinted(picture(height, width, seed=22, blur=2), (1.2, 1.0, 0.9), 60)
        mask, step = _face(height, width), _step(height, width)
        matrix = turned((0, 21, -70)[turn], (1.0, 1.3, 0.4)[turn], 80, 70, ((20, 20), (60, 60), (70, -30))[turn])
        seen, inverse = _seen(frame, height, width, step, matrix)
        few, few_mask = patch[::step, ::step], np.ascontiguousarray(mask[::step, ::step])
        found = _run_statistics(device, frame, patch, mask, inverse, step)
        assert found[12] == (few_mask >= 128).sum(), (height, width)
        exact = np.concatenate([_computed(seen, few_mask), _computed(few, few_mask)])
        same(found[:12], exact, (LAB_COMPUTED, LAB_COMPUTED), (height, width))
        for part, pixels in ((found[:6], seen), (found[6:12], few)):
            reference = lab_statistics(pixels, few_mask)
            assert reference is not None
            same(part, np.concatenate([reference.mean, reference.std]), (LAB_LOOKED_UP, LAB_LOOKED_UP))
    dim = mask.copy()
    dim[dim >= 128] = 127
    assert _run_statistics(device, frame, patch, dim, inverse, step)[12] == 0
    for count in (47, 48):
        little = np.zeros_like(mask)
        little[: 8 * step : step, : 6 * step : step] = 128
        little[0, 0] = 128 if count == 48 else 127
        assert _run_statistics(device, frame, patch, little, inverse, step)[12] == (count if count == 48 else 0)


def _colour_fit(device: Device) -> None:
    """A person over frames: a gap of a second still smooths, a longer one and a step back do not.

    The patch is lively and light, or flat, or dark down to black.
    """
    for (height, width), gain, light in zip(SIZES, (1.0, 0.1, 0.8), (60, 90, -40), strict=True):
        patch = _tinted(picture(height, width, seed=22, blur=2), (1.2 * gain, gain, 0.9 * gain), light)
        mask, step = _face(height, width), _step(height, width)
        matcher, matcher_at = ColourMatcher(), 0
        state, state_ns = np.zeros(13, np.float32), np.zeros(1, np.int64)
        for turn, media_ms in enumerate((40, 80, 120, 1120, 3000, 2000, 2010, 2020)):
            matcher_at = media_ms * 1_000_000
            frame = _tinted(
                picture(FRAME_HEIGHT, FRAME_WIDTH, seed=turn, blur=3), (0.6 + turn / 9, 0.9, 1.2), min(25, light)
            )
            seen, inverse = _seen(frame, height, width, step, turned(9, 0.9, 80, 70, (30, 30)))
            few = mask if turn != 6 else np.zeros_like(mask)
            statistics = _run_statistics(device, frame, patch, few, inverse, step)
            found = np.full(13, np.nan, np.float32)
            device.run(
                "colour_fit",
                **_patch_arguments(patch, few, step),
                statistics=statistics,
                state=state,
                state_ns=state_ns,
                media_ns=matcher_at,
                strength=STRENGTH,
                time_constant_s=TIME_CONSTANT_S,
                colour=found,
            )
            small, small_mask = patch[::step, ::step], np.ascontiguousarray(few[::step, ::step])
            wanted = matcher(seen, small, small_mask, matcher_at)
            assert (wanted is not None) == (found[12] == 1.0), turn
            if wanted is None:
                same(found, np.append(np.eye(3, 4).ravel(), 0))
                continue
            levels = small[small_mask >= 128].astype(np.float64)
            maps = (found[:12].reshape(3, 4), wanted)
            mapped, reference = (levels @ each[:, :3].T + each[:, 3] for each in maps)
            same(mapped, reference, FITTED, (height, width, turn))
    _unsmoothed(device, patch, mask, step)


def _unsmoothed(device: Device, patch: U8, mask: U8, step: int) -> None:
    """Without a time constant the state is the last statistics, whatever was before."""
    state, state_ns = np.full(13, 1.0, np.float32), np.array([5], np.int64)
    statistics = np.append(np.linspace(20, 60, 12), 99).astype(np.float32)
    device.run(
        "colour_fit",
        **_patch_arguments(patch, mask, step),
        statistics=statistics,
        state=state,
        state_ns=state_ns,
        media_ns=7,
        strength=0.5,
        time_constant_s=0.0,
        colour=np.zeros(13, np.float32),
    )
    same(state, np.append(statistics[:12], 1))
    assert state_ns[0] == 7


def _region_mean(device: Device) -> None:
    for height, width, step in ((41, 87, 6), (30, 30, 1), (6, 7, 6)):
        region, mean = picture(height, width, seed=23), np.full(1, np.nan, np.float32)
        rows = padded(region)
        device.run("region_mean", picture=rows, pitch=rows.shape[1], width=width, height=height, step=step, mean=mean)
        same(mean, np.array([region[::step, ::step].mean()]), (1e-4, 1e-4), (height, width, step))


def _painted_area(device: Device) -> None:
    """Counted where a crop's pixel lies in the frame, its edges included."""
    for matrix in (turned(0, 1, 40, 30, (20, 20)), turned(30, 0.7, 0, 0, (40, 30)), turned(0, 1, 500, 500, (0, 0))):
        height, width = 59, 67
        mask, area = picture(height, width, 1, seed=24), np.full(1, -1, np.int32)
        inverse = cv2.invertAffineTransform(matrix.astype(np.float64)).astype(np.float32)
        rows = padded(mask)
        device.run(
            "painted_area",
            mask=rows,
            pitch=rows.shape[1],
            width=width,
            height=height,
            **affine(inverse),
            frame_width=63,
            frame_height=47,
            area=area,
        )
        rows_at, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = (line[0] * columns + line[1] * rows_at + line[2] for line in inverse)
        inside = (x >= 0) & (y >= 0) & (x <= 63) & (y <= 47)
        assert area[0] == int((inside & (mask > 127)).sum()), matrix


#: By kernel.
CHECKS: Final[dict[str, Check]] = {
    "lab_statistics": _lab_statistics,
    "colour_fit": _colour_fit,
    "region_mean": _region_mean,
    "painted_area": _painted_area,
}
