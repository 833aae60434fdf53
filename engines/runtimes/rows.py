"""What the runtimes are, best first: where each runs, what it needs, how it is made. `table` chooses among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from mien.engines.runtimes import onnxruntime_runtime
from mien.engines.runtimes.base import NetworkFile, Preparation, Runner, Wanted
from mien.engines.runtimes.gpu import missing_gpu
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner, Provider
from mien.engines.runtimes.openvino_runtime import OpenVinoRunner
from mien.engines.runtimes.packages import is_installed
from mien.engines.runtimes.torch_runtime import TorchDevice, TorchRunner
from mien.realtime.errors import MissingExtraError
from mien.realtime.frame import Floats

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked of a runtime.

    Attributes:
        network: what to run.
        threads: on the CPU; 0 leaves the number to the runtime.
        precision: see `Wanted`.
        module: builds the same network for PyTorch, its arguments and results in the file's order; None where there
            is only the file.
        sample: inputs to start with and to compare.

    """

    network: NetworkFile
    threads: int
    precision: Wanted
    module: Callable[[], nn.Module] | None
    sample: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Row:
    """One runtime on one device.

    Attributes:
        name: to ask for it by.
        device: where it runs.
        package: what it needs, by the name of its import and of its installation.
        make: opens it.
        problem: what else is missing, once its package is there; empty if nothing is. May import it.
        prepare: what must be done before it can be opened, and takes long; gives None if it was done already.
        automatic: "auto" may take it.
        note: what a user should know of it.

    """

    name: str
    device: str
    package: str
    make: Callable[[Order], Runner]
    problem: Callable[[], str] = lambda: ""
    prepare: Callable[[Order], Preparation | None] | None = None
    automatic: bool = True
    note: str = ""

    @property
    def title(self) -> str:
        """What to call it where PyTorch's two devices must be told apart."""
        return f"{self.name} on {self.device}" if self.name == "torch" else self.name

    def missing(self) -> str:
        """What is missing here, with the command that helps; empty if nothing is."""
        if not is_installed(self.package):
            return f"not installed (`pip install {self.package}`)"
        try:
            return self.problem()
        except MissingExtraError as error:
            return str(error).rstrip(".")


def _openvino(order: Order) -> Runner:
    return OpenVinoRunner(order.network, threads=order.threads, precision=order.precision)


def _onnxruntime(order: Order, provider: Provider = "cpu") -> Runner:
    return OnnxRuntimeRunner(order.network, threads=order.threads, precision=order.precision, provider=provider)


# Imported when they are called: what keeps plans needs more packages than a machine may have that runs no TensorRT.
def _tensorrt(order: Order) -> Runner:
    from mien.engines.runtimes.tensorrt_runtime import TensorRtRunner

    return TensorRtRunner(order.network, precision=order.precision)


def _plan(order: Order) -> Preparation | None:
    from mien.engines.runtimes.tensorrt_preparation import PlanPreparation

    made = PlanPreparation(order.network, precision=order.precision, sample=order.sample, threads=order.threads)
    return made if made.needed else None


def _torch(order: Order, device: TorchDevice, *, compiled: bool = False) -> Runner:
    assert order.module is not None
    return TorchRunner(
        order.module(),
        order.sample,
        [port.name for port in order.network.outputs],
        device=device,
        threads=order.threads,
        precision=order.precision,
        compiled=compiled,
        name=order.network.name,
    )


def _no_compiler() -> str:
    return missing_gpu() or ("" if is_installed("triton") else "torch.compile needs Triton (`pip install triton`)")


def _no_tensorrt() -> str:
    from mien.engines.runtimes.tensorrt_keys import missing_tensorrt

    return missing_gpu() or missing_tensorrt()


def _provider(name: str, provider: Provider, device: str) -> Row:
    return Row(
        name,
        device,
        "onnxruntime",
        partial(_onnxruntime, provider=provider),
        partial(onnxruntime_runtime.missing_provider, provider),
        automatic=False,
        note="not run by Mien's tests; only when it is asked for",
    )


OPENVINO: Final = Row("openvino", "cpu", "openvino", _openvino)
ONNXRUNTIME: Final = Row("onnxruntime", "cpu", "onnxruntime", _onnxruntime)
#: Best first.
TABLE: Final[tuple[Row, ...]] = (
    Row("tensorrt", "cuda", "tensorrt", _tensorrt, _no_tensorrt, _plan),
    Row("torch", "cuda", "torch", partial(_torch, device="cuda"), missing_gpu),
    Row(
        "torch-compiled",
        "cuda",
        "torch",
        partial(_torch, device="cuda", compiled=True),
        _no_compiler,
        automatic=False,
        note="takes up to minutes to start, and no GPU has shown yet that it wins; only when it is asked for",
    ),
    OPENVINO,
    ONNXRUNTIME,
    Row("torch", "cpu", "torch", partial(_torch, device="cpu")),
    _provider("onnxruntime-cuda", "cuda", "cuda"),
    _provider("onnxruntime-directml", "directml", "directml"),
    _provider("onnxruntime-coreml", "coreml", "coreml"),
)
