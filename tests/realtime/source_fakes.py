"""What the tests of sources share: videos made on the spot, a camera at OpenCV's boundary, a source to lose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.realtime.errors import SourceError
from mien.realtime.frame import Frame
from mien.realtime.source.base import SourceInfo

MS = Fraction(1, 1000)


def numbered(index: int, width: int, height: int) -> np.ndarray:
    """A picture whose grey level tells its number, with its top left corner red (RGB)."""
    picture = np.full((height, width, 3), 20 + (index * 7) % 200, np.uint8)
    picture[: height // 4, : width // 4] = (255, 0, 0)
    return picture


def make_video(
    path: Path,
    *,
    count: int = 12,
    size: tuple[int, int] = (64, 48),
    times_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    audio: bool = False,
    options: dict[str, str] | None = None,
    picture: Callable[[int, int, int], np.ndarray] = numbered,
    setup: Callable[[Any], None] | None = None,
) -> Path:
    """Encode `count` pictures at 25 a second, or at `times_ms`."""
    width, height = size
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = MS
        if rotation:
            stream.set_display_rotation(rotation)
        if setup:
            setup(stream)
        sound: Any = container.add_stream("aac", rate=48000) if audio else None
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index, width, height), "rgb24")
            frame.pts = times_ms[index] if times_ms else index * 40
            frame.time_base = MS
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            add_silence(container, sound, count)
    return path


def make_audio(path: Path) -> Path:
    """A file with sound only."""
    with av.open(str(path), "w") as container:
        add_silence(container, container.add_stream("aac", rate=48000), 12)
    return path


def add_silence(container: Any, stream: Any, count: int) -> None:
    """About `count` / 25 seconds of silence."""
    for index in range(max(count * 1920 // 1024, 1)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), "flt", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1024, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def read_all(source: Any, limit: int = 1000) -> list[Frame]:
    """Every frame until the end, at most `limit`."""
    frames: list[Frame] = []
    while len(frames) < limit and (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def in_thread(call: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Run `call` on a thread; its result or exception arrives in the list."""
    out: list[object] = []

    def body() -> None:
        try:
            out.append(call())
        except Exception as error:  # noqa: BLE001 - handed to the test, whatever it is
            out.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread, out


@dataclass
class FakeCamera:
    """The hardware behind a fake `cv2.VideoCapture`: its state is shared by all captures that are opened on it."""

    size: tuple[int, int] = (1280, 720)
    fps: float = 30.0
    fourcc: str = "MJPG"
    present: bool = True
    silent: bool = False
    bad_pictures: int = 0
    raises: bool = False
    grey: bool = False
    blocked: threading.Event | None = None
    entered: threading.Event = field(default_factory=threading.Event)
    sets: list[tuple[int, float]] = field(default_factory=list)
    opened_with: list[tuple[object, ...]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    released: int = 0
    on_retrieve: Callable[[], None] | None = None

    def capture(self, *arguments: object) -> FakeCapture:
        """Stands in for the class `cv2.VideoCapture`."""
        self.opened_with.append(arguments)
        return FakeCapture(self)


class FakeCapture:
    """`cv2.VideoCapture` as far as the sources use it."""

    def __init__(self, camera: FakeCamera) -> None:
        self._camera = camera

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._camera.present

    def set(self, property_id: int, value: float) -> bool:
        self._camera.sets.append((property_id, value))
        return True

    def get(self, property_id: int) -> float:
        if property_id == cv2.CAP_PROP_FOURCC:
            return float(cv2.VideoWriter.fourcc(*self._camera.fourcc)) if self._camera.fourcc else -1.0
        return self._camera.fps if property_id == cv2.CAP_PROP_FPS else 0.0

    def grab(self) -> bool:
        self._camera.log.append("grab")
        if self._camera.blocked is not None:
            self._camera.entered.set()
            self._camera.blocked.wait(10)
        threading.Event().wait(0.001)  # a real one blocks until its next picture
        if self._camera.raises:
            raise cv2.error("the driver failed")
        return self._camera.present and not self._camera.silent

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        self._camera.log.append("retrieve")
        if self._camera.on_retrieve:
            self._camera.on_retrieve()
        if self._camera.bad_pictures:
            self._camera.bad_pictures -= 1
            return False, None
        width, height = self._camera.size
        return True, np.full((height, width) if self._camera.grey else (height, width, 3), 90, np.uint8)

    def read(self) -> tuple[bool, np.ndarray | None]:
        return self.retrieve() if self.grab() else (False, None)

    def release(self) -> None:
        self._camera.released += 1


class ScriptedSource:
    """A source that gives what its script says: frames, errors, silence, or an end."""

    def __init__(self, steps: Sequence[object], *, size: tuple[int, int] = (64, 48)) -> None:
        self._steps = list(steps)
        self._size = size
        self._stop = threading.Event()
        self.closed = 0

    @property
    def info(self) -> SourceInfo:
        return SourceInfo("camera:0", *self._size, 30.0, live=True)

    def read(self) -> Frame | None:
        step = self._steps.pop(0) if self._steps else "block"
        if step == "block":
            self._stop.wait(10)
            return None
        if isinstance(step, threading.Event):
            step.wait(10)
            return self.read()
        if isinstance(step, BaseException):
            raise step
        if step is None:
            return None
        assert isinstance(step, tuple)
        sequence, capture_ns = step
        width, height = self._size
        return Frame(np.full((height, width, 3), 50, np.uint8), sequence, capture_ns, capture_ns)

    def close(self) -> None:
        self.closed += 1
        self._stop.set()


def gone() -> SourceError:
    """What a factory raises while the camera is unplugged."""
    return SourceError("The camera is not there.")
