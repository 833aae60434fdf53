"""Arrays and vectors for the kernels."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import warp as wp
from numpy.typing import NDArray

Floats = NDArray[np.float32]
#: A Warp array, mesh or structure: none carries types that a checker can follow.
Handle: TypeAlias = Any


def floats(values: NDArray[Any]) -> Handle:
    """Any array of numbers, as float32."""
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float)


def ints(values: NDArray[Any]) -> Handle:
    """Any array of whole numbers, flat, as int32."""
    return wp.array(np.ascontiguousarray(values, dtype=np.int32).ravel(), dtype=int)


def bytes_(values: NDArray[Any]) -> Handle:
    """Any array of uint8."""
    return wp.array(np.ascontiguousarray(values, dtype=np.uint8), dtype=wp.uint8)


def vectors(values: NDArray[Any]) -> Handle:
    """(…, 2), (…, 3) or (…, 4) as an array of Warp vectors."""
    kind = {2: wp.vec2, 3: wp.vec3, 4: wp.vec4}[values.shape[-1]]
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=kind)


def vec3(values: NDArray[Any] | tuple[float, float, float]) -> Handle:
    """One vector."""
    return wp.vec3(*(float(part) for part in values))


def mat33(values: NDArray[Any]) -> Handle:
    """One (3, 3) matrix."""
    return wp.mat33(*(float(part) for part in np.asarray(values).ravel()))
