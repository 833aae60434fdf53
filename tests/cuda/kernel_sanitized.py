"""A program: the checks of all kernels under AddressSanitizer and UndefinedBehaviorSanitizer, which end it at a fault.

With the number of one of `FAULTS` it plants that first and runs its kernel's check alone: it must not end well.
"""

from __future__ import annotations

import sys
from typing import Final

import cv2
from kernel_emulator import SANITIZED, KernelEmulator
from kernel_mutation import Mutation
from kernel_parity import CHECKS

from mien.engines.cuda.unit import FOLDER

#: Faults that change no result on a CPU, and that only a sanitizer sees.
FAULTS: Final = (
    Mutation("mask.cu", "mask_row_distance", "x + found < width &&", "x + found < width + 4096 &&"),
    Mutation(
        "blend.cu",
        "watermark",
        "if (x >= width || y >= height) return;\n",
        "if (pattern[y * width + x] == 99) *picture = 0;\n    if (x >= width || y >= height) return;\n",
    ),
    Mutation("statistics.cu", "region_mean", "float mine = 0.0f;", "float mine = 0.0f * (float)(width * 100000000);"),
)


def main(fault: Mutation | None) -> None:
    """Run the checks, or the one of a fault."""
    cv2.setNumThreads(1)
    if fault is None:
        device, kernels = KernelEmulator(flags=SANITIZED), list(CHECKS)
    else:
        text = fault.planted((FOLDER / fault.source).read_text(encoding="utf-8"))
        device, kernels = KernelEmulator({fault.source: text}, flags=SANITIZED), [fault.kernel]
    for kernel in kernels:
        CHECKS[kernel](device)
        sys.stdout.write(f"{kernel}\n")


if __name__ == "__main__":
    main(FAULTS[int(sys.argv[1])] if sys.argv[1:] else None)
