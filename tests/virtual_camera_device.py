"""The device behind pyvirtualcam, which no test machine has."""

from __future__ import annotations

import sys
import types
from enum import Enum
from typing import Any

import numpy as np
import pytest


class Driver:
    """Stands for the device: notes what is opened and sent."""

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.sent: list[np.ndarray[Any, Any]] = []
        self.closed = 0
        self.open_error: Exception | None = None
        self.send_error: Exception | None = None


def plug_in(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Put a module in pyvirtualcam's place that writes to the device given back."""
    device = Driver()

    class PixelFormat(Enum):
        RGB = "raw "
        BGR = "24BG"

    class Camera:
        def __init__(
            self, width: int, height: int, fps: float, *, fmt: PixelFormat = PixelFormat.RGB, device: str | None = None
        ) -> None:
            driver.opened.append({"width": width, "height": height, "fps": fps, "fmt": fmt.name, "device": device})
            if driver.open_error is not None:
                raise driver.open_error
            self.device = device or "/dev/video10"

        def send(self, frame: np.ndarray[Any, Any]) -> None:
            if driver.send_error is not None:
                raise driver.send_error
            driver.sent.append(frame)

        def close(self) -> None:
            driver.closed += 1

    driver = device
    module = types.ModuleType("pyvirtualcam")
    module.Camera = Camera  # type: ignore[attr-defined]
    module.PixelFormat = PixelFormat  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    return device
