"""A virtual camera for Zoom, browsers and OBS, by pyvirtualcam (GPL-2.0, an optional extra, imported on use)."""

from __future__ import annotations

import importlib
import platform
from typing import Any, Protocol

from mien.realtime.errors import MissingExtraError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import SinkLostError, StreamFormat
from mien.realtime.sink.yuv import even

#: What is missing on each system, and what mends it. `exclusive_caps` makes Chrome and Zoom list the device, four
#: buffers keep a slow reader from blocking the writer.
HOW_TO: dict[str, str] = {
    "Linux": (
        "Install v4l2loopback (Debian, Ubuntu: sudo apt install v4l2loopback-dkms), then run: "
        "sudo modprobe v4l2loopback exclusive_caps=1 max_buffers=4 card_label=Mien"
    ),
    "Windows": (
        "Install OBS Studio and stop its virtual camera (it can be used by one program at a time), "
        "or install Unity Capture."
    ),
    "Darwin": (
        "On macOS 13 or newer install OBS 30 or newer, start and stop its virtual camera once, and allow its camera "
        "extension in System Settings. Then leave OBS's own virtual camera stopped."
    ),
}
_ELSEWHERE = "pyvirtualcam knows Linux, Windows and macOS; here use the sink nut://127.0.0.1:PORT or a file."


class _Camera(Protocol):
    """What is used of `pyvirtualcam.Camera`."""

    device: str

    def send(self, frame: Any) -> None: ...  # noqa: ANN401 - an array, as pyvirtualcam types it

    def close(self) -> None: ...


class VirtualCameraSink:
    """Writes to a virtual camera, in the frames' own rhythm.

    Args:
        device: name or path of the device ("/dev/video10", "OBS Virtual Camera"); None takes the first one.
        system: `platform.system()`, for the how-to.

    """

    wanted = True

    def __init__(self, device: str | None = None, *, system: str | None = None) -> None:
        self.name = "virtualcam" if device is None else f"virtualcam:{device}"
        self._asked = device
        self._system = platform.system() if system is None else system
        self._camera: _Camera | None = None

    @property
    def device(self) -> str | None:
        """The device that is written while the sink is open; a source must not read it back."""
        return None if self._camera is None else self._camera.device

    def open(self, stream: StreamFormat) -> None:
        """Take the device. Raises `MissingExtraError` without pyvirtualcam, `SinkError` without a device."""
        module = _pyvirtualcam()
        # Even sides: most readers want 4:2:0. BGR is what frames are: pyvirtualcam converts it in C.
        width, height = stream.width + stream.width % 2, stream.height + stream.height % 2
        try:
            self._camera = module.Camera(
                width=width, height=height, fps=stream.fps, fmt=module.PixelFormat.BGR, device=self._asked
            )
        except (RuntimeError, OSError, ValueError) as error:
            what = "no virtual camera could be opened" if self._asked is None else "this device could not be opened"
            reason = "; ".join(str(error).split("\n"))
            raise SinkError(f"{self.name}: {what} ({reason}).", hint=HOW_TO.get(self._system, _ELSEWHERE)) from error

    def write(self, frame: MarkedFrame) -> None:
        """Show one frame. Raises `SinkLostError` when the device is gone; it may come back.

        The rhythm is the source's: pyvirtualcam's own `sleep_until_next_frame` would add up to a frame of latency.
        """
        if self._camera is None:
            raise SinkError(f"{self.name} is not open.")
        try:
            self._camera.send(even(frame.pixels))
        except (RuntimeError, OSError) as error:
            raise SinkLostError(
                f"{self.name}: the device takes no more frames ({error}).", hint="It is tried again and again."
            ) from error

    def close(self) -> None:
        """Release the device."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


def _pyvirtualcam() -> Any:  # noqa: ANN401 - an untyped, optional module
    try:
        return importlib.import_module("pyvirtualcam")
    except ImportError as error:
        raise MissingExtraError(
            f"a virtual camera needs pyvirtualcam, which is not installed ({error}).",
            hint="Install it: pip install pyvirtualcam",
        ) from error
