"""TensorRT: the fastest on an NVIDIA GPU, once it has compiled the network for it.

Compiling takes minutes, so a runner is made of a plan that is there, or not at all. The plan is made by
`mien.engines.runtimes.tensorrt_preparation` while another runtime serves; `mien.engines.runtimes.tensorrt_plans` says
where plans lie and what they depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mien.engines.runtimes.base import (
    Buffers,
    NetworkFile,
    Precision,
    Wanted,
    first_line,
    open_buffers,
)
from mien.engines.runtimes.gpu import Gpu, TorchGpu
from mien.engines.runtimes.tensorrt_keys import plan_keys
from mien.engines.runtimes.tensorrt_plans import PlanCache, PlanKey
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

if TYPE_CHECKING:
    from mien.engines.runtimes.tensorrt_session import TensorRtSession

_BUILD_HINT: Final = "Compile it once: mien plan build"


class TensorRtRunner:
    """A `mien.engines.runtimes.base.Runner` of a plan that lies in the cache.

    Args:
        network: what to run.
        precision: "auto" is float16 in float32 islands, or float32 where float16 was found not to be enough.
        gpu: where; default: PyTorch's first. PyTorch, because it is already the other runtime on a GPU, so that a run
            has one pool of memory and one CUDA context whichever of the two it takes.
        cache: of plans.

    Raises:
        ConfigError: a precision that is none.
        EngineError: no plan, or TensorRT was found not to compute this network right, or the GPU fails.
        MissingExtraError: TensorRT or PyTorch is not installed.
        ModelError: the plan cannot be read; it is deleted.

    """

    name = "tensorrt"
    device = "cuda:0"

    def __init__(
        self,
        network: NetworkFile,
        *,
        precision: Wanted = "auto",
        gpu: Gpu | None = None,
        cache: PlanCache | None = None,
    ) -> None:
        cache = PlanCache() if cache is None else cache
        key, plan = _found(network, plan_keys(network, precision), cache)
        self.precision: Precision = key.precision
        try:
            self._session: TensorRtSession | None = load_session(plan, network, gpu)
        except ModelError:
            cache.drop(key)
            raise
        self._network_name = network.name
        self._buffers: Buffers | None = Buffers(network.name, self._session.inputs, self._session.outputs)

    def __call__(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run once. See `mien.engines.runtimes.base.Runner`."""
        buffers = open_buffers(self._buffers, self.name)
        buffers.fill(inputs)
        assert self._session is not None
        try:
            self._session.run()
        except RuntimeError as error:
            if isinstance(error, EngineError):
                raise
            raise EngineError(f"TensorRT failed on the network {self._network_name!r}: {first_line(error)}") from error
        return dict(buffers.outputs)

    def close(self) -> None:
        """Free the plan and its memory."""
        self._buffers = None
        self._session = None


def _found(network: NetworkFile, keys: tuple[PlanKey, ...], cache: PlanCache) -> tuple[PlanKey, bytes]:
    refused = ""
    for key in keys:
        found = cache.find(key)
        if found is not None and not found[0].refused:
            return key, found[1]
        if found is None:
            raise EngineError(
                f"TensorRT has not compiled the network {network.name!r} for this GPU yet.", hint=_BUILD_HINT
            )
        refused = found[0].refused
    raise EngineError(refused, hint="Ask for another runtime, or try again: mien plan build --again")


def load_session(plan: bytes, network: NetworkFile, gpu: Gpu | None) -> TensorRtSession:
    """Load a plan on a GPU; `gpu` None is PyTorch's first.

    Raises:
        EngineError: there is no GPU, no memory, or the GPU fails.
        ModelError: TensorRT cannot read it, or it is of another network.

    """
    # Imported here: it needs TensorRT, and what looks for a plan says so more clearly.
    from mien.engines.runtimes.tensorrt_session import TensorRtSession

    try:
        return TensorRtSession(plan, network, TorchGpu() if gpu is None else gpu)
    except (RuntimeError, TypeError) as error:
        # TypeError is the bindings' word for a null pointer.
        if isinstance(error, EngineError | ModelError):
            raise
        raise EngineError(f"TensorRT cannot load the network {network.name!r}: {first_line(error)}") from error
