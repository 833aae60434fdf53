"""The kernels' checks catch what they are there for: planted mutations, and faults that only sanitizers see.

Each fault is compiled by g++, a hundred times in all, so what compiles is left to `make system`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from kernel_mutations import MUTATIONS
from kernel_parity import CHECKS
from kernel_sanitized import FAULTS

from mien.engines.cuda.unit import FOLDER

HERE = Path(__file__).parent
SANITIZERS = ("AddressSanitizer", "runtime error")


def _run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of its own: a mutation may crash it, and sanitizers must be there from its start."""
    paths = os.pathsep.join([str(HERE), *sys.path])
    return subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _sanitized(*arguments: str) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    # Python keeps small blocks to itself, and leaks by design: neither may hide or be a fault of the kernels.
    return _run(
        "kernel_sanitized.py",
        *arguments,
        LD_PRELOAD=found.stdout.strip(),
        PYTHONMALLOC="malloc",
        ASAN_OPTIONS="detect_leaks=0",
    )


def test_every_kernel_has_two_mutations_or_more() -> None:
    assert {kernel for kernel, count in Counter(mutation.kernel for mutation in MUTATIONS).items() if count > 1} == set(
        CHECKS
    )


def test_every_fault_finds_the_place_where_it_is_planted() -> None:
    for fault in (*MUTATIONS, *FAULTS):
        text = (FOLDER / fault.source).read_text(encoding="utf-8")
        assert fault.planted(text) != text, fault.name


@pytest.mark.system
@pytest.mark.parametrize("source", sorted({mutation.source for mutation in MUTATIONS}))
def test_no_mutation_survives(source: str) -> None:
    done = _run("kernel_mutations.py", source)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.system
def test_sanitizers_find_nothing() -> None:
    done = _sanitized()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(CHECKS)
    assert not any(word in done.stderr for word in ("ERROR", "runtime error")), done.stderr


@pytest.mark.system
@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_sanitizers_find_a_planted_fault(number: int) -> None:
    done = _sanitized(str(number))
    assert done.returncode != 0
    assert any(word in done.stderr for word in SANITIZERS), done.stderr
