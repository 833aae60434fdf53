"""A camera through OpenCV."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.clock import Clock
from mien.realtime.errors import DeviceBusyError, SourceError, SourceLostError
from mien.realtime.frame import Frame, Pixels
from mien.realtime.source import v4l2
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.container import check_size
from mien.realtime.source.fit import fit
from mien.realtime.source.lease import Lease
from mien.realtime.source.pacing import Timeline

#: OpenCV's backends by system, first to last tried. DSHOW opens at once where MSMF can take many seconds.
BACKENDS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "Linux": (cv2.CAP_V4L2,),
        "Windows": (cv2.CAP_DSHOW, cv2.CAP_MSMF),
        "Darwin": (cv2.CAP_AVFOUNDATION,),
    }
)

#: From this height on a USB 2 camera is asked for MJPG: raw 1280x720 needs 442 Mbit/s at 30 fps, so cameras give 10.
MJPG_FROM_HEIGHT = 720

#: Pictures that the driver may keep (V4L2 alone heeds it). One would be the least delay, but while its picture
#: is decoded the driver has nowhere to put the next and drops it, which halves the rate; with a drain thread
#: the second never grows old.
QUEUE_LENGTH = 2

#: Pictures in a row that may be undecodable (a broken JPEG) before the camera counts as lost.
MAX_BAD_PICTURES = 10

_HOLDERS = "video calls (Zoom, Teams, Discord, a browser tab), OBS, the system's camera app, another Mien"


@dataclass(frozen=True, slots=True)
class _Wish:
    width: int
    height: int
    fps: float

    @property
    def mjpg(self) -> bool:
        return self.height >= MJPG_FROM_HEIGHT

    def __str__(self) -> str:
        return f"{'MJPG ' if self.mjpg else ''}{self.width}x{self.height} at {self.fps:g} fps"


class CameraSource:
    """A camera as a source. Whoever calls `read` is the drain thread: it must call again as soon as it can.

    The driver keeps a queue of its own; a picture that is not fetched at once ages in it. So `read` is called without
    a pause, and a one-slot mailbox behind it drops what nobody has time for. `read` blocks in the driver until a
    picture comes, which OpenCV bounds (10 s on V4L2); `close` from another thread returns within
    `lease.CLOSE_WAIT_S` even then, and the device is released when the driver lets go. `ResilientSource` adds a
    watchdog.

    Opening fetches one picture and throws it away: only that shows the true size, and that nobody holds the camera.

    Raises `DeviceBusyError` when another program holds the camera, else `SourceError`: none there, not allowed,
    or no picture comes.

    Args:
        selector: OpenCV's number, or a path as /dev/video0 on Linux.
        width: px asked for; the camera may give another size.
        height: px asked for.
        fps: frames a second asked for.
        clock: stamps the frames.
        name: what the user calls it, for the console; "camera:" and the selector if empty.
        known: whether the system lists this camera (True, False, or None for unknown); tells busy from absent.
        system: "Linux", "Windows" or "Darwin"; this machine's if None.

    """

    def __init__(
        self,
        selector: int | str,
        *,
        width: int,
        height: int,
        fps: float,
        clock: Clock,
        name: str = "",
        known: bool | None = None,
        system: str | None = None,
    ) -> None:
        self._clock = clock
        self._shown = name or f"camera:{selector}"
        self._system = system or platform.system()
        self._failure = (selector, known)
        check_size(self._shown, width, height)
        self._capture, first = self._open(selector, _Wish(width, height, fps))
        self._lease = Lease(self._capture.release)
        self._timeline = Timeline(1)
        self._sequence = 0
        self._origin_ns: int | None = None
        self._info = _describe(self._shown, self._capture, first, _Wish(width, height, fps))

    @property
    def info(self) -> SourceInfo:
        """What the camera gives, and what was asked in `detail`."""
        return self._info

    @property
    def trouble(self) -> str:
        """Nothing: what goes wrong is raised."""
        return ""

    def read(self) -> Frame | None:
        """The next picture; None after `close`. Raises `SourceLostError` when the camera gives none any more."""
        with self._lease.hold() as usable:
            fetched = self._fetch() if usable else None
        if fetched is None:
            return None
        capture_ns, pixels = fetched
        if self._origin_ns is None:
            self._origin_ns = capture_ns
        media_ns = self._timeline.place(capture_ns - self._origin_ns)
        frame = Frame(fit(pixels, self._info.width, self._info.height), self._sequence, capture_ns, media_ns)
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Release the camera, now or as soon as the driver lets the reader go; idempotent."""
        self._lease.close()

    def _fetch(self) -> tuple[int, Pixels] | None:
        for _ in range(MAX_BAD_PICTURES):
            try:
                if not self._capture.grab():
                    break
                capture_ns = self._clock.now_ns()  # here, because retrieve() decodes the JPEG
                decoded, pixels = self._capture.retrieve()
            except cv2.error as error:
                raise self._lost(str(error)) from error
            if decoded and pixels is not None and pixels.size:
                return capture_ns, _as_bgr(pixels)
        # A close meanwhile ends the driver's call too; that is no loss.
        if self._lease.stop.is_set():
            return None
        raise self._lost("it gives no pictures any more")

    def _lost(self, why: str) -> SourceLostError:
        return SourceLostError(f"The camera {self._shown!r} was lost: {why}.", hint="Check its cable.")

    def _open(self, selector: int | str, wish: _Wish) -> tuple[cv2.VideoCapture, Pixels]:
        for backend in BACKENDS.get(self._system, (cv2.CAP_ANY,)):
            capture = cv2.VideoCapture(selector, backend)
            first = _try_first_picture(capture, backend, wish)
            if first is not None:
                return capture, first
            capture.release()
        raise explain_failure(self._shown, selector, self._system, *self._failure[1:])


