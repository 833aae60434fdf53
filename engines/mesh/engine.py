"""The instant engine: a persona from one portrait, without training."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.portrait import PortraitPainter
from mien.engines.mesh.swap import SwapPainter
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.face import LANDMARK_COUNT, Face
from mien.realtime.frame import Alignment, Crop, Floats, Patch, Pixels, check_pixels

Mode = Literal["swap", "portrait"]
Quality = Literal["full", "half"]

#: The mask stays within the driver's own silhouette, so the crop needs little more than his box.
_MARGIN = 1.15


class MeshEngine:
    """`mien.realtime.engine.Engine` over a portrait's mesh.

    Args:
        portrait_bgr: (H, W, 3) uint8 BGR, a frontal, neutral face (see `mien.engines.mesh.neutralise`).
        portrait_landmarks: (478, 3) float32, MediaPipe's landmarks of it, px.
        mode: "swap" puts the face on the driver's head; "portrait" moves the whole portrait.
        max_side_px: greatest side of what it works on; a larger crop is scaled down, and its patch up again.
        label: what the badge says; "generated" only in portrait mode.
        exclusion: (H, W) uint8 or None, 255 where the portrait's brow is under hair, which is not pasted (swap mode).
        quality: "half" works on half the crop's size, for a machine that is overloaded.
        reason: why this engine runs, for the console and reports.
        painter: of another engine of this portrait in this mode, to be shared; None makes one, which takes a while.
        frame_px: (width, height) of the frames that come, for which portrait mode lays itself out here; else it does so
            at the first frame of each size, which is then late.

    Raises `EngineError` for landmarks of another shape or outside the portrait, and for an unknown mode.

    """

    def __init__(
        self,
        portrait_bgr: Pixels,
        portrait_landmarks: Floats,
        *,
        mode: Mode = "swap",
        max_side_px: int = 1280,
        label: Literal["modified", "generated"] = "modified",
        exclusion: NDArray[np.uint8] | None = None,
        quality: Quality = "full",
        reason: str = "instant engine: one portrait, no training",
        painter: SwapPainter | PortraitPainter | None = None,
        frame_px: tuple[int, int] | None = None,
    ) -> None:
        check_pixels(portrait_bgr, "portrait")
        _check(portrait_bgr, portrait_landmarks, mode, quality)
        if exclusion is not None and (exclusion.shape != portrait_bgr.shape[:2] or exclusion.dtype != np.uint8):
            raise EngineError(
                f"exclusion must be {portrait_bgr.shape[:2]} uint8 as the portrait, "
                f"got {exclusion.shape} {exclusion.dtype}."
            )
        if mode == "swap" and label == "generated":
            raise EngineError(
                'label "generated" needs mode "portrait": in swap mode the driver\'s picture remains around the face.'
            )
        self._half = quality == "half"
        self.painter: SwapPainter | PortraitPainter
        if painter is not None:
            self.painter = painter
        elif mode == "swap":
            self.painter = SwapPainter(portrait_bgr, portrait_landmarks, exclusion)
        else:
            self.painter = PortraitPainter(portrait_bgr, portrait_landmarks)
        self._spec = EngineSpec(
            name="mesh-half" if self._half else "mesh",
            runtime="opencv",
            device="cpu",
            reason=reason,
            size_px=None,
            margin=_MARGIN,
            coverage="face" if mode == "swap" else "frame",
            label=label,
            max_side_px=max_side_px,
            precision="uint8",
        )
        if frame_px is not None and isinstance(self.painter, PortraitPainter):
            scale = self._scale(frame_px)
            self.painter.lay_out(_reduced_px(frame_px, scale) if scale < 1 else frame_px)

    @property
    def spec(self) -> EngineSpec:
        """Constant."""
        return self._spec

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """Give the persona's patch for one face. See `mien.realtime.engine.Engine`."""
        pixels, alignment = crop.pixels, crop.alignment
        scale = self._scale((alignment.width, alignment.height))
        if scale < 1:
            pixels, alignment = _reduced(pixels, alignment, scale)
        try:
            patch = self.painter.paint(face, place(face.landmarks, alignment), pixels)
        except cv2.error as error:
            raise EngineError(
                f"mesh engine: OpenCV failed on a {pixels.shape[1]}x{pixels.shape[0]} crop: {error}"
            ) from error
        return _enlarged(patch, crop.pixels) if scale < 1 else patch

    def close(self) -> None:
        """Nothing is held but memory."""

    def _scale(self, size: tuple[int, int]) -> float:
        """What a crop of (width, height) px is scaled by before it is worked on."""
        return min(1.0, self._spec.max_side_px / max(size)) * (0.5 if self._half else 1.0)


def place(landmarks: Floats, alignment: Alignment) -> Floats:
    """Take (478, 3) frame landmarks to a crop; z is scaled as x and y are."""
    scale = np.float32(np.sqrt(abs(np.linalg.det(alignment.matrix[:, :2].astype(np.float64)))))
    placed: Floats = np.column_stack([alignment.apply(landmarks[:, :2]), landmarks[:, 2] * scale]).astype(np.float32)
    return placed


def _reduced(pixels: Pixels, alignment: Alignment, factor: float) -> tuple[Pixels, Alignment]:
    width, height = _reduced_px((alignment.width, alignment.height), factor)
    scale = np.array([[width / alignment.width], [height / alignment.height]], np.float32)
    matrix = alignment.matrix * scale
    matrix[:, 2:] += 0.5 * scale - 0.5
    # At a half, bilinear sampling is the mean of four pixels already, and several times as fast.
    how = cv2.INTER_LINEAR if factor >= 0.5 else cv2.INTER_AREA
    small = cv2.resize(pixels, (width, height), interpolation=how).astype(np.uint8, copy=False)
    return small, Alignment(matrix.astype(np.float32), width, height)


def _reduced_px(size: tuple[int, int], factor: float) -> tuple[int, int]:
    width, height = (max(8, round(side * factor)) for side in size)
    return width, height


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
        raise EngineError(
            f"portrait landmarks must be (478, 3) float32 and finite, got {landmarks.shape} {landmarks.dtype}."
        )
    size = np.array([portrait.shape[1], portrait.shape[0]], np.float32)
    middle = landmarks[:468, :2].mean(axis=0)
    if (middle < 0).any() or (middle >= size).any():
        raise EngineError(
            f"the portrait's landmarks centre on {middle.round()}, outside its {size.astype(int)} px.",
            hint="Take the landmarks from this very picture.",
        )
    if mode not in ("swap", "portrait") or quality not in ("full", "half"):
        raise EngineError(f'mode must be "swap" or "portrait" and quality "full" or "half", got {mode!r}, {quality!r}.')
