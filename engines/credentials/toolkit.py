"""The C2PA library (c2pa-python, the Content Authenticity Initiative's): loaded once, kept off the network."""

from __future__ import annotations

import functools
import importlib
import io
import json
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from mien.realtime.errors import MissingExtraError
from mien.realtime.interrupts import held_back
from mien.realtime.worker import Worker

_Result = TypeVar("_Result")

#: Nothing is fetched: a manifest may name any address, and whoever looks at a file must not be told to anybody.
#: No thumbnail: it would be a picture outside the badge's and the watermark's reach.
_SETTINGS: dict[str, dict[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@functools.cache
def toolkit() -> Any:  # noqa: ANN401 - the library has no types
    """Give the module `c2pa`; raises `MissingExtraError` where it is not installed or its library does not load."""
    try:
        return importlib.import_module("c2pa")
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"content credentials need the package 'c2pa-python', and it does not load: {error}.",
            hint='Install it: pip install "c2pa-python>=0.38"',
        ) from error


def context(*, anchor: str = "", verify: bool = True) -> Any:  # noqa: ANN401 - see `toolkit`
    """Give the settings object that every call of the library gets.

    Args:
        anchor: PEM of certificates to trust.
        verify: False to find a manifest without going through the whole file.

    """
    settings = {**_SETTINGS, "verify": _SETTINGS["verify"] | {"verify_after_reading": verify}}
    if anchor:
        settings["trust"] = {"user_anchors": anchor}
    return toolkit().Context(toolkit().Settings.from_json(json.dumps(settings)))


def apart(work: Callable[[threading.Event], _Result]) -> _Result:
    """Do work that calls the library on a thread of its own; give its result or raise its error.

    The library calls back into Python for each piece of a file. Ctrl-C is raised on the main thread, whatever runs
    there; raised in such a call-back it gives the library a length out of nowhere, and the process aborts (seen with
    c2pa-python 0.38). Here it sets the event that `work` is given, so that a `Watched` file fails in order, and takes
    effect once the thread has ended.
    """
    results: list[_Result] = []
    worker = Worker("credentials", lambda stop: results.append(work(stop)))
    with held_back(worker.stop_event.set):
        worker.start()
        worker.join()
    worker.check()
    return results[0]


class Watched:
    """A file as the library takes it: once `stop` is set every step fails, and with it the library's call."""

    def __init__(self, file: io.BufferedReader | io.BufferedRandom, stop: threading.Event) -> None:
        self._file = file
        self._stop = stop

    def read(self, size: int = -1) -> bytes:
        """Read; as `io.BufferedIOBase.read`. So the rest."""
        self._go_on()
        return self._file.read(size)

    def readinto(self, buffer: memoryview) -> int:
        """Read into `buffer`; what the library calls."""
        self._go_on()
        return self._file.readinto(buffer)

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        self._go_on()
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move."""
        self._go_on()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where the next byte is."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand over what is buffered."""
        self._file.flush()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise InterruptedError("stopped")