def explain_failure(
    shown: str, selector: int | str, system: str, known: bool | None, ioctl: v4l2.Ioctl | None = None
) -> SourceError:
    """The error for a camera that would not open: busy, not allowed, not there, or silent."""
    reason: v4l2.Access
    if system == "Linux":
        path = f"/dev/video{selector}" if isinstance(selector, int) else selector
        reason = v4l2.access(path, ioctl)
    else:
        # These systems do not tell; a camera that is listed and does not open is held or forbidden.
        reason = "missing" if known is False else "denied" if system == "Darwin" else "busy"
    if reason == "missing":
        return SourceError(
            f"There is no camera {shown!r}.", hint="Plug it in; `mien devices` lists the cameras that are there."
        )
    if reason == "denied":
        return SourceError(f"The camera {shown!r} may not be opened by this user.", hint=_PERMISSION[system])
    if reason == "busy":
        more = f" {_PERMISSION[system]}" if system == "Windows" else ""
        return DeviceBusyError(
            f"The camera {shown!r} is held by another program.",
            hint=f"Close what may hold it: {_HOLDERS}.{more}",
        )
    return SourceError(
        f"The camera {shown!r} opens but gives no picture.", hint="Unplug it and plug it in again, at another port."
    )


_PERMISSION: Mapping[str, str] = MappingProxyType(
    {
        "Linux": "Add yourself to its group and log in again: sudo usermod -aG video $USER",
        "Windows": "If none does, allow it: Settings > Privacy & security > Camera, for desktop apps.",
        "Darwin": "Allow it: System Settings > Privacy & Security > Camera, for the terminal or app that started Mien.",
    }
)


def _try_first_picture(capture: cv2.VideoCapture, backend: int, wish: _Wish) -> Pixels | None:
    try:
        if not capture.isOpened():
            return None
        configure(capture, backend, wish.width, wish.height, wish.fps)
        decoded, pixels = capture.read()
    except cv2.error:
        return None
    return _as_bgr(pixels) if decoded and pixels is not None and pixels.size else None


def configure(capture: cv2.VideoCapture, backend: int, width: int, height: int, fps: float) -> None:
    """Ask for format, size and rate in the order that the backend needs; nothing is guaranteed."""
    wish = _Wish(width, height, fps)
    size = [(cv2.CAP_PROP_FRAME_WIDTH, float(width)), (cv2.CAP_PROP_FRAME_HEIGHT, float(height))]
    rate = [(cv2.CAP_PROP_FPS, float(fps))]
    code = [(cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*"MJPG")))] if wish.mjpg else []
    # DSHOW rebuilds its graph for size and rate, and forgets the format in doing so (cap_dshow.cpp, setProperty;
    # lerobot #3620): format last. V4L2 chooses sizes and rates from those of the present format, and the default
    # is raw: format first.
    order = size + rate + code if backend == cv2.CAP_DSHOW else code + size + rate
    for property_id, value in order:
        capture.set(property_id, value)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, QUEUE_LENGTH)


def _describe(shown: str, capture: cv2.VideoCapture, first: Pixels, wish: _Wish) -> SourceInfo:
    height, width = first.shape[:2]
    check_size(shown, width, height)
    rate = capture.get(cv2.CAP_PROP_FPS)
    told = 1.0 <= rate <= 240.0
    fourcc = _fourcc(capture.get(cv2.CAP_PROP_FOURCC))
    got = f"{fourcc} {width}x{height}".strip() + (f" at {rate:.4g} fps" if told else ", rate unknown")
    return SourceInfo(shown, width, height, rate if told else wish.fps, live=True, detail=f"{got}, asked {wish}")


def _fourcc(value: float) -> str:
    """Four letters of a FOURCC, or empty where the backend gives none (-1, 0, 22 on some systems)."""
    letters = max(int(value), 0).to_bytes(8, "little")[:4]
    return letters.decode("ascii").strip() if all(32 <= letter < 127 for letter in letters) else ""


def _as_bgr(pixels: NDArray[Any]) -> Pixels:
    """OpenCV's picture as (H, W, 3) uint8; grey cameras give one channel."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(pixels, np.uint8)
