"""The swap network as an engine of the live path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.light import apply_gain, shading
from mien.engines.swapnet.code import tracked_code
from mien.engines.swapnet.edit import CodeEdit
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Crop, Floats, Patch

#: Side of the square that the network sees and paints, over the canonical face's height.
MARGIN = 1.3
#: Side of what the encoder sees, and of its map of what is before the face, px.
SEEN_PX, FRONT_PX = 128, 64
#: Width of a face in the square, share of its side.
_FACE_SHARE = 0.62

Mask = NDArray[np.uint8]


class Network(Protocol):
    """What a runtime makes of one half of the network; see `mien.engines.runtimes`."""

    def __call__(self, inputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
        """Float32 arrays by name to the same; what it gives may be overwritten by the next call."""

    def close(self) -> None:
        """Free it; idempotent."""


class SwapNetEngine:
    """`mien.realtime.engine.Engine` over an encoder and a persona's decoder.

    Args:
        encoder: inputs ``pixels`` and ``tracked``, outputs ``named``, ``free`` and ``front``.
        decoder: inputs ``named`` and ``free``, output ``patch``.
        spec: with `size_px` the decoder's.
        edit: asked before each frame what to change in the expression; None changes nothing.

    """

    def __init__(
        self, encoder: Network, decoder: Network, spec: EngineSpec, edit: Callable[[], CodeEdit] | None = None
    ) -> None:
        if spec.size_px is None or spec.size_px < SEEN_PX // 2:
            raise EngineError(f"the network's square must be at least {SEEN_PX // 2} px, got {spec.size_px}.")
        self._encoder, self._decoder, self._spec = encoder, decoder, spec
        self._edit = edit if edit is not None else CodeEdit
        self._closed = False

    @property
    def spec(self) -> EngineSpec:
        """Constant."""
        return self._spec

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """Give the persona's patch for one face. See `mien.realtime.engine.Engine`."""
        size = self._spec.size_px
        if crop.pixels.shape[:2] != (size, size):
            raise EngineError(f"the network wants a square of {size} px, got {crop.pixels.shape[:2]}.")
        named, free, front = self.encode(face, crop)
        pixels, mask, wet = self.decode(self._edit().apply(named), free)
        mask = cv2.subtract(mask, _enlarged(front, mask.shape[0])).astype(np.uint8, copy=False)
        skin = cv2.subtract(mask, wet).astype(np.uint8, copy=False)
        gain, _ = shading(crop.pixels, pixels, skin, _FACE_SHARE * mask.shape[0])
        return Patch(apply_gain(pixels, gain), mask, lit=wet)

    def encode(self, face: Face, crop: Crop) -> tuple[Floats, Floats, Floats]:
        """(`NAMED`,) and (free,) halves of the code, and (64, 64) share of what is before the face; float32."""
        seen = crop.pixels
        if seen.shape[0] != SEEN_PX:
            seen = cv2.resize(seen, (SEEN_PX, SEEN_PX), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        pixels = cv2.dnn.blobFromImage(seen, 1 / 255, swapRB=True).astype(np.float32, copy=False)
        out = self._encoder({"pixels": pixels, "tracked": tracked_code(face)[None]})
        named, free, front = out["named"][0].copy(), out["free"][0].copy(), out["front"][0, 0].copy()
        if not (np.isfinite(named).all() and np.isfinite(free).all()):
            raise EngineError("the encoder gave numbers that are not finite.")
        return named, free, front

    def decode(self, named: Floats, free: Floats) -> tuple[NDArray[np.uint8], Mask, Mask]:
        """(S, S, 3) uint8 BGR, and (S, S) uint8 of the face and of what is wet, for both halves of a code."""
        patch = self._decoder({"named": named[None], "free": free[None]})["patch"][0]
        levels = cv2.convertScaleAbs(np.maximum(patch, 0.0))
        blue, green, red, mask, wet = cv2.split(levels)
        pixels = cv2.merge([blue, green, red]).astype(np.uint8, copy=False)
        return pixels, mask.astype(np.uint8, copy=False), wet.astype(np.uint8, copy=False)

    def close(self) -> None:
        """Free both networks; idempotent."""
        if not self._closed:
            self._closed = True
            self._encoder.close()
            self._decoder.close()


def _enlarged(share: Floats, size_px: int) -> Mask:
    """(S, S) uint8 of a share 0..1."""
    levels = cv2.convertScaleAbs(share, alpha=255.0)
    return np.asarray(cv2.resize(levels, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
