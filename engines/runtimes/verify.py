"""Whether a runtime computes what a network says: its outputs beside those of another runtime, in float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from mien.engines.runtimes.base import NetworkFile, Precision
from mien.realtime.frame import Floats

_SEED: Final = 20
#: A difference below this is none, so that two equal outputs have a number of decibels.
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far outputs may be apart.

    Attributes:
        psnr_db: least peak signal-to-noise ratio of a picture (four dimensions, all values within 0..1), dB.
        relative: greatest norm of the difference relative to the reference's norm, of any other output.

    """

    psnr_db: float
    relative: float


#: float32 differs by the order of its sums, by Winograd's convolutions and, on a GPU, by TF32's 10 bits; bfloat16 keeps
#: 8 bits, so each layer adds about 0.2 % and ten of them 1 %; integers round differently on each processor. 40 dB is
#: below what an eye sees.
TOLERANCES: Final[Mapping[Precision, Tolerance]] = MappingProxyType(
    {
        "float32": Tolerance(60.0, 3e-3),
        "float16": Tolerance(50.0, 0.01),
        "bfloat16": Tolerance(40.0, 0.03),
        "int8": Tolerance(40.0, 0.05),
    }
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output beside the reference's.

    Attributes:
        text: what was measured ("rgb 84.8 dB").
        within: it is within the tolerance.

    """

    text: str
    within: bool


def sample_for(network: NetworkFile) -> dict[str, Floats]:
    """Inputs to compare runtimes with: uniform in 0..1, the same each time."""
    random = np.random.default_rng(_SEED)
    return {port.name: random.random(port.shape, np.float32) for port in network.inputs}


def compare(
    given: Mapping[str, Floats], reference: Mapping[str, Floats], tolerance: Tolerance
) -> tuple[Comparison, ...]:
    """Compare each output; both have the same names and shapes. Values that are not finite are never within."""
    return tuple(_compared(name, given[name], expected, tolerance) for name, expected in reference.items())


def _compared(name: str, given: Floats, expected: Floats, tolerance: Tolerance) -> Comparison:
    if not np.isfinite(given).all() or not np.isfinite(expected).all():
        return Comparison(f"{name} not finite", False)
    difference = given.astype(np.float64) - expected
    if expected.ndim == 4 and expected.min() >= 0 and expected.max() <= 1:
        psnr = -10 * np.log10(max(float(np.mean(difference**2)), _NOTHING))
        return Comparison(f"{name} {psnr:.0f} dB", bool(psnr >= tolerance.psnr_db))
    norm = max(float(np.linalg.norm(expected)), _NOTHING)
    relative = float(np.linalg.norm(difference)) / norm
    return Comparison(f"{name} {relative:.2g} apart", bool(relative <= tolerance.relative))
