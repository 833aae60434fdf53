"""The blend: colour, edge and paste of a persona's patch. The CPU reference that other blends are held against.

Everything here works on the patch's region of interest, in 8-bit or fixed point; nothing of a frame's size is made.
A whole `blend` of a 450x450 px face takes about 1 ms on one core.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.affine import shrunk, spot
from mien.realtime.blend_terms import ERODE, FEATHER, edge_factor, face_px, sample_step, scale_of
from mien.realtime.colour import ColourMatcher, LabStatistics, lab_statistics
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Floats, FrameError, Patch, Pixels

Mask = NDArray[np.uint8]

# What counts as mask for the outer border. Low, so that an engine's own soft border is followed, not cut in half.
_SOLID = 32
# Rows handled at once: temporaries of this height stay in the core's cache and out of the kernel's page faults, and
# few enough bands remain that their calls cost little.
_BAND_ROWS = 64


def erode_feather(mask: Mask, face_size_px: float, erode: float = ERODE, feather: float = FEATHER) -> Mask:
    """Move the outer border of `mask` in and make it soft; holes and their own soft edges stay as they are.

    Args:
        mask: (h, w) uint8, 0 to 255; its outer border is where it falls below 32, all holes filled. Where it reaches
            the array's edge it is taken to go on beyond: that edge is the frame's, or nothing of the face.
        face_size_px: the face's size in the mask's pixels.
        erode: distance from the border up to which the result is 0, in face sizes.
        feather: length of the rise from 0 to the mask's own value after that, in face sizes; a smoothstep.

    Returns:
        (h, w) uint8, nowhere greater than `mask`.

    """
    factor = edge_factor(face_size_px)
    height, width = mask.shape
    small = mask
    if factor > 1:
        size = (max(1, width // factor), max(1, height // factor))
        small = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    solid = np.asarray(cv2.threshold(small, _SOLID - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
    x, y, w, h = cv2.boundingRect(solid)
    # With one pixel around it, which is as far from it as any.
    box = (slice(max(y - 1, 0), y + h + 1), slice(max(x - 1, 0), x + w + 1))
    distance = cv2.distanceTransform(_filled(solid[box]), cv2.DIST_L2, cv2.DIST_MASK_5)
    length = max(feather * face_size_px / factor, 1e-3)
    rise = np.clip((distance - np.float32(erode * face_size_px / factor)) / np.float32(length), 0, 1)
    ramp = np.zeros_like(small)
    ramp[box] = np.rint(rise * rise * (3 - 2 * rise) * 255)
    if factor > 1:
        ramp = np.asarray(cv2.resize(ramp, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.multiply(mask, ramp, scale=1 / 255), np.uint8)


def paste(frame_pixels: Pixels, patch: Pixels, alignment: Alignment, mask: Mask, colour: Floats | None = None) -> None:
    """Lay `patch` over the frame, in place.

    In fixed point: ``out = (patch * k + frame * (256 - k) + 128) >> 8`` with ``k = mask + (mask >> 7)``.

    Args:
        frame_pixels: (H, W, 3) uint8 BGR, writeable.
        patch: (h, w, 3) uint8 BGR in the aligned frame; a part outside the frame is cut off.
        alignment: where the patch lies. A window is laid without resampling, anything else warped bilinearly (an
            area average first when the patch shrinks to less than half).
        mask: (h, w) uint8, how much of the patch is seen.
        colour: (3, 4) float32 map of the patch's BGR, or None.

    """
    offset = alignment.offset
    if offset is not None:
        x, y, width, height = cv2.boundingRect(mask)
        window = (slice(y, y + height), slice(x, x + width))
        _lay(frame_pixels, patch[window], mask[window], (offset[0] + x, offset[1] + y), colour)
        return
    warped = _warped(patch, mask, alignment, frame_pixels.shape[1], frame_pixels.shape[0])
    if warped is not None:
        _lay(frame_pixels, *warped, colour)


def blend(
    frame_pixels: Pixels,
    face: Face,
    patch: Patch,
    alignment: Alignment,
    matcher: ColourMatcher,
    occluded: Mask | None,
    media_ns: int,
) -> None:
    """Blend a persona's patch into the frame, in place.

    Args:
        frame_pixels: (H, W, 3) uint8 BGR, writeable: the driver's frame.
        face: whose face it is; its box gives the scale of the soft edge.
        patch: what the engine made, in the frame of `alignment`.
        alignment: where the patch lies.
        matcher: this person's colour matcher.
        occluded: (h, w) uint8, 255 where something stands before the face and the driver's pixel stays; or None.
        media_ns: the frame's time.

    Raises:
        FrameError: patch or occlusion mask do not have the alignment's size.

    """
    shape = (alignment.height, alignment.width)
    if patch.mask.shape != shape:
        raise FrameError(f"patch has {patch.mask.shape} px, its alignment {shape}.")
    if occluded is not None and occluded.shape != shape:
        raise FrameError(f"occlusion mask has {occluded.shape} px, the alignment {shape}.")
    mask = erode_feather(patch.mask, face_px(face, alignment))
    if occluded is not None:
        mask = np.asarray(cv2.multiply(mask, cv2.bitwise_not(occluded), scale=1 / 255), np.uint8)
    colour = None
    if patch.colour:
        colour = _match(frame_pixels, patch, alignment, mask, matcher, media_ns)
    paste(frame_pixels, patch.pixels, alignment, mask, colour)
    if colour is not None and patch.lit is not None:
        # What has the driver's light already is laid again, as it is; these are small spots, so twice is quick.
        paste(frame_pixels, patch.pixels, alignment, np.asarray(cv2.multiply(mask, patch.lit, scale=1 / 255), np.uint8))


def _match(
    frame_pixels: Pixels, patch: Patch, alignment: Alignment, mask: Mask, matcher: ColourMatcher, media_ns: int
) -> Floats | None:
    """Ask the matcher, with the driver seen through the alignment at the resolution of the statistics."""
    step = sample_step(*mask.shape)
    small = (math.ceil(mask.shape[1] / step), math.ceil(mask.shape[0] / step))
    inverse = cv2.invertAffineTransform(alignment.matrix).astype(np.float32)
    inverse[:, :2] *= step
    seen = cv2.warpAffine(
        frame_pixels,
        inverse,
        small,
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    few = np.ascontiguousarray(mask[::step, ::step])
    return matcher(np.asarray(seen, np.uint8), patch.pixels[::step, ::step], few, media_ns)


def _filled(binary: Mask) -> Mask:
    """The same shapes without their holes."""
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(binary), contours, -1, 255, cv2.FILLED), np.uint8)


def _warped(
    patch: Pixels, mask: Mask, alignment: Alignment, width: int, height: int
) -> tuple[Pixels, Mask, tuple[int, int]] | None:
    """Patch and mask resampled into the frame, and the corner where they lie; None when they miss the frame."""
    matrix = alignment.matrix.astype(np.float64)
    scale = scale_of(matrix)
    if scale > 2:
        # A bilinear warp skips pixels when it shrinks: average them first.
        factor = int(scale)
        size = (max(1, patch.shape[1] // factor), max(1, patch.shape[0] // factor))
        matrix = shrunk(matrix, (size[0] / patch.shape[1], size[1] / patch.shape[0]))
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    x, y, w, h = cv2.boundingRect(mask)
    if w == 0:
        return None
    # Of the part that is painted alone.
    part = matrix - np.array([[0, 0, x], [0, 0, y]])
    region = spot(part, (h, w), (height, width))
    if region is None:
        return None
    x0, y0, *_ = region
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ [x0, y0]
    if x == 0 or y == 0 or x + w == mask.shape[1] or y + h == mask.shape[0]:
        # Beyond its edge the patch goes on in colour, and nothing of it is seen.
        patch = np.asarray(cv2.copyMakeBorder(patch, 1, 1, 1, 1, cv2.BORDER_REPLICATE), np.uint8)
        mask = np.asarray(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)
        moved[:, 2] += 1
    # In one, which is quick also because OpenCV warps four channels in less than half the time of three.
    both = cv2.insertChannel(mask, cv2.cvtColor(patch, cv2.COLOR_BGR2BGRA), 3)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    both = cv2.warpAffine(both, moved, region[2:], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    laid, shown = cv2.cvtColor(both, cv2.COLOR_BGRA2BGR), cv2.extractChannel(both, 3)
    return np.asarray(laid, np.uint8), np.asarray(shown, np.uint8), (x0, y0)


def _lay(frame_pixels: Pixels, patch: Pixels, mask: Mask, corner: tuple[int, int], colour: Floats | None) -> None:
    """`paste` without resampling, from a corner that may lie outside the frame."""
    x0, y0 = max(corner[0], 0), max(corner[1], 0)
    x1 = min(corner[0] + patch.shape[1], frame_pixels.shape[1])
    y1 = min(corner[1] + patch.shape[0], frame_pixels.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    cut = (slice(y0 - corner[1], y1 - corner[1]), slice(x0 - corner[0], x1 - corner[0]))
    patch, mask, below = patch[cut], mask[cut], frame_pixels[y0:y1, x0:x1]
    for top in range(0, y1 - y0, _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        upper = patch[rows] if colour is None else cv2.transform(patch[rows], colour)
        share = np.asarray(cv2.cvtColor(mask[rows], cv2.COLOR_GRAY2BGR), np.uint8)
        under = below[rows].astype(np.uint16)
        # The same as frame + ((patch - frame) * k + 128 >> 8): modulo 2^16, the lower byte of the sum is right.
        mixed = upper.astype(np.uint16)
        mixed -= under
        mixed *= np.add(share, share >> 7, dtype=np.uint16)
        mixed += 128
        mixed >>= 8
        mixed += under
        below[rows] = mixed


__all__ = ["ColourMatcher", "LabStatistics", "Mask", "blend", "erode_feather", "lab_statistics", "paste"]
