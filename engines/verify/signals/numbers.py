"""Small sums that several signals share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

#: Grey levels of which less is rounding.
_FLOOR: Final = 0.05


def decibels(one: float, other: float) -> float:
    """`one` over `other`, both in grey levels, as 20 log10; NaN where one of them is."""
    if not np.isfinite([one, other]).all():
        return float("nan")
    return float(20 * np.log10(max(one, _FLOOR) / max(other, _FLOOR)))


def median_known(values: Iterable[float]) -> float:
    """The median of those that are no NaN; NaN where all are."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
