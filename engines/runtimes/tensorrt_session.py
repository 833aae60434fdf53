"""A plan of TensorRT, loaded and captured as a CUDA graph; imported only where TensorRT and a GPU are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import tensorrt as trt

from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.gpu import Gpu, Mirror
from mien.engines.runtimes.graph import Port
from mien.engines.runtimes.tensorrt_log import Log
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats


class PlanError(ModelError):
    """A plan that TensorRT does not read, or that is of another network."""


class TensorRtSession:
    """One network ready to run: `inputs` to `outputs`, fixed float32 arrays in page-locked memory.

    Args:
        plan: of this TensorRT and GPU, and of Mien's own making: TensorRT executes what is in it.
        network: that it was compiled from.
        gpu: where to; used by one session alone.

    Raises:
        EngineError: there is no memory, or the GPU fails.
        PlanError: it cannot be read, or is of another network.

    """

    def __init__(self, plan: bytes, network: NetworkFile, gpu: Gpu) -> None:
        self._gpu = gpu
        self._name = network.name
        self._log, runtime = _runtime()
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise PlanError(f"TensorRT cannot read its plan of the network {network.name!r}: {self._log.take()}")
        _check_ports(engine, network)
        context = engine.create_execution_context()
        if context is None:
            raise EngineError(f"TensorRT has no memory for the network {network.name!r}: {self._log.take()}")
        self._engine, self._context = engine, context
        self._given = {port.name: self._bound(port) for port in network.inputs}
        self._made = {port.name: self._bound(port) for port in network.outputs}
        self.inputs: Mapping[str, Floats] = {name: each.host for name, each in self._given.items()}
        self.outputs: Mapping[str, Floats] = {name: each.host for name, each in self._made.items()}
        # The first run, which allocates and decides what is left to decide, cannot be recorded.
        self._enqueue()
        gpu.synchronize()
        self._replay = gpu.capture(self._enqueue)

    def run(self) -> None:
        """Compute `outputs` from what stands in `inputs`.

        Raises:
            EngineError: the GPU fails.

        """
        for each in self._given.values():
            each.upload()
        self._replay()
        for each in self._made.values():
            each.download()
        self._gpu.synchronize()

    def _bound(self, port: Port) -> Mirror:
        mirror = self._gpu.mirror(port.shape)
        if not self._context.set_tensor_address(port.name, mirror.address):
            raise EngineError(f"TensorRT does not take the memory of {port.name!r}: {self._log.take()}")
        return mirror

    def _enqueue(self) -> None:
        if not self._context.execute_async_v3(self._gpu.stream):
            raise EngineError(f"TensorRT failed on the network {self._name!r}: {self._log.take()}")


@cache
def _runtime() -> tuple[Log, trt.Runtime]:
    """The one logger and runtime of this process: TensorRT keeps the first logger it is given."""
    log = Log()
    return log, trt.Runtime(log)


def _check_ports(engine: trt.ICudaEngine, network: NetworkFile) -> None:
    """See that a plan takes and gives what the network does: an address of fewer bytes would be written past."""
    found = {}
    for i in range(engine.num_io_tensors):
        name = engine.get_tensor_name(i)
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        found[name] = (is_input, tuple(engine.get_tensor_shape(name)), engine.get_tensor_dtype(name))
    expected = {
        port.name: (ports is network.inputs, port.shape, trt.DataType.FLOAT)
        for ports in (network.inputs, network.outputs)
        for port in ports
    }
    if found != expected:
        raise PlanError(f"The plan of the network {network.name!r} takes or gives something else: {found}.")
