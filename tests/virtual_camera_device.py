"""The device behind pyvirtualcam, which no test machine has: the holder's process reports to it, frame by frame."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.realtime.frame import Pixels

STAND_IN = Path(__file__).parent / "stand_in"
#: Far more than a loaded machine needs to start a process.
PATIENCE_S = 60.0
_TO_BGR = {
    "I420": (cv2.COLOR_YUV2BGR_I420, lambda h, w: (h * 3 // 2, w)),
    "NV12": (cv2.COLOR_YUV2BGR_NV12, lambda h, w: (h * 3 // 2, w)),
    "YUYV": (cv2.COLOR_YUV2BGR_YUYV, lambda h, w: (h, w, 2)),
    "UYVY": (cv2.COLOR_YUV2BGR_UYVY, lambda h, w: (h, w, 2)),
    "RGBA": (cv2.COLOR_RGBA2BGR, lambda h, w: (h, w, 4)),
}


def as_bgr(picture: Any, pixel_format: str, width: int, height: int) -> Pixels:
    """What a reader of the device sees."""
    code, shape = _TO_BGR[pixel_format]
    return cv2.cvtColor(np.asarray(picture).reshape(shape(height, width)), code)  # type: ignore[return-value]


class Driver:
    """Notes what is opened, sent and closed, and fails when it is told to."""

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.sent: list[Pixels] = []
        self.released = 0
        self.pids: set[int] = set()
        self.native: str | None = "I420"
        self.refused: set[str] = set()
        self.open_error = ""
        self.send_error = ""
        self._changed = threading.Condition()
        self._listener = Listener()
        self._stopped = False
        self._door = threading.Thread(target=self._accept, daemon=True)
        self._door.start()

    @property
    def address(self) -> str:
        return str(self._listener.address)

    def wait(self, what: Callable[[], bool]) -> None:
        """Until `what` holds; it is looked at whenever the device is used."""
        with self._changed:
            assert self._changed.wait_for(what, PATIENCE_S), "the device was not used so"

    def count(self) -> int:
        with self._changed:
            return len(self.sent)

    def newest(self) -> Pixels:
        with self._changed:
            return self.sent[-1]

    def stop(self) -> None:
        for pid in self.pids - {os.getpid()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._stopped = True
        # Woken and gone before the socket is closed, or it would go on with the number that the next one gets.
        Client(self.address).close()
        self._door.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            camera = self._listener.accept()
            if self._stopped:
                camera.close()
                return
            threading.Thread(target=self._serve, args=(camera,), daemon=True).start()

    def _serve(self, camera: Connection) -> None:
        opened: dict[str, Any] = {}
        with suppress(EOFError, OSError), camera:
            while True:
                message = json.loads(camera.recv_bytes())
                pixels = camera.recv_bytes() if "send" in message else b""
                with self._changed:
                    answer = self._answer(message, pixels, opened)
                    self._changed.notify_all()
                camera.send_bytes(json.dumps(answer).encode())
                if "close" in message:
                    break
        if opened:
            with self._changed:
                self.released += 1
                self._changed.notify_all()

    def _answer(self, message: dict[str, Any], pixels: bytes, opened: dict[str, Any]) -> dict[str, Any]:
        if "open" in message:
            self.pids.add(message["pid"])
            self.opened.append(message["open"])
            refused = "Unsupported image format." if message["open"]["fmt"] in self.refused else ""
            if not (self.open_error or refused):
                opened.update(message["open"])
            return {"native": self.native, "error": self.open_error or refused}
        if "send" in message and not self.send_error:
            picture = np.frombuffer(pixels, np.uint8)
            self.sent.append(as_bgr(picture, opened["fmt"], opened["width"], opened["height"]))
        return {"error": self.send_error if "send" in message else ""}


@contextmanager
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """Put the stand-in in pyvirtualcam's place, here and in processes that are started; gives its device."""
    driver = Driver()
    monkeypatch.syspath_prepend(str(STAND_IN))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    monkeypatch.setenv("STAND_IN_DRIVER", driver.address)
    try:
        yield driver
    finally:
        driver.stop()
