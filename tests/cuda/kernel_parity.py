"""All checks of the kernels in one table."""

from __future__ import annotations

from typing import Final

import kernel_checks_blend
import kernel_checks_crop
import kernel_checks_mask
import kernel_checks_statistics

#: By kernel.
CHECKS: Final = {
    **kernel_checks_crop.CHECKS,
    **kernel_checks_mask.CHECKS,
    **kernel_checks_statistics.CHECKS,
    **kernel_checks_blend.CHECKS,
}
