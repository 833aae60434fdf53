"""DFM files with known answers: whoever knows the crop knows what comes out of them.

Written by hand as tf2onnx writes DeepFaceLab's: NHWC outside and NCHW inside, an open batch, operators of version 12,
and an import of ai.onnx.ml that nothing uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from mien.realtime.frame import Floats  # noqa: E402

SIDE_PX = 128
#: What a matrix of colours does to BGR.
COPY = np.eye(3, dtype=np.float32)
SWAP = COPY[::-1].copy()
FADE = COPY / 2
NAMES = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0")
CHANNELS = (1, 3, 1)


def ellipse(
    side_px: int = SIDE_PX, *, x: float = 0.5, y: float = 0.53, width: float = 0.3, height: float = 0.36
) -> Floats:
    """(S, S) mask of 0 and 1, in shares of the side: about where a face is in a whole-face crop."""
    mask = np.zeros((side_px, side_px), np.float32)
    centre, axes = (round(x * side_px), round(y * side_px)), (round(width * side_px), round(height * side_px))
    return np.asarray(cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, cv2.FILLED), np.float32)


def square(side_px: int, x0: int, y0: int, x1: int, y1: int) -> Floats:
    """(S, S) mask of a rectangle, px."""
    mask = np.zeros((side_px, side_px), np.float32)
    mask[y0:y1, x0:x1] = 1
    return mask


@dataclass(frozen=True)
class KnownModel:
    """`face = colours @ crop + shift`, with `spot` laid over it in `spot_colour`; moved from the crop by the morph."""

    side_px: int = SIDE_PX
    colours: Floats = None  # type: ignore[assignment]
    shift: float = 0.0
    spot: Floats | None = None
    spot_colour: Sequence[float] = (0.0, 1.0, 0.0)
    driver_mask: Floats | None = None
    mask: Floats | None = None
    morphs: bool = False

    def expected(self, crop: np.ndarray, morph: float = 1.0) -> tuple[Floats, Floats]:
        """(S, S, 3) BGR and (S, S) of the smaller mask, 0..1, for a (S, S, 3) uint8 crop; by NumPy alone."""
        seen = crop.astype(np.float32) / 255
        face = seen @ self._colours.T + np.float32(self.shift)
        if self.spot is not None:
            share = self.spot[..., None]
            face = face * (1 - share) + share * np.asarray(self.spot_colour, np.float32)
        if self.morphs:
            face = seen + (face - seen) * np.float32(morph)
        return np.clip(face, 0, 1), np.minimum(*self._masks)

    @cached_property
    def file(self) -> bytes:
        """The model's file."""
        return self.proto.SerializeToString()

    @property
    def proto(self) -> Any:
        """The same as a new `onnx.ModelProto`, to be spoilt."""
        side = self.side_px
        nodes = [
            helper.make_node("Transpose", ["in_face:0"], ["seen"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["seen", "colours", "shift"], ["coloured"], kernel_shape=[1, 1]),
            helper.make_node("Transpose", ["coloured"], ["face"], perm=[0, 2, 3, 1]),
            # The batch reaches the masks by way of nothing.
            helper.make_node("Conv", ["seen", "nothing"], ["none"], kernel_shape=[1, 1]),
            helper.make_node("Transpose", ["none"], ["empty"], perm=[0, 2, 3, 1]),
            helper.make_node("Add", ["empty", "mask_a"], [NAMES[0]]),
            helper.make_node("Add", ["empty", "mask_b"], [NAMES[2]]),
        ]
        held = {
            "colours": self._colours.reshape(3, 3, 1, 1),
            "shift": np.full(3, self.shift, np.float32),
            "nothing": np.zeros((1, 3, 1, 1), np.float32),
            "mask_a": self._masks[0].reshape(1, side, side, 1),
            "mask_b": self._masks[1].reshape(1, side, side, 1),
        }
        face = "face"
        if self.spot is not None:
            held["around"] = 1 - self.spot.reshape(1, side, side, 1)
            held["spot"] = self.spot.reshape(1, side, side, 1) * np.asarray(self.spot_colour, np.float32)
            nodes += [
                helper.make_node("Mul", [face, "around"], ["kept"]),
                helper.make_node("Add", ["kept", "spot"], ["spotted"]),
            ]
            face = "spotted"
        inputs = [helper.make_tensor_value_info("in_face:0", TensorProto.FLOAT, ["unk__7", side, side, 3])]
        if self.morphs:
            inputs.append(helper.make_tensor_value_info("morph_value:0", TensorProto.FLOAT, [1]))
            nodes += [
                helper.make_node("Sub", [face, "in_face:0"], ["far"]),
                helper.make_node("Mul", ["far", "morph_value:0"], ["moved"]),
                helper.make_node("Add", ["in_face:0", "moved"], ["between"]),
            ]
            face = "between"
        nodes.append(helper.make_node("Identity", [face], [NAMES[1]]))
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["unk__8", side, side, channels])
            for name, channels in zip(NAMES, CHANNELS, strict=True)
        ]
        weights = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in held.items()]
        graph = helper.make_graph(nodes, "tf2onnx", inputs, outputs, weights)
        imports = [helper.make_opsetid("", 12), helper.make_opsetid("ai.onnx.ml", 2)]
        return helper.make_model(graph, opset_imports=imports, ir_version=7, producer_name="tf2onnx")

    @property
    def _colours(self) -> Floats:
        return COPY if self.colours is None else self.colours

    @property
    def _masks(self) -> tuple[Floats, Floats]:
        whole = ellipse(self.side_px)
        return (
            whole if self.driver_mask is None else self.driver_mask,
            whole if self.mask is None else self.mask,
        )
