"""The instant engine: a persona from one portrait, without training."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from mien.engines.mesh.portrait import PortraitPainter
from mien.engines.mesh.swap import SwapPainter
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.face import LANDMARK_COUNT, Face
from mien.realtime.frame import Alignment, Crop, Floats, Patch, Pixels, check_pixels

Mode = Literal["swap", "portrait"]
Quality = Literal["full", "half"]


class MeshEngine:
    """`mien.realtime.engine.Engine` over a portrait's mesh.

    Args:
        portrait_bgr: (H, W, 3) uint8 BGR, a frontal, neutral face (see `mien.engines.mesh.neutralise`).
        portrait_landmarks: (478, 3) float32, MediaPipe's landmarks of it, px.
        mode: "swap" puts the face on the driver's head; "portrait" moves the whole portrait.
        max_side_px: greatest side of the crop it asks for.
        label: what the badge says; "generated" only in portrait mode.
        quality: "half" works on half the crop's size, for a machine that is overloaded.
        reason: why this engine runs, for the console and reports.

    Raises `EngineError` for landmarks of another shape or outside the portrait, and for an unknown mode.
    """

    def __init__(
        self,
        portrait_bgr: Pixels,
        portrait_landmarks: Floats,
        *,
        mode: Mode = "swap",
        max_side_px: int = 1024,
        label: Literal["modified", "generated"] = "modified",
        quality: Quality = "full",
        reason: str = "instant engine: one portrait, no training",
    ) -> None:
        check_pixels(portrait_bgr, "portrait")
        _check(portrait_bgr, portrait_landmarks, mode, quality)
        if mode == "swap" and label == "generated":
            raise EngineError(
                'label "generated" needs mode "portrait": in swap mode the driver\'s picture remains around the face.'
            )
        self._half = quality == "half"
        self._painter: SwapPainter | PortraitPainter
        if mode == "swap":
            self._painter = SwapPainter(portrait_bgr, portrait_landmarks)
        else:
            self._painter = PortraitPainter(portrait_bgr, portrait_landmarks)
        self._spec = EngineSpec(
            name="mesh-half" if self._half else "mesh",
            runtime="opencv",
            device="cpu",
            reason=reason,
            size_px=None,
            margin=1.4,
            coverage="face" if mode == "swap" else "frame",
            label=label,
            max_side_px=max_side_px,
        )

    @property
    def spec(self) -> EngineSpec:
        """Constant."""
        return self._spec

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """Give the persona's patch for one face. See `mien.realtime.engine.Engine`."""
        pixels, alignment = crop.pixels, crop.alignment
        if self._half:
            pixels, alignment = _halved(pixels, alignment)
        try:
            patch = self._painter.paint(face, place(face.landmarks, alignment), pixels)
        except cv2.error as error:
            raise EngineError(f"mesh engine: OpenCV failed on a {pixels.shape[1]}x{pixels.shape[0]} crop: {error}") from error
        return _enlarged(patch, crop.pixels) if self._half else patch

    def close(self) -> None:
        """Nothing is held but memory."""


def place(landmarks: Floats, alignment: Alignment) -> Floats:
    """Take (478, 3) frame landmarks to a crop; z is scaled as x and y are."""
    scale = np.float32(np.sqrt(abs(np.linalg.det(alignment.matrix[:, :2].astype(np.float64)))))
    placed: Floats = np.column_stack([alignment.apply(landmarks[:, :2]), landmarks[:, 2] * scale]).astype(np.float32)
    return placed


def _halved(pixels: Pixels, alignment: Alignment) -> tuple[Pixels, Alignment]:
    width, height = max(8, alignment.width // 2), max(8, alignment.height // 2)
    scale = np.array([[width / alignment.width], [height / alignment.height]], np.float32)
    matrix = alignment.matrix * scale
    matrix[:, 2:] += 0.5 * scale - 0.5
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return small, Alignment(matrix.astype(np.float32), width, height)


def _enlarged(patch: Patch, like: Pixels) -> Patch:
    size = (like.shape[1], like.shape[0])
    pixels = cv2.resize(patch.pixels, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    mask = cv2.resize(patch.mask, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    lit = None
    if patch.lit is not None:
        lit = cv2.resize(patch.lit, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    return Patch(pixels, mask, patch.colour, lit)


def _check(portrait: Pixels, landmarks: Floats, mode: str, quality: str) -> None:
    if landmarks.shape != (LANDMARK_COUNT, 3) or landmarks.dtype != np.float32 or not np.isfinite(landmarks).all():
        raise EngineError(f"portrait landmarks must be (478, 3) float32 and finite, got {landmarks.shape} {landmarks.dtype}.")
    size = np.array([portrait.shape[1], portrait.shape[0]], np.float32)
    middle = landmarks[:468, :2].mean(axis=0)
    if (middle < 0).any() or (middle >= size).any():
        raise EngineError(
            f"the portrait's landmarks centre on {middle.round()}, outside its {size.astype(int)} px.",
            hint="Take the landmarks from this very picture.",
        )
    if mode not in ("swap", "portrait") or quality not in ("full", "half"):
        raise EngineError(f'mode must be "swap" or "portrait" and quality "full" or "half", got {mode!r}, {quality!r}.')
