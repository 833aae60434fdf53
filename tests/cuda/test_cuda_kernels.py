"""The CUDA kernels, run on the CPU from their own sources, against what the CPU path computes."""

from __future__ import annotations

import pytest
from kernel_checks_mask import erode_feather_whole
from kernel_emulator import KernelEmulator
from kernel_parity import CHECKS

from mien.engines.cuda.kernels import KERNELS


@pytest.fixture(scope="module")
def device() -> KernelEmulator:
    """The kernels as they are."""
    return KernelEmulator()


def test_every_kernel_has_a_check() -> None:
    assert set(CHECKS) == set(KERNELS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_does_what_the_cpu_path_does(kernel: str, device: KernelEmulator) -> None:
    CHECKS[kernel](device)


def test_the_steps_of_a_mask_make_its_soft_edge(device: KernelEmulator) -> None:
    erode_feather_whole(device)
