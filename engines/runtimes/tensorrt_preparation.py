"""Makes a network's plan ready: converts it, has it compiled, verifies it, and only then keeps it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from mien.engines.runtimes.base import DEFAULT_THREADS, NetworkFile, Told, Wanted
from mien.engines.runtimes.gpu import Gpu
from mien.engines.runtimes.mixed import check_mixed, mixed_precision
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner
from mien.engines.runtimes.packages import require
from mien.engines.runtimes.tensorrt_build import compile_network
from mien.engines.runtimes.tensorrt_keys import plan_keys
from mien.engines.runtimes.tensorrt_plans import PlanCache, PlanKey
from mien.engines.runtimes.tensorrt_runtime import load_session
from mien.engines.runtimes.verify import TOLERANCES, compare
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

#: From this opset on TensorRT takes GridSample's "linear" for "nearest", without a word.
_WRONG_GRID_SAMPLE = 20


class PlanPreparation:
    """Compiles a network's plan, verifies it and puts it into the cache. See `base.Preparation`.

    Args:
        network: to be compiled.
        precision: as `TensorRtRunner`'s.
        sample: inputs to verify it with.
        threads: of the reference, on the CPU.
        gpu: to verify it on; default: PyTorch's first.
        cache: of plans.

    """

    def __init__(
        self,
        network: NetworkFile,
        *,
        precision: Wanted,
        sample: Mapping[str, Floats],
        threads: int = DEFAULT_THREADS,
        gpu: Gpu | None = None,
        cache: PlanCache | None = None,
    ) -> None:
        self._network, self._sample, self._threads, self._gpu = network, sample, threads, gpu
        self._cache = PlanCache() if cache is None else cache
        self._keys = plan_keys(network, precision)
        self.title = f"TensorRT compiles {network.name}"

    @property
    def needed(self) -> bool:
        """Whether there is no plan, and one may be made: none of the precisions is known, or the next one is not."""
        return self._next() is not None

    def run(self, told: Told, stop: threading.Event) -> bool:
        """See `base.Preparation`."""
        while (key := self._next()) is not None:
            try:
                if not self._prepared(key, told, stop):
                    return False
            except _NotRightError as error:
                # Not again at the next start; in float32, if that was not it.
                self._cache.refuse(key, self._network.name, str(error))
                refusal = str(error)
                if self._next() is None:
                    raise EngineError(refusal) from error
        return True

    def forget(self) -> None:
        """Let what is known go, so that all is compiled again."""
        for key in self._keys:
            self._cache.drop(key)

    def _next(self) -> PlanKey | None:
        for key in self._keys:
            found = self._cache.find(key)
            if found is None:
                return key
            if not found[0].refused:
                return None
        return None

    def _prepared(self, key: PlanKey, told: Told, stop: threading.Event) -> bool:
        network = self._network
        source = network.onnx
        _check_operators(network)
        if key.precision == "float16":
            try:
                source = mixed_precision(network)
                check_mixed(network, self._sample, threads=self._threads)
            except (EngineError, ModelError) as error:
                raise _NotRightError(error.message) from error
        with self._cache.workshop() as folder:
            made = compile_network(source, self._cache.timing(key), folder, name=network.name, told=told, stop=stop)
        if made is None:
            return False
        plan, timing = made
        self._cache.keep_timing(key, timing)
        self._cache.store(key, network.name, plan, self._measured(plan, key))
        return True

    def _measured(self, plan: bytes, key: PlanKey) -> str:
        """How far a plan is from the network itself in float32; raises `_NotRightError` when it is too far."""
        reference = OnnxRuntimeRunner(self._network, threads=self._threads, precision="float32")
        try:
            expected = reference(self._sample)
            session = load_session(plan, self._network, self._gpu)
            for name, value in self._sample.items():
                session.inputs[name][...] = value
            session.run()
            compared = compare(session.outputs, expected, TOLERANCES[key.precision])
        finally:
            reference.close()
        measured = ", ".join(each.text for each in compared)
        if not all(each.within for each in compared):
            raise _NotRightError(
                f"TensorRT {key.tensorrt} in {key.precision} does not give what the network {self._network.name!r} is "
                f"({measured})"
            )
        return measured


class _NotRightError(Exception):
    """What was compiled, or would be, does not compute what the network says."""


def _check_operators(network: NetworkFile) -> None:
    model = require("onnx", "Compiling a network").load_model_from_string(network.onnx)
    opset = max(each.version for each in model.opset_import)
    if opset >= _WRONG_GRID_SAMPLE and any(node.op_type == "GridSample" for node in model.graph.node):
        raise ModelError(
            f"The network {network.name!r} has GridSample of opset {opset}, which TensorRT computes wrong.",
            hint="Export it with opset 17 or 18.",
        )
