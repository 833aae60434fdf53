"""The virtual camera itself, by pyvirtualcam (GPL-2.0, an optional extra), in the format that the device takes."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.plugin.vcam.link import BYTES_A_PIXEL

#: What v4l2loopback calls the formats that pyvirtualcam can write.
_LOOPBACK_FORMATS: Final[dict[str, str]] = {"YU12": "I420", "NV12": "NV12", "YUYV": "YUYV", "UYVY": "UYVY"}
#: Whatever else a device may want, every backend takes this one.
_FIRST: Final = "I420"


class DeviceError(Exception):
    """The device cannot be opened, or takes no more frames; the reason is the text."""


class Device:
    """An open virtual camera.

    Args:
        width: px, even.
        height: px, even.
        fps: what readers are told, frames a second.
        name: of the device; None takes the first one.
        sysfs: where Linux tells what a device is set to.

    Raises `DeviceError`.

    Attributes:
        pixel_format: what `send` takes, a key of `link.BYTES_A_PIXEL`.
        width: of the pictures that it takes, px: as asked, unless a program reads it in another size.
        height: the same.
        name: of the device.

    """

    def __init__(
        self, width: int, height: int, fps: float, name: str | None, *, sysfs: Path = Path("/sys/class/video4linux")
    ) -> None:
        self.width, self.height = width, height
        self._asked = name
        self._fps = fps
        self._camera = self._open(_FIRST)
        self.pixel_format = _FIRST
        try:
            self._settle(sysfs)
        except BaseException:
            self.close()
            raise
        self.name = str(self._camera.device)

    def send(self, picture: NDArray[np.uint8]) -> None:
        """Show one picture: flat uint8 in `pixel_format`. Raises `DeviceError` when the device is gone.

        Linux removes no v4l2loopback device that is open, so there nothing can be gone.
        """
        if self.pixel_format == "RGBA":
            picture = picture.reshape(self.height, self.width, 4)
        try:
            self._camera.send(picture)
        except (RuntimeError, OSError) as error:
            raise DeviceError(_one_line(error)) from error

    def close(self) -> None:
        """Release the device."""
        self._camera.close()

    def _settle(self, sysfs: Path) -> None:
        """Change to the format that the device wants, so that nobody converts a second time."""
        asked = (self.width, self.height)
        wanted = self._kept(sysfs)
        if wanted is None:
            native = self._camera.native_fmt
            wanted = _FIRST if native is None else native.name
        if (wanted == _FIRST and asked == (self.width, self.height)) or wanted not in BYTES_A_PIXEL:
            return
        self._camera.close()
        try:
            self._camera = self._open(wanted)
            self.pixel_format = wanted
        except DeviceError:
            # OBS's camera on Windows is NV12 inside and takes none.
            self._camera = self._open(_FIRST)

    def _kept(self, sysfs: Path) -> str | None:
        """The format in which a program still reads this device, and its size with it; None if nobody does.

        v4l2loopback then ignores what a new writer asks for, without an error, and its pictures would be garbage.
        """
        try:
            text = (sysfs / Path(self._camera.device).name / "format").read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        # "YU12:640x360@30", or nothing while no writer has begun.
        found = re.match(r"(\w{4}):(\d{2,4})x(\d{2,4})@", text)
        if found is None:
            return None
        code, width, height = found[1], int(found[2]), int(found[3])
        if code not in _LOOPBACK_FORMATS or width % 2 or height % 2:
            raise DeviceError(
                f"a program still reads {self._camera.device} as {code} of {width}x{height}: close the camera there"
            )
        self.width, self.height = width, height
        return _LOOPBACK_FORMATS[code]

    def _open(self, pixel_format: str) -> Any:  # noqa: ANN401 - an untyped, optional module
        module = importlib.import_module("pyvirtualcam")
        try:
            return module.Camera(
                width=self.width,
                height=self.height,
                fps=self._fps,
                fmt=module.PixelFormat[pixel_format],
                device=self._asked,
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise DeviceError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    return "; ".join(str(error).splitlines()) or type(error).__name__
