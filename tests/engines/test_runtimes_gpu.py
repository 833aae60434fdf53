"""The GPU's memory, stream and graph by PyTorch; what they promise can only be seen on a GPU."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mien.engines.runtimes.gpu import TorchGpu, gpu_identity, missing_gpu  # noqa: E402
from mien.realtime.errors import EngineError, MissingExtraError  # noqa: E402


@pytest.mark.gpu
def test_a_mirror_goes_there_and_back_by_a_captured_graph() -> None:
    gpu = TorchGpu()
    assert gpu.stream not in (0, torch.cuda.default_stream().cuda_stream)
    given, made = gpu.mirror((1, 3, 8, 8)), gpu.mirror((1, 3, 8, 8))
    assert given.address % 256 == 0
    there = [torch.as_tensor(_Device(each.address, (1, 3, 8, 8)), device="cuda:0") for each in (given, made)]

    def enqueue() -> None:
        # Within the capture PyTorch's current stream is the captured one.
        there[1].copy_(there[0] * 2)

    gpu.synchronize()
    replay = gpu.capture(enqueue)
    for value in (3.0, 5.0):
        given.host[...] = value
        given.upload()
        replay()
        made.download()
        gpu.synchronize()
        assert np.all(made.host == 2 * value)


class _Device:
    """Memory of the GPU by its address, as CUDA's array interface tells it."""

    def __init__(self, address: int, shape: tuple[int, ...]) -> None:
        self.__cuda_array_interface__ = {"shape": shape, "typestr": "<f4", "data": (address, False), "version": 3}


@pytest.mark.gpu
def test_the_identity_is_of_the_gpu() -> None:
    found = gpu_identity()
    assert found.name
    assert float(found.compute) >= 5.0
    assert found.multiprocessors > 0
    assert found.memory_bytes > 1 << 30


def test_without_a_driver_pytorch_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA driver")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch", None)
    assert missing_gpu() == "this machine has no NVIDIA driver"
    for ask in (gpu_identity, TorchGpu):
        with pytest.raises(EngineError, match="An NVIDIA GPU is needed: this machine has no NVIDIA driver"):
            ask()
    # With a driver it is, and its absence is told.
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    with pytest.raises(MissingExtraError, match="pip install torch"):
        gpu_identity()
