"""The learned detector: plays `detector.onnx`, made by benchmarks/detector.py. See docs/model-cards/detector.md."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import numpy as np

from mien.engines.runtimes.base import NetworkFile, Runner
from mien.engines.runtimes.table import open_runner
from mien.engines.verify.signals.sight import ALIGNED_PX, Sights
from mien.realtime.frame import Floats

#: Sights in a sequence, 0.8 s of them.
LENGTH: Final = 12
INPUT, OUTPUT = "luma", "score"


def learned_score(sights: Sights) -> float:
    """Mean over the run's sequences, 0..1; not a probability, for its threshold is another on other material."""
    scores = [float(_runner()({INPUT: sequence[None]})[OUTPUT][0, 0]) for sequence in sequences(sights)]
    return float(np.mean(scores)) if scores else float("nan")


def sequences(sights: Sights) -> list[Floats]:
    """(LENGTH, 64, 64) float32 luma 0..1, one after the other without overlap; what is left at the end is left out."""
    crops = [sight.aligned for sight in sights if sight.aligned is not None]
    return [
        (np.stack(crops[begin : begin + LENGTH]) / 255).astype(np.float32)
        for begin in range(0, len(crops) - LENGTH + 1, LENGTH)
    ]


@cache
def _runner() -> Runner:
    """The network, loaded once a process by the first runtime that plays it as it should.

    In float32: bfloat16 moves the score, and it takes a millisecond either way.
    """
    data = resources.files("mien.engines.verify.signals").joinpath("detector.onnx").read_bytes()
    network = NetworkFile(data, "learned detector")
    shape = (1, LENGTH, ALIGNED_PX, ALIGNED_PX)
    network.check(inputs={INPUT: shape}, outputs={OUTPUT: (1, 1)})
    return open_runner(network, device="cpu", threads=1, precision="float32").runner
