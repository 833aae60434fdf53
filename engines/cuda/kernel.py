"""What a kernel takes, and how a launch of it is checked and laid out. Knows no device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mien.realtime.errors import EngineError

#: A number or the address of device memory; 0 is no address.
Value = int | float
DType = Literal["uint8", "int8", "uint16", "int32", "int64", "float32"]
Dim3 = tuple[int, int, int]

_C_NAMES: Final[Mapping[DType, str]] = {
    "uint8": "unsigned char",
    "int8": "signed char",
    "uint16": "unsigned short",
    "int32": "int",
    "int64": "long long",
    "float32": "float",
}
#: Threads of one block where each takes a pixel: a warp reads along a row.
TILE: Final[Dim3] = (32, 8, 1)
# The least that every device takes (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability").
_MOST_ROWS_OF_BLOCKS = 65_535


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a kernel.

    Attributes:
        name: as in the source.
        dtype: of the number, or of what the address points to. float16 goes as uint16, which holds its bits.
        holds: what it means, with shape and unit.
        access: "value" for a number, else what the kernel does with the memory at the address.
        optional: an address that may be 0.

    """

    name: str
    dtype: DType
    holds: str
    access: Literal["value", "read", "write", "update"] = "value"
    optional: bool = False

    @property
    def c_type(self) -> str:
        """The type in the source."""
        name = _C_NAMES[self.dtype]
        if self.access == "value":
            return name
        return f"const {name}*" if self.access == "read" else f"{name}*"

    def packed(self, value: Value) -> np.generic:
        """The value as the scalar that a driver copies into the launch; an address as uint64.

        Raises:
            EngineError: it is not of the argument's type or range.

        """
        if self.access != "value":
            if not isinstance(value, int) or value < 0 or (value == 0 and not self.optional):
                raise EngineError(f"{self.name} must be a device address, got {value!r}.")
            return np.uint64(value)
        if self.dtype == "float32":
            return np.float32(value)
        bounds = np.iinfo(self.dtype)
        if not isinstance(value, int | np.integer) or not bounds.min <= value <= bounds.max:
            raise EngineError(f"{self.name} must be a whole number of {self.dtype}, got {value!r}.")
        return np.dtype(self.dtype).type(value)


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch, checked.

    Attributes:
        kernel: its name in the module.
        grid: blocks.
        block: threads of each.
        arguments: NumPy scalars in the kernel's order.

    """

    kernel: str
    grid: Dim3
    block: Dim3
    arguments: tuple[np.generic, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel.

    Attributes:
        name: in the source and the module.
        source: its file, beside this one.
        arguments: in order.
        block: threads of a block.
        over: names of the two arguments that give the width and height which the blocks cover; empty for a kernel
            that runs as one block.
        tile: width and height, px, that one block covers.

    """

    name: str
    source: str
    arguments: tuple[Argument, ...]
    block: Dim3 = TILE
    over: tuple[str, str] | tuple[()] = ()
    tile: tuple[int, int] = TILE[:2]

    @property
    def prototype(self) -> str:
        """Its declaration; a source that differs from it does not compile."""
        types = ", ".join(argument.c_type for argument in self.arguments)
        return f'extern "C" __global__ void {self.name}({types});'

    def launch(self, **values: Value) -> Launch:
        """Check `values`, one for each argument by name, and lay them out.

        Raises:
            EngineError: a name too many or too few, a value of the wrong type or range, or nothing to cover.

        """
        names = [argument.name for argument in self.arguments]
        if values.keys() != set(names):
            wrong = ", ".join(sorted(values.keys() ^ set(names)))
            raise EngineError(f"kernel {self.name} takes {', '.join(names)}; missing or unknown: {wrong}.")
        packed = tuple(argument.packed(values[argument.name]) for argument in self.arguments)
        return Launch(self.name, self._grid(values), self.block, packed)

    def _grid(self, values: Mapping[str, Value]) -> Dim3:
        if not self.over:
            return 1, 1, 1
        width, height = (int(values[name]) for name in self.over)
        columns, rows = -(-width // self.tile[0]), -(-height // self.tile[1])
        if width < 1 or not 1 <= rows <= _MOST_ROWS_OF_BLOCKS:
            raise EngineError(f"kernel {self.name} covers {width}x{height} px, which is nothing or too much.")
        return columns, rows, 1
