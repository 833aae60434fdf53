"""A DFM as an engine of the live path."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.formats.base import Morph
from mien.engines.runtimes.base import Runner
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Crop, Floats, Patch

#: Outputs are said to lie about 0..1; a network that goes further speaks of something else, such as 0..255.
_FURTHEST = 1.0


class DfmEngine:
    """`mien.realtime.engine.Engine` over a DFM's network.

    The persona is painted in the light of the driver's own crop, which such models are trained for, so the blend does
    not match its colour again.

    Args:
        network: with the ports of `mien.engines.formats.dfm`.
        spec: with `size_px` the network's side.
        morph: asked before each frame, 0..1, of a network that has the input (`spec.morph`); None takes the spec's.

    """

    def __init__(self, network: Runner, spec: EngineSpec, morph: Morph) -> None:
        assert spec.size_px is not None
        self._network, self._spec, self._side = network, spec, spec.size_px
        self._face = np.empty((1, self._side, self._side, 3), np.float32)
        self._inputs: dict[str, Floats] = {"in_face:0": self._face}
        self._ask_morph, self._morph = morph, np.zeros(1, np.float32)
        if spec.morph is not None:
            self._inputs["morph_value:0"] = self._morph
        self._closed = False

    @property
    def spec(self) -> EngineSpec:
        """Constant."""
        return self._spec

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """Give the persona's patch for one face. See `mien.realtime.engine.Engine`."""
        if crop.pixels.shape[:2] != (self._side, self._side):
            raise EngineError(f"the model wants a square of {self._side} px, got {crop.pixels.shape[:2]}.")
        np.multiply(crop.pixels, np.float32(1 / 255), out=self._face[0], dtype=np.float32)
        if self._spec.morph is not None:
            said = self._ask_morph()
            self._morph[0] = self._spec.morph if said is None else said
        out = self._network(self._inputs)
        pixels = _levels(out["out_celeb_face:0"][0])
        mask = np.minimum(_levels(out["out_face_mask:0"][0, ..., 0]), _levels(out["out_celeb_face_mask:0"][0, ..., 0]))
        # The face ends within the crop: a mask that reaches its edge would else be taken to go on beyond it.
        mask[[0, -1]] = 0
        mask[:, [0, -1]] = 0
        return Patch(pixels, mask, colour=False)

    def close(self) -> None:
        """Free the network; idempotent."""
        if not self._closed:
            self._closed = True
            self._network.close()


def _levels(values: Floats) -> NDArray[np.uint8]:
    """0..1 as 0..255, what is a little beyond cut off.

    Raises:
        EngineError: far beyond, or not finite.

    """
    least, most = float(values.min()), float(values.max())
    # Written so that a NaN fails too.
    if not (least >= -_FURTHEST and most <= 1 + _FURTHEST):
        raise EngineError(f"the model gave values from {least:g} to {most:g}; they must lie about 0 to 1.")
    if least < 0:
        values = np.maximum(values, 0.0)
    return np.asarray(cv2.convertScaleAbs(values, alpha=255.0), np.uint8)
