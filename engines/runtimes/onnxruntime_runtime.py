"""ONNX Runtime: everywhere, in float32 on the CPU; the reference that the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from mien.engines.runtimes.base import (
    DEFAULT_THREADS,
    Buffers,
    NetworkFile,
    Precision,
    Wanted,
    check_options,
    first_line,
    open_buffers,
)
from mien.engines.runtimes.packages import require
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

Provider = Literal["cpu", "cuda", "directml", "coreml"]
#: ONNX Runtime's name of a provider, what to call its device, and the wheel that has it.
_PROVIDERS: Final[dict[Provider, tuple[str, str, str]]] = {
    "cpu": ("CPUExecutionProvider", "cpu", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "cuda:0", "onnxruntime-gpu"),
    "directml": ("DmlExecutionProvider", "directml", "onnxruntime-directml"),
    "coreml": ("CoreMLExecutionProvider", "coreml", "onnxruntime"),
}
_ERRORS_ONLY: Final = 3


class OnnxRuntimeRunner:
    """A `mien.engines.runtimes.base.Runner`.

    Args:
        network: what to run.
        threads: within an operator, on the CPU; 0 leaves the number to ONNX Runtime: all physical cores.
        precision: "auto" or "float32"; its CPU kernels have no other.
        provider: whose kernels. Only "cpu" was ever run by Mien's tests; another one never falls back to it.

    Raises:
        ConfigError: a number of threads or a precision that is none.
        EngineError: another precision was asked for, or the provider is not in this wheel or does not start.
        MissingExtraError: ONNX Runtime is not installed.
        ModelError: it refuses the network.

    """

    name = "onnxruntime"

    def __init__(
        self,
        network: NetworkFile,
        *,
        threads: int = DEFAULT_THREADS,
        precision: Wanted = "auto",
        provider: Provider = "cpu",
    ) -> None:
        check_options(threads, precision)
        if precision not in ("auto", "float32"):
            raise EngineError(
                f"ONNX Runtime runs networks in float32; {precision} was asked for.",
                hint='Leave the precision at "auto".',
            )
        package = require("onnxruntime", "Running a network with ONNX Runtime")
        self.device = _PROVIDERS[provider][1]
        self.precision: Precision = "int8" if network.quantised else "float32"
        self._network_name = network.name
        self._session: Any = _session(package, network, threads, provider)
        buffers = Buffers.zeros(network)
        # Both ends stay bound: a run neither allocates its outputs nor converts its inputs.
        self._binding: Any = self._session.io_binding()
        for name, array in buffers.inputs.items():
            self._binding.bind_ortvalue_input(name, package.OrtValue.ortvalue_from_numpy(array))
        for name, array in buffers.outputs.items():
            self._binding.bind_ortvalue_output(name, package.OrtValue.ortvalue_from_numpy(array))
        self._buffers: Buffers | None = buffers

    def __call__(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run once. See `mien.engines.runtimes.base.Runner`."""
        buffers = open_buffers(self._buffers, self.name)
        buffers.fill(inputs)
        try:
            if self.device != "cpu":
                # What is bound to another device was copied there when it was bound.
                for name, array in buffers.inputs.items():
                    self._binding.bind_cpu_input(name, array)
            self._session.run_with_iobinding(self._binding)
        except Exception as error:
            # Its pybind classes share no base but Exception.
            raise EngineError(
                f"ONNX Runtime failed on the network {self._network_name!r}: {first_line(error)}"
            ) from error
        return dict(buffers.outputs)

    def close(self) -> None:
        """Free the session and its memory."""
        self._buffers = None
        self._binding = None
        self._session = None


def missing_provider(provider: Provider) -> str:
    """Why a provider cannot be had from the installed ONNX Runtime, with the command that helps; empty if it can."""
    package = require("onnxruntime", "Running a network with ONNX Runtime")
    known, _, wheel = _PROVIDERS[provider]
    if known in package.get_available_providers():
        return ""
    return f"the installed ONNX Runtime has no {known} (`pip install {wheel}`)"


def _session(package: Any, network: NetworkFile, threads: int, provider: Provider) -> Any:  # noqa: ANN401
    known, device, _ = _PROVIDERS[provider]
    absent = missing_provider(provider)
    if absent:
        raise EngineError(f"ONNX Runtime cannot run on {device}: {absent}.", hint="Or leave the runtime at `auto`.")
    options = package.SessionOptions()
    options.graph_optimization_level = package.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = package.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Its threads wait for work by spinning; between two frames the cores are the tracker's.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if provider != "cpu":
        # Otherwise operators that the provider lacks would move to the CPU without a word.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if provider == "directml":
        # https://onnxruntime.ai/docs/execution-providers/DirectML-ExecutionProvider.html#configuration-options
        options.enable_mem_pattern = False
    try:
        session = package.InferenceSession(network.onnx, options, providers=[known])
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime {package.__version__} refuses the network {network.name!r} on {device}: {first_line(error)}",
            hint="Ask for another runtime.",
        ) from error
    if session.get_providers()[0] != known:
        raise EngineError(f"ONNX Runtime's {known} did not start on this machine.", hint="Is its driver installed?")
    return session
