"""The swap network as an engine of the live path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.mesh.light import apply_gain, shading
from mien.engines.swapnet.bending import bent, spread
from mien.engines.swapnet.code import tell, tracked_code
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.likeness import Likeness
from mien.engines.swapnet.marks import Marks
from mien.engines.swapnet.steady import SteadyCode
from mien.engines.swapnet.steady_picture import SteadyPicture
from mien.engines.swapnet.terms import FACE_SHARE, MOST_IN_FRONT, SEEN_PX, SURE
from mien.engines.swapnet.texture import Window, dressed, levels_of
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Crop, Floats, Patch

#: From the decoder's channels (red, green, blue, face, wet) to those that are worked on together.
_TO_BGR_FACE = [0, 2, 1, 1, 2, 0, 3, 3]
_FACE, _WET = 3, 4
#: Less of the face, in levels, is none: a decoder never says quite 0, and a blend shows nothing below twice as much.
_LEAST_FACE: Final = 16
#: What is painted reaches so much further than the face, share of the square: a blend that shrinks it mixes pixels.
_AROUND: Final = 1 / 32

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
        decoder: inputs ``named`` and ``free``, outputs ``painted`` and ``where``.
        spec: with `size_px` the decoder's.
        texture: of the persona, (T, T, 3) float32, see `mien.engines.swapnet.texture.read_texture`.
        marks: of the persona, by which its face is laid over the driver's.
        edit: asked before each frame what to change in the expression; None changes nothing.

    """

    def __init__(
        self,
        encoder: Network,
        decoder: Network,
        spec: EngineSpec,
        texture: Floats,
        marks: Marks,
        edit: Callable[[], CodeEdit] | None = None,
    ) -> None:
        if spec.size_px is None or spec.size_px < SEEN_PX // 2:
            raise EngineError(f"the network's square must be at least {SEEN_PX // 2} px, got {spec.size_px}.")
        self._encoder, self._decoder, self._spec = encoder, decoder, spec
        self._edit = edit if edit is not None else CodeEdit
        self._texture = np.dstack([texture, np.zeros_like(texture[..., :1])])
        self._side = spec.size_px
        self._likeness = Likeness(marks, spec.size_px)
        self._steady = SteadyCode()
        self._steady_picture = SteadyPicture() if spec.precision == "int8" else None
        self._closed = False

    @property
    def spec(self) -> EngineSpec:
        """Constant."""
        return self._spec

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """Give the persona's patch for one face. See `mien.realtime.engine.Engine`."""
        if crop.pixels.shape[:2] != (self._side, self._side):
            raise EngineError(f"the network wants a square of {self._side} px, got {crop.pixels.shape[:2]}.")
        named, free, front = self.encode(face, crop)
        named, free = self._steady(face.track_id, named, free)
        # Kept within the trained range either way, so that only what the user asked for counts as an edit.
        named, told = CodeEdit().apply(named), self._edit().apply(named)
        moves = self._likeness.moves(face, crop.alignment, named, told)
        pixels, mask, wet = self.decode(told, free, moves, face.track_id)
        skin = cv2.subtract(mask, wet).astype(np.uint8, copy=False)
        gain, brightness = shading(crop.pixels, pixels, skin, FACE_SHARE * mask.shape[0])
        pixels = apply_gain(pixels, gain)
        if brightness < 1:
            # In the dark the whites and the teeth darken with the skin; on a fairer driver they do not brighten.
            _darken(pixels, wet, brightness)
        return Patch(pixels, _behind(mask, front), lit=wet)

    def encode(self, face: Face, crop: Crop) -> tuple[Floats, Floats, Floats]:
        """(`NAMED`,) and (free,) halves of the code, and (64, 64) share of what is before the face; float32."""
        seen = crop.pixels
        if seen.shape[0] != SEEN_PX:
            seen = cv2.resize(seen, (SEEN_PX, SEEN_PX), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        pixels = cv2.dnn.blobFromImage(seen, 1 / 255, swapRB=True).astype(np.float32, copy=False)
        tracked = tracked_code(face)
        out = self._encoder({"pixels": pixels, "tracked": tracked[None]})
        named, free, front = out["named"][0].copy(), out["free"][0].copy(), out["front"][0, 0].copy()
        if not all(np.isfinite(each).all() for each in (named, free, front)):
            raise EngineError("the encoder gave numbers that are not finite.")
        tell(named, tracked)
        return named, free, front

    def decode(
        self, named: Floats, free: Floats, moves: Floats | None = None, track_id: int | None = None
    ) -> tuple[NDArray[np.uint8], Mask, Mask]:
        """Paint a code, and bend what is painted.

        Args:
            named: (`NAMED`,) half of the code.
            free: the other.
            moves: see `mien.engines.swapnet.likeness.moves_of`; None bends nothing, and paints everywhere.
            track_id: whose, to steady what 8-bit layers paint; None takes it as it is.

        Returns:
            (S, S, 3) uint8 BGR, and (S, S) uint8 of the face and of what is wet. What is bent is 0 away from the face.

        """
        out = self._decoder({"named": named[None], "free": free[None]})
        if not all(np.isfinite(each).all() for each in out.values()):
            raise EngineError("the decoder gave numbers that are not finite.")
        if self._steady_picture is not None and track_id is not None:
            out = self._steady_picture(track_id, named, free, out)
        painted, where = out["painted"][0], out["where"][0]
        wet = levels_of(cv2.extractChannel(painted, _WET))
        if moves is None:
            quad = dressed(bgr_and_face(painted), where, self._texture)
            return np.ascontiguousarray(quad[..., :3]), np.ascontiguousarray(quad[..., 3]), wet
        side, around = self._side, self._side * _AROUND
        face = cv2.threshold(cv2.extractChannel(painted, _FACE), _LEAST_FACE, 255, cv2.THRESH_BINARY)[1]
        seen = cv2.boundingRect(face.astype(np.uint8))
        whole, bare = np.zeros((side, side, 4), np.uint8), np.zeros((side, side), np.uint8)
        if not seen[2]:
            return np.zeros((side, side, 3), np.uint8), bare, bare
        window = _window(seen, math.ceil(around), side)
        whole[window] = dressed(bgr_and_face(painted[window]), where, self._texture, window)
        window = _window(seen, math.ceil(around + float(np.abs(moves).max())), side)
        places = spread(moves, side, window)
        pixels, mask, lit = np.zeros((side, side, 3), np.uint8), bare, bare.copy()
        quad = bent(whole, places)
        pixels[window], mask[window], lit[window] = quad[..., :3], quad[..., 3], bent(wet, places)
        return pixels, mask, lit

    def close(self) -> None:
        """Free both networks; idempotent."""
        if not self._closed:
            self._closed = True
            self._encoder.close()
            self._decoder.close()


def bgr_and_face(painted: Floats) -> Floats:
    """(h, w, 4) of the decoder's (h, w, 5): blue, green, red and the face, which go through all that follows as one."""
    quad = np.empty((*painted.shape[:2], 4), np.float32)
    cv2.mixChannels([painted], [quad], _TO_BGR_FACE)
    return quad


def _window(box: Sequence[int], around: int, side: int) -> Window:
    """Rows and columns of x, y, width and height and so many px around them, within a square of `side`."""
    spans = ((box[1], box[3]), (box[0], box[2]))
    rows, columns = (slice(max(first - around, 0), min(first + count + around, side)) for first, count in spans)
    return rows, columns


def _behind(mask: Mask, front: Floats) -> Mask:
    """The (S, S) face less what the (64, 64) share 0..1 says is in front of it.

    Raises:
        EngineError: so much is in front that the driver's face would be bare.

    """
    size = (mask.shape[1], mask.shape[0])
    share = np.clip((front - SURE[0]) / (SURE[1] - SURE[0]), 0.0, 1.0)
    levels = cv2.resize(cv2.convertScaleAbs(share, alpha=255.0), size, interpolation=cv2.INTER_LINEAR)
    left = np.asarray(cv2.multiply(mask, cv2.bitwise_not(levels), scale=1 / 255), np.uint8)
    face = float(cv2.sumElems(mask)[0])
    if float(cv2.sumElems(left)[0]) < (1 - MOST_IN_FRONT) * face:
        raise EngineError("too much of the face is behind something.")
    return left


def _darken(pixels: NDArray[np.uint8], wet: Mask, brightness: float) -> None:
    """Scale (S, S, 3) pixels by a brightness below 1 where they are wet, in place."""
    x, y, width, height = cv2.boundingRect(wet)
    if not width:
        return
    window = (slice(y, y + height), slice(x, x + width))
    gain = 1 - (1 - np.float32(brightness)) * (wet[window].astype(np.float32)[..., None] / 255)
    pixels[window] = (pixels[window] * gain).astype(np.uint8)
