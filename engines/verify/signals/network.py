"""The learned detector's network: a small CNN on each aligned crop, a GRU over them. Needs torch; only for training.

After Güera and Delp, "Deepfake video detection using recurrent neural networks", AVSS 2018 (CNN, then a recurrent
network), with the high-pass first layer of Bayar and Stamm, "A deep learning approach to universal image manipulation
detection", IH&MMSec 2016, here a fixed one: what is low in frequency is who it is and how the light falls.
"""

from __future__ import annotations

import logging
import warnings
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.engines.verify.signals.learned import INPUT, LENGTH, OUTPUT
from mien.engines.verify.signals.sight import ALIGNED_PX
from mien.realtime.errors import ModelError

_WIDTHS: Final = (12, 24, 32, 32)
_STATE: Final = 24
_DROPOUT: Final = 0.3
_BLUR_PX: Final = 5
#: Residues are a few grey levels of 255; so they are about 1.
_GAIN: Final = 20.0
_OPSET: Final = 18


class DetectorNetwork(nn.Module):
    """(B, LENGTH, 64, 64) float32 luma 0..1 to (B, 1) logits; greater is more like the swapped faces it was shown."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for wide, wider in zip((1, *_WIDTHS[:-1]), _WIDTHS, strict=True):
            layers += [nn.Conv2d(wide, wider, 3, stride=2, padding=1), nn.ReLU()]
        # Not averaged over the crop: where a difference lies, at the outline or in the middle, says the most.
        left = (ALIGNED_PX // 2 ** len(_WIDTHS)) ** 2 * _WIDTHS[-1]
        self.frames = nn.Sequential(
            *layers, nn.Flatten(), nn.Dropout(_DROPOUT), nn.Linear(left, _WIDTHS[-1]), nn.ReLU()
        )
        # Gates by hand: exported GRUs become loops in some versions, and a network with loops is not loaded.
        self.inward, self.onward = nn.Linear(_WIDTHS[-1], 3 * _STATE), nn.Linear(_STATE, 3 * _STATE)
        self.answer = nn.Linear(_STATE, 1)

    def forward(self, luma: Tensor) -> Tensor:
        """Logits of a batch."""
        flat = luma.reshape(-1, 1, ALIGNED_PX, ALIGNED_PX)
        smooth = functional.avg_pool2d(functional.pad(flat, (_BLUR_PX // 2,) * 4, mode="replicate"), _BLUR_PX, stride=1)
        seen = self.frames((flat - smooth) * _GAIN).reshape(-1, LENGTH, _WIDTHS[-1])
        state = torch.zeros(luma.shape[0], _STATE)
        for step in range(LENGTH):
            state = self._step(seen[:, step], state)
        logits: Tensor = self.answer(state)
        return logits

    def _step(self, seen: Tensor, state: Tensor) -> Tensor:
        """One step of a gated recurrent unit (Cho et al., EMNLP 2014)."""
        keep_in, reset_in, new_in = self.inward(seen).chunk(3, dim=1)
        keep_on, reset_on, new_on = self.onward(state).chunk(3, dim=1)
        keep = torch.sigmoid(keep_in + keep_on)
        new = torch.tanh(new_in + torch.sigmoid(reset_in + reset_on) * new_on)
        return keep * state + (1 - keep) * new


class _Score(nn.Module):
    """What is shipped: one sequence to a number 0..1."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, luma: Tensor) -> Tensor:
        return torch.sigmoid(self.network(luma))


def export(network: DetectorNetwork) -> bytes:
    """The network as ONNX, for one sequence. Raises `ModelError` where torch exports nothing."""
    sample = torch.zeros(1, LENGTH, ALIGNED_PX, ALIGNED_PX)
    # The exporter warns of every operation that only torchvision has.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Score(network).eval(), (sample,), input_names=[INPUT], output_names=[OUTPUT], opset_version=_OPSET,
            dynamo=True, verbose=False, optimize=True,
        )  # fmt: skip
    if program is None:
        raise ModelError("torch exported nothing.")
    model = program.model_proto
    # The exporter writes where in which source file each operator came from: paths of whoever trained.
    for part in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
    ):
        del part.metadata_props[:]
        part.doc_string = ""
    return bytes(model.SerializeToString())
