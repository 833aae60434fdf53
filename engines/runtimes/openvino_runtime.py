"""OpenVINO on the CPU: the fastest of the runtimes there, the one whose bfloat16 and 8-bit integers pay."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
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
from mien.engines.runtimes.cpu import bfloat16_switched_off, prefers_integers
from mien.engines.runtimes.graph import Port
from mien.engines.runtimes.openvino_rewrite import rewrite
from mien.engines.runtimes.packages import require
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

_HINTS: Final = {"bfloat16": "bf16", "float32": "f32"}


class OpenVinoRunner:
    """A `mien.engines.runtimes.base.Runner`.

    Args:
        network: what to run.
        threads: 0 leaves the number to OpenVINO: all physical cores.
        precision: see `Wanted`.

    Raises:
        ConfigError: a number of threads or a precision that is none.
        EngineError: bfloat16 was asked for and the processor does not compute it.
        MissingExtraError: OpenVINO is not installed.
        ModelError: it refuses the network, its 8-bit layers are another network's, or it has none and they were asked
            for.

    """

    name = "openvino"
    device = "cpu"

    def __init__(self, network: NetworkFile, *, threads: int = DEFAULT_THREADS, precision: Wanted = "auto") -> None:
        check_options(threads, precision)
        openvino = require("openvino", "Running a network with OpenVINO")
        core = _core(openvino)
        if plays_integers(network, precision):
            network, precision = network.integers(), "auto"
        arithmetic = _arithmetic(core, precision)
        self.precision: Precision = "int8" if network.quantised else arithmetic
        self._network_name = network.name
        # The precision is always said: without the hint OpenVINO takes bfloat16 by itself where it can.
        options: dict[str, object] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": _HINTS[arithmetic],
        }
        self._here = threads == 1
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        if self._here:
            # Whatever core is free: bound to one, the network would wait for the tracker's threads there.
            options["ENABLE_CPU_PINNING"] = False
        try:
            # Not `openvino.convert_model`: that one reports its use over the net.
            model = core.read_model(network.onnx)
            rewrite(model)
            compiled = core.compile_model(model, "CPU", options)
            self._request: Any = compiled.create_infer_request()
            inputs = {port.name: _bound(openvino, self._request, port) for port in network.inputs}
            outputs = {port.name: _bound(openvino, self._request, port) for port in network.outputs}
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO {openvino.__version__} refuses the network {network.name!r}: {first_line(error)}",
                hint="Ask for another runtime.",
            ) from error
        self._buffers: Buffers | None = Buffers(network.name, inputs, outputs)

    def __call__(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run once. See `mien.engines.runtimes.base.Runner`."""
        buffers = open_buffers(self._buffers, self.name)
        buffers.fill(inputs)
        try:
            if self._here:
                # Computed by the caller's thread: nobody has to be woken and waited for.
                self._request.infer(share_outputs=True)
            else:
                # Not `infer`, which joins the caller's thread to the pool.
                self._request.start_async()
                self._request.wait()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on the network {self._network_name!r}: {first_line(error)}") from error
        return dict(buffers.outputs)

    def close(self) -> None:
        """Free the request and its memory."""
        self._buffers = None
        self._request = None


@cache
def _core(openvino: Any) -> Any:  # noqa: ANN401 - the module, and its Core
    """The one Core of this process, which is never let go.

    With the last Core OpenVINO 2026.4 unloads its CPU plugin, and the next signal (a Ctrl-C) then crashes the process:
    what the plugin had set up for signals is gone with it.
    """
    return openvino.Core()


def plays_integers(network: NetworkFile, precision: Wanted) -> bool:
    """Whether it is the 8-bit layers beside a network that would be played."""
    return precision == "int8" or (precision == "auto" and bool(network.int8) and prefers_integers())


def computes_bfloat16(core: Any) -> bool:  # noqa: ANN401 - an openvino.Core
    """Whether OpenVINO has bfloat16 kernels for this processor."""
    # Asked, it names bfloat16 even where the user took its instructions away, and then crashes on them.
    return not bfloat16_switched_off() and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _arithmetic(core: Any, precision: Wanted) -> Literal["bfloat16", "float32"]:  # noqa: ANN401
    has = computes_bfloat16(core)
    if precision == "bfloat16" and not has:
        raise EngineError(
            "This processor has no bfloat16 instructions that OpenVINO uses.", hint='Leave the precision at "auto".'
        )
    return "bfloat16" if precision != "float32" and has else "float32"


def _bound(openvino: Any, request: Any, port: Port) -> Floats:  # noqa: ANN401
    tensor = openvino.Tensor(openvino.Type.f32, openvino.Shape(list(port.shape)))
    # Not left as it was allocated: a network that does not write an output must not give old memory out.
    view: Floats = tensor.data
    view.fill(0)
    request.set_tensor(port.name, tensor)
    return view
