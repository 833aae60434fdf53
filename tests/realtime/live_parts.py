"""Doubles for the live path's outermost edges: a camera, the landmark model, a network, a screen.

What lies between them (mailboxes, presence, compositor, marker, runners) is always the real thing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from mien.realtime.clock import Clock
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Crop, Frame, Patch, Pixels
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import StreamFormat
from mien.realtime.source.base import SourceInfo

WIDTH, HEIGHT, FPS = 320, 240, 30.0
#: BGR that the double of a network paints: no driver's picture has it.
PERSONA_BGR = (40, 200, 40)
FACE_BOX = (110, 60, 210, 180)


def driver_picture(seed: int = 0) -> Pixels:
    """Noise in reds: every driver pixel has blue and green below 30."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rng = np.random.default_rng(seed)
    picture[..., 2] = rng.integers(60, 255, (HEIGHT, WIDTH))
    picture[..., :2] = rng.integers(0, 30, (HEIGHT, WIDTH, 2))
    return picture


def face_in(box: tuple[float, float, float, float] = FACE_BOX, track_id: int = 1) -> Face:
    """A face whose landmarks fill an ellipse in `box`, px."""
    x0, y0, x1, y1 = box
    turn = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    ring = np.linspace(0.2, 1.0, 7)[np.arange(478) % 7]
    # The oval must reach the box's edges whatever the ring, as a real mesh's does.
    ring[::6] = 1.0
    x = (x0 + x1) / 2 + np.cos(turn) * ring * (x1 - x0) / 2
    y = (y0 + y1) / 2 + np.sin(turn) * ring * (y1 - y0) / 2
    landmarks = np.stack([x, y, np.zeros(478)], axis=1).astype(np.float32)
    landmarks[33], landmarks[263] = (x0 + 20, (y0 + y1) / 2, 0), (x1 - 20, (y0 + y1) / 2, 0)
    return Face(track_id, landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


class PaintEngine:
    """A network's double: paints the crop in one colour, raises on the frames it is told to."""

    def __init__(self, colour: tuple[int, int, int] = PERSONA_BGR, name: str = "paint") -> None:
        self.spec = EngineSpec(name, "numpy", "cpu", "a test asked for it", size_px=None, margin=1.3)
        self.closed = 0
        self.calls = 0
        self.fail_on: Callable[[int], bool] = lambda call: False
        self._colour = colour

    def __call__(self, face: Face, crop: Crop) -> Patch:
        self.calls += 1
        if self.fail_on(self.calls):
            raise RuntimeError("network out of memory")
        pixels = np.full_like(crop.pixels, self._colour)
        return Patch(pixels, np.full(crop.pixels.shape[:2], 255, np.uint8), colour=False)

    def close(self) -> None:
        self.closed += 1


class ListSource:
    """A camera's double: gives frames that a script makes, as fast as they are read."""

    def __init__(
        self, clock: Clock, count: int, *, live: bool, gate: Callable[[int], object] | None = None, fps: float = FPS
    ) -> None:
        self.info = SourceInfo("script", WIDTH, HEIGHT, fps, live)
        self.closed = threading.Event()
        self.trouble = ""
        self.reads = 0
        self._clock = clock
        self._count = count
        self._gate = gate

    def read(self) -> Frame | None:
        if self.closed.is_set() or self.reads >= self._count:
            return None
        index = self.reads
        if self._gate is not None:
            self._gate(index)
        self.reads += 1
        return Frame(driver_picture(index), index, self._clock.now_ns(), round(index * 1e9 / self.info.fps))

    def close(self) -> None:
        self.closed.set()


class ScriptTracker:
    """The landmark model's double: `faces(sequence)` says who is there, or raises."""

    def __init__(self, faces: Callable[[int], tuple[Face, ...]]) -> None:
        self._faces = faces
        self.closed = 0

    def __call__(self, frame: Frame) -> tuple[Face, ...]:
        return self._faces(frame.sequence)

    def close(self) -> None:
        self.closed += 1


class ListSink:
    """A screen's double: keeps every frame."""

    def __init__(self, name: str = "screen", *, wanted: bool = True) -> None:
        self.name = name
        self.wanted = wanted
        self.frames: list[MarkedFrame] = []
        self.stream: StreamFormat | None = None
        self.closed = 0
        self.on_write: Callable[[MarkedFrame], None] = lambda frame: None

    def open(self, stream: StreamFormat) -> None:
        self.stream = stream

    def write(self, frame: MarkedFrame) -> None:
        self.on_write(frame)
        self.frames.append(frame)

    def close(self) -> None:
        self.closed += 1


def shows_driver_face(frame: MarkedFrame, box: tuple[float, float, float, float] = FACE_BOX) -> bool:
    """Whether the driver's reds are to be seen in the middle of the face's box."""
    x0, y0, x1, y1 = (round(value) for value in box)
    inset_x, inset_y = (x1 - x0) // 4, (y1 - y0) // 4
    middle = frame.pixels[y0 + inset_y : y1 - inset_y, x0 + inset_x : x1 - inset_x].astype(int)
    red = (middle[..., 2] > 55) & (middle[..., :2].max(axis=-1) < 35)
    return float(red.mean()) > 0.02


def shows_persona(frame: MarkedFrame, colour: tuple[int, int, int] = PERSONA_BGR) -> bool:
    """Whether the middle of the face is the double's paint."""
    x, y = (FACE_BOX[0] + FACE_BOX[2]) // 2, (FACE_BOX[1] + FACE_BOX[3]) // 2
    return bool((np.abs(frame.pixels[y, x].astype(int) - colour) <= 3).all())
