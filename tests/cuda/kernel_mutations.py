"""Faults planted in the kernels' sources, each of which the checks must catch.

A mutation that no longer finds its text is an error: put it right beside the source. Several are compiled together
where each lies in another kernel's own function, so that each check can fail through its own alone; what lies in a
function that kernels share is compiled by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import cv2
import kernel_mutations_crop_mask
import kernel_mutations_statistics_blend
from kernel_emulator import KernelEmulator
from kernel_mutation import Mutation
from kernel_parity import CHECKS

from mien.engines.cuda.unit import FOLDER

MUTATIONS: Final = (*kernel_mutations_crop_mask.MUTATIONS, *kernel_mutations_statistics_blend.MUTATIONS)


def batches(source: str) -> Iterator[list[Mutation]]:
    """The mutations of one source in lists that are compiled together."""
    waiting = [mutation for mutation in MUTATIONS if mutation.source == source]
    yield from ([mutation] for mutation in waiting if mutation.shared)
    waiting = [mutation for mutation in waiting if not mutation.shared]
    while waiting:
        batch = list({mutation.kernel: mutation for mutation in reversed(waiting)}.values())
        yield batch
        waiting = [mutation for mutation in waiting if mutation not in batch]


def survivors(source: str) -> list[str]:
    """Names of the mutations of `source` that no check catches."""
    text = (FOLDER / source).read_text(encoding="utf-8")
    alive = []
    for batch in batches(source):
        changed = text
        for mutation in batch:
            changed = mutation.planted(changed)
        # Compiled in a moment; warnings do not count: a mutation may well leave a name unused.
        device = KernelEmulator({source: changed}, flags=("-O0", "-w"))
        alive += [mutation.name for mutation in batch if not _caught(device, mutation.kernel)]
    return alive


def _caught(device: KernelEmulator, kernel: str) -> bool:
    try:
        CHECKS[kernel](device)
    except AssertionError:
        return True
    return False


if __name__ == "__main__":
    cv2.setNumThreads(1)
    found = [name for each in sys.argv[1:] for name in survivors(each)]
    sys.stdout.write("".join(f"{name}\n" for name in found))
    sys.exit(bool(found))
