"""What plans are made for here: which TensorRT is installed, on which GPU, and so under which keys they are found."""

from __future__ import annotations

import hashlib
from typing import Final

from mien.engines.runtimes.base import NetworkFile, Precision, Wanted, check_options
from mien.engines.runtimes.gpu import GpuIdentity, gpu_identity
from mien.engines.runtimes.packages import require
from mien.engines.runtimes.tensorrt_plans import PlanKey
from mien.realtime.errors import EngineError

#: The first whose whole interface is still there in 11.
_OLDEST: Final = (10, 8)
_PURPOSE: Final = "Running a network with TensorRT"


def missing_tensorrt() -> str:
    """Why the TensorRT that is installed cannot be used; empty if it can. Loads its libraries: not without a GPU."""
    found = _version()
    if _numbers(found) < _OLDEST:
        least = ".".join(map(str, _OLDEST))
        return f"TensorRT {found} is installed, {least} or newer is needed (`pip install --upgrade tensorrt`)"
    return ""


def plan_machine() -> tuple[str, GpuIdentity]:
    """The version of TensorRT and the GPU, for which plans are made here.

    Raises:
        EngineError: there is no GPU.
        MissingExtraError: TensorRT or PyTorch is not installed.

    """
    # In this order: TensorRT can end the process where there is no CUDA device.
    gpu = gpu_identity()
    return _version(), gpu


def _version() -> str:
    return str(require("tensorrt", _PURPOSE).__version__)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split(".")[:2] if each.isdecimal())


def plan_keys(network: NetworkFile, precision: Wanted) -> tuple[PlanKey, ...]:
    """The keys that a plan may have, the first choice first."""
    check_options(0, precision)
    if precision not in ("auto", "float32"):
        raise EngineError(
            f"TensorRT runs networks in float16 or float32 here; {precision} was asked for.",
            hint='Leave the precision at "auto".',
        )
    precisions: tuple[Precision, ...] = ("float16", "float32") if precision == "auto" else ("float32",)
    if network.quantised:
        precisions = ("int8",)
    version, gpu = plan_machine()
    sha256 = hashlib.sha256(network.onnx).hexdigest()
    return tuple(PlanKey(version, sha256, each, gpu) for each in precisions)
