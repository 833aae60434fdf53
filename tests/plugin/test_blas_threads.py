"""One thread for NumPy's products in a process of ours: a second one would spin on the tracker's core."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in Linux's /proc")
_COUNT = """
import os
import mien.plugin
import numpy as np
before = len(os.listdir("/proc/self/task"))
np.ones((400, 400), np.float32) @ np.ones((400, 400), np.float32)
print(before, len(os.listdir("/proc/self/task")), os.environ["OPENBLAS_NUM_THREADS"])
"""


def _counted(**environment: str) -> list[int]:
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    found = subprocess.run(
        [sys.executable, "-c", _COUNT], env=plain | environment, capture_output=True, text=True, check=True, timeout=60
    )
    return [int(each) for each in found.stdout.split()]


def test_a_product_of_matrices_takes_one_thread() -> None:
    assert _counted() == [1, 1, 1]


def test_another_number_that_the_user_set_stays() -> None:
    assert _counted(OPENBLAS_NUM_THREADS="2")[2] == 2
