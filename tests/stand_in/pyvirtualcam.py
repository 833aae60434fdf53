"""Stands for pyvirtualcam where no test machine has a device: tells the test what is opened and sent, and obeys it."""

from __future__ import annotations

import json
import os
from enum import Enum
from multiprocessing.connection import Client
from typing import Any


class PixelFormat(Enum):
    BGR = "24BG"
    RGBA = "ABGR"
    I420 = "I420"
    NV12 = "NV12"
    YUYV = "YUY2"
    UYVY = "UYVY"


class Camera:
    def __init__(
        self, width: int, height: int, fps: float, *, fmt: PixelFormat = PixelFormat.BGR, device: str | None = None
    ) -> None:
        self._driver = Client(os.environ["STAND_IN_DRIVER"])
        opened = {"width": width, "height": height, "fps": fps, "fmt": fmt.name, "device": device}
        answer = self._say({"open": opened, "pid": os.getpid()})
        self.device = device or "/dev/video10"
        self.native_fmt = PixelFormat[answer["native"]] if answer["native"] else None

    def send(self, frame: Any) -> None:
        self._say({"send": list(frame.shape)}, frame.tobytes())

    def close(self) -> None:
        if not self._driver.closed:
            self._say({"close": True})
            self._driver.close()

    def _say(self, message: dict[str, Any], pixels: bytes | None = None) -> dict[str, Any]:
        self._driver.send_bytes(json.dumps(message).encode())
        if pixels is not None:
            self._driver.send_bytes(pixels)
        answer = json.loads(self._driver.recv_bytes())
        if answer.get("error"):
            raise RuntimeError(answer["error"])
        return answer
