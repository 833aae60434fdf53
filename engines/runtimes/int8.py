"""Makes a network's convolutions 8-bit integers, by NNCF: for processors with no bfloat16 tiles.

Not for the live path: it takes a minute, needs `nncf` and `onnxruntime`, and real inputs to measure ranges on. Matrix
products stay as they are: they read codes, whose rare large values 8 bits cut off, and cost next to nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from itertools import islice
from typing import Final

from mien.engines.runtimes.base import Buffers, NetworkFile
from mien.engines.runtimes.integer_weights import widen
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner
from mien.engines.runtimes.packages import require
from mien.engines.runtimes.verify import TOLERANCES, Tolerance, compare
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

_PURPOSE: Final = "Quantising a network"
#: NNCF's own number of samples to measure ranges on.
_SAMPLES: Final = 300
#: One sample in so many is not measured on: there the result is compared.
_HELD_OUT: Final = 16
_MATRIX_PRODUCTS: Final = ["Gemm", "MatMul"]


def quantise(
    network: NetworkFile,
    calibration: Iterable[Mapping[str, Floats]],
    *,
    samples: int = _SAMPLES,
    tolerance: Tolerance = TOLERANCES["int8"],
) -> NetworkFile:
    """Give the network with 8-bit weights and activations; a quarter of its size, as ONNX that any runtime reads.

    Args:
        network: in float32; its weights may be stored as float16. Its notes are not taken over.
        calibration: inputs as the live path will give them, by name; noise measures the wrong ranges.
        samples: at most this many are used. One in 16, from the first on, is what the result is compared on, and
            unless it is the only one not what ranges are measured on.
        tolerance: how far the result may be from the network on each of those.

    Raises:
        EngineError: no sample, samples that do not fit the network, or a result that is not near enough.
        MissingExtraError: NNCF, ONNX or ONNX Runtime is not installed.
        ModelError: the network is quantised already, or NNCF refuses it.

    """
    if network.quantised:
        raise ModelError(f"The network {network.name!r} is quantised already.", hint="Quantise the float32 one.")
    onnx = require("onnx", _PURPOSE)
    # Unless this is set before its import, NNCF reports its use to a server of Google's.
    os.environ.setdefault("NNCF_CI", "1")
    nncf = require("nncf", _PURPOSE)
    nncf.set_log_level(logging.ERROR)
    taken = _taken(network, calibration, samples)
    learnt = [each for index, each in enumerate(taken) if index % _HELD_OUT] or taken
    model = onnx.load_model_from_string(network.onnx)
    del model.metadata_props[:]
    # NNCF looks for weights, and finds none behind a Cast.
    widen(onnx, model.graph)
    try:
        # Its bars of progress go to stdout, where a command's JSON document must stand alone.
        with redirect_stdout(sys.stderr):
            model = nncf.quantize(
                model,
                nncf.Dataset(learnt),
                subset_size=len(learnt),
                # What comes from a leaky ReLU reaches ten times as far up as down.
                preset=nncf.QuantizationPreset.MIXED,
                ignored_scope=nncf.IgnoredScope(types=_MATRIX_PRODUCTS, validate=False),
                # CPUs without VNNI add two 8-bit products in 16 bits, which run over: weights of 7 bits do not.
                advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
            )
        made = model.SerializeToString()
    except Exception as error:
        # NNCF raises its own, ONNX's and ONNX Runtime's errors.
        raise ModelError(f"NNCF {nncf.__version__} cannot quantise the network {network.name!r}: {error}") from error
    quantised = NetworkFile(made, network.name)
    check_near(network, quantised, held_out(taken), tolerance)
    return quantised


def held_out(calibration: list[dict[str, Floats]]) -> list[dict[str, Floats]]:
    """Those of a calibration's inputs that `quantise` does not measure ranges on."""
    return calibration[::_HELD_OUT]


def _taken(network: NetworkFile, calibration: Iterable[Mapping[str, Floats]], samples: int) -> list[dict[str, Floats]]:
    taken = []
    for given in islice(calibration, max(samples, 1)):
        buffers = Buffers.zeros(network)
        buffers.fill(given)
        taken.append(dict(buffers.inputs))
    if not taken:
        raise EngineError(f"There is no sample to quantise the network {network.name!r} on.", hint="Give some hundred.")
    return taken


def check_near(network: NetworkFile, made: NetworkFile, judges: list[dict[str, Floats]], tolerance: Tolerance) -> None:
    """See that a quantised network gives about what it was made from gives, for each of some inputs.

    Raises:
        EngineError: it does not.

    """
    before, after = OnnxRuntimeRunner(network), OnnxRuntimeRunner(made)
    try:
        compared = [each for sample in judges for each in compare(after(sample), before(sample), tolerance)]
    finally:
        before.close()
        after.close()
    if not all(each.within for each in compared):
        measured = ", ".join(each.text for each in compared if not each.within)
        raise EngineError(
            f"The network {network.name!r} lost too much as 8-bit integers ({measured}).",
            hint="Give more samples like those of the live path, or leave it in bfloat16.",
        )
