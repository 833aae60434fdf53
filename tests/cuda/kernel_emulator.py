"""Runs the CUDA kernels on the CPU: the very sources, compiled by g++ behind `cuda_shim.h`, launched as a driver does.

Libraries are cached by the content of everything that goes into them, in a folder of the user's under the system's
temporary one. Addresses are those of the process: NumPy's memory is the device's.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mien.engines.cuda.kernel import Kernel, Launch
from mien.engines.cuda.kernels import KERNELS
from mien.engines.cuda.unit import FOLDER, unit

_SHIM = Path(__file__).with_name("cuda_shim.h")
_COMPILE = ("g++", "-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
#: Faults stop the process at once; sanitizers know nothing of what NumPy allocates, so `run` gives guarded memory.
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-O1", "-w")
# Junk around arrays differs between the two runs, so that a result that hangs on it differs too, and between arrays.
_GUARD_BYTES, _GUARDS = 1 << 12, (0xA5, 0x00)


class EmulationError(AssertionError):
    """A kernel did what it may not: wrote beyond its memory, changed what it only reads, or hung on what it may not."""


class KernelEmulator:
    """A device of the CPU.

    Args:
        texts: sources by name in place of those of the package; see `mien.engines.cuda.kernels.SOURCES`.
        flags: for g++, beside those that make its arithmetic the GPU's.

    """

    def __init__(self, texts: Mapping[str, str] | None = None, flags: tuple[str, ...] = ("-O1",)) -> None:
        self._texts = dict(texts or {})
        self._flags = flags
        # A sanitizer has guards of its own, and sees them only where the memory really ends.
        self._guard_bytes = 0 if flags == SANITIZED else _GUARD_BYTES
        self._libraries: dict[str, ctypes.CDLL] = {}

    def launch(self, launch: Launch, *, falling: bool = False) -> None:
        """Run a launch to its end, threads and blocks in rising or in falling order."""
        function = getattr(self._library(KERNELS[launch.kernel].source), f"emulated_{launch.kernel}")
        kept = [np.array(argument) for argument in launch.arguments]
        parameters = (ctypes.c_void_p * len(kept))(*[value.ctypes.data for value in kept])
        three = ctypes.c_uint * 3
        match function(three(*launch.grid), three(*launch.block), parameters, int(falling)):
            case 1:
                raise EmulationError(f"{launch.kernel}: some threads ended while others waited at a barrier")
            case 2:
                raise EmulationError(f"{launch.kernel}: no GPU has blocks of {launch.block} threads")

    def run(self, kernel: str, **values: Any) -> None:
        """Launch `kernel` over NumPy arrays (or None) and numbers, arrays that it writes to changed in place.

        It runs twice from the same memory, in both orders of threads, with other junk around each array.

        Raises:
            EmulationError: see there.

        """
        row = KERNELS[kernel]
        rising = self._ran(row, values, falling=False)
        # A sanitizer needs one order, and slows threads down tenfold.
        falling = rising if self._flags == SANITIZED else self._ran(row, values, falling=True)
        for argument in row.arguments:
            given = values[argument.name]
            if not isinstance(given, np.ndarray):
                continue
            once, again = rising[argument.name], falling[argument.name]
            if once.tobytes() != again.tobytes():
                raise EmulationError(f"{kernel}: {argument.name} hangs on the order of threads or on memory beyond")
            if argument.access == "read" and once.tobytes() != given.tobytes():
                raise EmulationError(f"{kernel}: {argument.name} is to be read only, and was written to")
            given[...] = once

    def _ran(self, row: Kernel, values: Mapping[str, Any], *, falling: bool) -> dict[str, np.ndarray]:
        given = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        arrays = {
            name: _Guarded(value, self._guard_bytes, (_GUARDS[falling] + place) & 255)
            for place, (name, value) in enumerate(given.items())
        }
        plain = {name: 0 if value is None else value for name, value in values.items() if name not in arrays}
        for argument in row.arguments:
            given = values[argument.name]
            assert not isinstance(given, np.ndarray) or given.dtype == argument.dtype, argument
        self.launch(row.launch(**plain, **{name: array.address for name, array in arrays.items()}), falling=falling)
        for name, array in arrays.items():
            if not array.whole:
                raise EmulationError(f"{row.name} wrote beyond {name}")
        return {name: array.values for name, array in arrays.items()}

    def _library(self, source: str) -> ctypes.CDLL:
        if source not in self._libraries:
            self._libraries[source] = ctypes.CDLL(str(self._built(source)))
        return self._libraries[source]

    def _built(self, source: str) -> Path:
        text = self._text(source)
        digest = hashlib.sha256("\0".join((text, _SHIM.read_text("utf-8"), *_COMPILE, *self._flags)).encode())
        built = _cache() / f"{Path(source).stem}-{digest.hexdigest()[:32]}.so"
        if not built.is_file():
            with tempfile.TemporaryDirectory(dir=_cache()) as folder:
                unit_path, made = Path(folder) / "unit.cpp", Path(folder) / "unit.so"
                unit_path.write_text(text, encoding="utf-8")
                command = [*_COMPILE, *self._flags, "-include", str(_SHIM), "-o", str(made), str(unit_path)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                made.replace(built)
        return built

    def _text(self, source: str) -> str:
        barriers = (
            "true" if "__syncthreads" in self._texts.get(source, (FOLDER / source).read_text("utf-8")) else "false"
        )
        exports = [f"EMULATED_KERNEL({name}, {barriers})" for name, row in KERNELS.items() if row.source == source]
        return "\n".join((unit(source, texts=self._texts), *exports, ""))


class _Guarded:
    """A copy of an array with guards before and behind it."""

    def __init__(self, values: np.ndarray, guard_bytes: int, guard: int) -> None:
        assert values.flags.c_contiguous
        self._like, self._guard_bytes, self._guard = values, guard_bytes, guard
        self._memory = (ctypes.c_ubyte * (values.nbytes + 2 * guard_bytes))()
        self._bytes[:] = guard
        self._inside[:] = np.frombuffer(values.tobytes(), np.uint8)

    @property
    def address(self) -> int:
        return ctypes.addressof(self._memory) + self._guard_bytes

    @property
    def values(self) -> np.ndarray:
        return self._inside.view(self._like.dtype).reshape(self._like.shape)

    @property
    def whole(self) -> bool:
        first, last = self._guard_bytes, self._bytes.size - self._guard_bytes
        return bool((self._bytes[:first] == self._guard).all() and (self._bytes[last:] == self._guard).all())

    @property
    def _bytes(self) -> np.ndarray:
        return np.frombuffer(self._memory, np.uint8)

    @property
    def _inside(self) -> np.ndarray:
        return self._bytes[self._guard_bytes : self._bytes.size - self._guard_bytes]


def _cache() -> Path:
    folder = Path(tempfile.gettempdir()) / f"mien-emulated-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # What lies here is loaded and run, so it must be nobody else's.
    owner = folder.stat()
    assert owner.st_uid == os.getuid(), folder
    assert not owner.st_mode & 0o022, folder
    return folder
