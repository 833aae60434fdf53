"""A machine with an NVIDIA GPU and TensorRT, for tests: stand-ins for NVIDIA's libraries, never for Mien's own code."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien.engines.runtimes import tensorrt_runtime
from mien.engines.runtimes.base import NetworkFile, Wanted
from mien.engines.runtimes.tensorrt_plans import PlanCache
from mien.engines.runtimes.tensorrt_preparation import PlanPreparation
from mien.engines.runtimes.verify import sample_for

STAND_INS = Path(__file__).parent / "tensorrt_standin"
#: Modules that hold on to the stand-in for `tensorrt`.
_HOLDERS = (
    "tensorrt",
    "cuda_standin",
    *(f"mien.engines.runtimes.tensorrt_{name}" for name in ("builder", "log", "session")),
)


@dataclass
class Machine:
    """Changes what the machine is; `told` has what builds told."""

    patch: pytest.MonkeyPatch
    told: list[tuple[str, float]] = field(default_factory=list)

    def be(self, *, gpu: str | None = None, version: str | None = None, fault: str | None = None) -> None:
        for name, value in (("GPU", gpu), ("VERSION", version), ("FAULT", fault)):
            if value is not None:
                self.patch.setenv(f"TENSORRT_STANDIN_{name}", value)
                if name == "VERSION" and "tensorrt" in sys.modules:
                    self.patch.setattr(sys.modules["tensorrt"], "__version__", value)

    def preparation(self, network: NetworkFile, precision: Wanted = "auto") -> PlanPreparation:
        return PlanPreparation(network, precision=precision, sample=sample_for(network), threads=1)

    def prepare(self, network: NetworkFile, precision: Wanted = "auto") -> bool:
        return self.preparation(network, precision).run(lambda *told: self.told.append(told), threading.Event())

    def plans(self) -> list[tuple[str, str]]:
        """(precision, why it was refused) of all that lies in the cache."""
        return [(each.key.precision, each.refused) for each in PlanCache().entries()]

    def left_behind(self) -> list[str]:
        """Names in the cache's folder that are neither a plan nor the timings."""
        found = PlanCache().folder.iterdir()
        return sorted(path.name for path in found if path.suffix not in (".plan", ".timing"))


def machine_with_tensorrt(patch: pytest.MonkeyPatch, folder: Path) -> Machine:
    """Make this process, and those that it starts, such a machine until the test ends."""
    torch = pytest.importorskip("torch")
    for name in _HOLDERS:
        # Whatever stands there comes back when the test ends.
        patch.setitem(sys.modules, name, None)
        del sys.modules[name]
    patch.syspath_prepend(str(STAND_INS))
    patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    patch.setenv("MIEN_CACHE_DIR", str(folder / "cache"))
    driver = folder / "bin"
    driver.mkdir()
    (driver / "nvidia-smi").write_text("#!/bin/sh\n")
    (driver / "nvidia-smi").chmod(0o755)
    patch.setenv("PATH", f"{driver}{os.pathsep}{os.environ['PATH']}")
    patch.setattr(torch.cuda, "is_available", lambda: True)
    patch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda _device: SimpleNamespace(
            name=os.environ["TENSORRT_STANDIN_GPU"], major=8, minor=9, multi_processor_count=46, total_memory=12 << 30
        ),
    )
    from cuda_standin import StandInGpu

    patch.setattr(tensorrt_runtime, "TorchGpu", StandInGpu)
    machine = Machine(patch)
    machine.be(gpu="Stand-in 4070", version="10.13.2.6", fault="")
    return machine
