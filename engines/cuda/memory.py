"""Memory of one frame, taken in pieces and given back all at once, and pictures that outlive it."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mien.engines.cuda.device import Bytes, Device

# What CUDA aligns its own allocations to.
_ALIGN: Final = 256
_LEAST_BLOCK: Final = 1 << 20

# Twice what one badge, slate and watermark come to.
_MOST_KEPT: Final = 64

Block = TypeVar("Block")


class Arena(Generic[Block]):
    """Hands out pieces of large blocks; a frame like the one before takes nothing new.

    Args:
        make: gives a block of so many bytes.
        free: frees one.

    """

    def __init__(self, make: Callable[[int], Block], free: Callable[[Block], None]) -> None:
        self._make, self._free = make, free
        self._blocks: list[tuple[Block, int]] = []
        self._used = 0

    def take(self, size: int) -> tuple[Block, int]:
        """A block, and where in it `size` bytes begin; they stay until the next `reset`."""
        padded = math.ceil(size / _ALIGN) * _ALIGN
        if not self._blocks or self._used + padded > self._blocks[-1][1]:
            room = max(padded, _LEAST_BLOCK)
            self._blocks.append((self._make(room), room))
            self._used = 0
        begin, self._used = self._used, self._used + padded
        return self._blocks[-1][0], begin

    def reset(self) -> None:
        """All pieces are free again. What took several blocks gets one that holds all of it."""
        if len(self._blocks) > 1:
            total = sum(size for _, size in self._blocks)
            self.close()
            self._blocks.append((self._make(total), total))
        self._used = 0

    def close(self) -> None:
        """Free everything."""
        for block, _ in self._blocks:
            self._free(block)
        self._blocks, self._used = [], 0


class Scratch:
    """One frame's memory on the device, and the pinned memory that its uploads come from."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._there = Arena(device.alloc, device.free)
        self._here: Arena[Bytes] = Arena(device.pinned, lambda _block: None)

    def take(self, size: int) -> int:
        """The address of `size` bytes, content undefined, until `reset`."""
        block, begin = self._there.take(size)
        return block + begin

    def put(self, values: NDArray[Any]) -> int:
        """The address of a copy of `values` on the device, until `reset`; `values` may change at once."""
        address = self.take(values.nbytes)
        block, begin = self._here.take(values.nbytes)
        staged = block[begin : begin + values.nbytes].view(values.dtype).reshape(values.shape)
        np.copyto(staged, values)
        self._device.upload(address, staged)
        return address

    def reset(self) -> None:
        """Free all pieces; nothing that was queued may still use them."""
        self._there.reset()
        self._here.reset()

    def close(self) -> None:
        """Free everything."""
        self._there.close()
        self._here.close()


class Kept:
    """Arrays that many frames need, uploaded once: plates, a pattern, the slate."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._addresses: dict[int, tuple[NDArray[Any], int]] = {}

    def address(self, values: NDArray[Any]) -> int:
        """Where `values`, which must not change, lies on the device."""
        known = self._addresses.get(id(values))
        if known is None:
            while len(self._addresses) >= _MOST_KEPT:
                # The oldest: a badge or a slate of before a change. What was queued may still use it.
                self._device.synchronize()
                self._device.free(self._addresses.pop(next(iter(self._addresses)))[1])
            address = self._device.alloc(values.nbytes)
            self._device.upload(address, np.ascontiguousarray(values))
            # Not from pinned memory, so the driver may still read it.
            self._device.synchronize()
            # The array is kept too, so that no other one comes to have its identity.
            known = self._addresses[id(values)] = (values, address)
        return known[1]

    def close(self) -> None:
        """Free everything."""
        for _, address in self._addresses.values():
            self._device.free(address)
        self._addresses.clear()


class PinnedPictures:
    """Pinned memory for pictures that leave: used again once nobody looks at them any more."""

    def __init__(self, device: Device, shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> None:
        self._device, self._shape, self._dtype = device, shape, np.dtype(dtype)
        self._free: list[Bytes] = []

    def take(self) -> NDArray[Any]:
        """An array of the shape, content undefined."""
        size = math.prod(self._shape) * self._dtype.itemsize
        memory = self._free.pop() if self._free else self._device.pinned(size)
        # Views share this array as their base, however they are made: it is gone when the last of them is.
        flat = np.frombuffer(memory.data, self._dtype)
        weakref.finalize(flat, self._free.append, memory).atexit = False
        return flat.reshape(self._shape)
