"""The one seam to CUDA's driver: memory, copies, launches and times on one stream, and copies beside it.

Addresses are plain numbers, so that torch's tensors and TensorRT's bindings lie in the same memory without a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.engines.cuda.kernel import Launch
from mien.engines.runtimes.packages import is_installed
from mien.realtime.errors import EngineError, MissingExtraError

Bytes = NDArray[np.uint8]


class Device(Protocol):
    """One GPU with one stream, in the context that torch and TensorRT use too (the primary one).

    Everything but `upload_ahead` is queued in order on `stream`, and done when `synchronize` returns. Any thread may
    call, one at a time; `upload_ahead` and `wait` also while another thread calls. All raise `EngineError` when the
    driver refuses.
    """

    @property
    def name(self) -> str:
        """The GPU's name, with its architecture ("NVIDIA L4, sm_89")."""

    @property
    def binding(self) -> str:
        """What speaks to the driver: "pycuda" or "cuda.core"."""

    @property
    def stream(self) -> int:
        """The stream's handle, for whoever queues work of their own on it; it waits for no other stream."""

    def load(self, image: bytes) -> None:
        """Load the kernels (a fatbin or cubin of `mien.engines.cuda.kernels`); once."""

    def alloc(self, size: int) -> int:
        """Give the address of `size` bytes of device memory, aligned to 256 bytes, content undefined."""

    def free(self, address: int) -> None:
        """Free what `alloc` gave."""

    def pinned(self, size: int) -> Bytes:
        """(size,) uint8 of page-locked memory, which copies without a stop; freed with its last reference."""

    def upload(self, address: int, values: NDArray[Any]) -> None:
        """Queue a copy of a C-contiguous array to the device; pinned memory must stay as it is until it is done."""

    def upload_ahead(self, address: int, values: NDArray[Any]) -> object:
        """Queue a copy of a C-contiguous pinned array beside all that is on `stream`; gives the mark of its end.

        Copies ahead are done one after the other.
        """

    def follow(self, mark: Any) -> None:  # noqa: ANN401 - a binding's own event
        """Let what is queued on `stream` from now on wait for a mark of `upload_ahead`; returns at once."""

    def wait(self, mark: Any) -> None:  # noqa: ANN401 - as above
        """Wait here for a mark of `upload_ahead`."""

    def download(self, values: NDArray[Any], address: int) -> None:
        """Queue a copy from the device into a C-contiguous array."""

    def copy(self, target: int, source: int, size: int) -> None:
        """Queue a copy of bytes within the device."""

    def launch(self, launch: Launch) -> None:
        """Queue a kernel."""

    def mark(self) -> object:
        """Queue a mark of the time, for `elapsed_ms`."""

    def elapsed_ms(self, since: Any, until: Any) -> float:  # noqa: ANN401 - a binding's own event
        """Milliseconds between two marks that are behind us."""

    def synchronize(self) -> None:
        """Wait for all that was queued on `stream`."""

    def close(self) -> None:
        """Give stream and context back; idempotent. What `alloc` gave is the owner's to free before."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to the driver: its name, the package to look for, and what opens the first GPU with it."""

    name: str
    package: str
    install: str
    make: Callable[[], Device]

    @property
    def installed(self) -> bool:
        """Whether an import would find it. torch brings other parts of the package `cuda`, which are not enough."""
        try:
            return is_installed(self.package)
        except ModuleNotFoundError:
            return False


def _pycuda() -> Device:
    from mien.engines.cuda.pycuda_device import PycudaDevice

    return PycudaDevice()


def _cuda_core() -> Device:
    from mien.engines.cuda.cuda_core_device import CudaCoreDevice

    return CudaCoreDevice()


#: Best first: pycuda costs less for each launch, but has to be compiled; cuda.core comes as a wheel.
BINDINGS: Final = (
    Binding("pycuda", "pycuda", "pycuda", _pycuda),
    Binding("cuda.core", "cuda.core", "'cuda-core[cu13]'", _cuda_core),
)


def open_device() -> Device:
    """Open the first NVIDIA GPU with the first binding that is installed.

    Raises:
        MissingExtraError: neither is installed.
        EngineError: there is no GPU, or no driver for it.

    """
    for binding in BINDINGS:
        if binding.installed:
            return binding.make()
    names = " or ".join(f"`pip install {each.install}`" for each in BINDINGS)
    raise MissingExtraError("The GPU needs a binding to CUDA's driver, and none is installed.", hint=f"Run {names}.")


def missing() -> str:
    """Why frames cannot be painted on a GPU here, with what helps; empty if they can. Opens the GPU for a moment."""
    try:
        open_device().close()
    except (MissingExtraError, EngineError) as error:
        return f"{error.message} {error.hint}".strip()
    return ""


def refused(action: str, error: Exception) -> EngineError:
    """The error of a driver that refused, in this project's words."""
    text = " ".join(str(error).split()) or type(error).__name__
    return EngineError(
        f"CUDA cannot {action}: {text}.", hint="Is the NVIDIA driver installed, and new enough? Try `nvidia-smi`."
    )
