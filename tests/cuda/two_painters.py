"""The same show by the reference and by the CUDA painter on emulated kernels."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from emulated_device import EmulatedDevice

from mien.engines.cuda.painter import CudaPainter
from mien.realtime.clock import ManualClock
from mien.realtime.compositor import Compositor, Tracked
from mien.realtime.config import LossSettings
from mien.realtime.cpu_painter import CpuPainter
from mien.realtime.engine import Engine, EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Crop, Frame, Patch, Pixels
from mien.realtime.head import HeadFit, from_head, head_model
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.presence import Presence
from mien.realtime.slate import Slate
from mien.realtime.tracker.base import Selection
from mien.realtime.watermark.session import MarkSession

WIDTH, HEIGHT = 480, 270
STEP_NS = 33_333_333


def picture(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Soft shapes and a camera's noise, in many colours."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (7, 9, 3)).astype(np.float32)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(soft + rng.normal(0, 4, soft.shape), 0, 255).astype(np.uint8)


def face_at(x: float, y: float, height_px: float, roll_deg: float = 0.0, track_id: int = 1) -> Face:
    """The canonical face, frontal, its middle at (x, y)."""
    roll = math.radians(roll_deg)
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]], np.float32)
    fit = HeadFit(turn, height_px / 17.66, np.array([x, y, 0], np.float32))
    landmarks = from_head(head_model().landmarks, fit)
    return Face(track_id, landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


class OvalEngine:
    """A network's double: a made-up face in an oval, with a soft edge, a hole, and a spot that is lit already."""

    def __init__(self, size_px: int | None = 128, *, colour: bool = True, lit: bool = True) -> None:
        self.spec = EngineSpec("oval", "numpy", "cpu", "a test asked for it", size_px=size_px, margin=1.3)
        self._colour, self._lit = colour, lit
        self.closed = 0

    def __call__(self, face: Face, crop: Crop) -> Patch:
        height, width = crop.pixels.shape[:2]
        paint = cv2.GaussianBlur(picture(17, width, height), (0, 0), 2)
        # Something of the crop, so that what the engine was shown is part of the proof.
        paint = cv2.addWeighted(paint, 0.7, np.ascontiguousarray(crop.pixels), 0.3, 0)
        mask, lit = (np.zeros((height, width), np.uint8) for _ in range(2))
        cv2.ellipse(mask, (width // 2, height // 2), (int(width * 0.36), int(height * 0.43)), 0, 0, 360, 255, -1)
        cv2.circle(mask, (width // 2, int(height * 0.65)), width // 16, 0, -1)
        cv2.circle(lit, (int(width * 0.4), int(height * 0.4)), width // 12, 255, -1)
        mask, lit = cv2.GaussianBlur(mask, (0, 0), 1.5), cv2.GaussianBlur(lit, (0, 0), 1.5)
        return Patch(paint, mask, colour=self._colour, lit=lit if self._lit else None)

    def close(self) -> None:
        self.closed += 1


class TwoShows:
    """Two compositors that differ in their painter alone; each frame goes through both."""

    def __init__(
        self,
        make: Callable[[], Engine] = OvalEngine,
        *,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        late: bool = True,
        ahead_late: bool = True,
    ) -> None:
        self.size = size
        self.clock = ManualClock()
        self.device = EmulatedDevice(late=late, ahead_late=ahead_late)
        self.errors: list[str] = []
        session = MarkSession(bytes(16))
        self.painters = (CpuPainter(), CudaPainter(self.device))
        self.compositors = [
            Compositor(
                (make(),), painter=painter, marker=Marker(*size, session=session), slate=Slate(*size),
                presence=Presence(LossSettings()), now_ns=self.clock.now_ns, on_error=self.errors.append,
            )
            for painter in self.painters
        ]  # fmt: skip
        self.sequence = 0

    def show(
        self, *faces: Face, bystanders: tuple[tuple[float, float, float, float], ...] = (), expected: bool = False
    ) -> list[MarkedFrame]:
        """(reference's frame, CUDA's), a thirtieth of a second after the ones before; `expected` as in a pipeline."""
        now_ns = self.clock.now_ns()
        frame = Frame(picture(self.sequence, *self.size), self.sequence, now_ns, now_ns)
        if expected:
            before = self.device.asked.count("upload ahead")
            for compositor in self.compositors:
                compositor.expect(frame)
            assert self.device.wait_until_asked("upload ahead", before + 1)
        tracked = Tracked(frame, Selection(faces, bystanders), False, {})
        self.composed = [compositor(tracked, now_ns) for compositor in self.compositors]
        self.sequence += 1
        self.clock.advance(STEP_NS / 1e9)
        return [each.marked for each in self.composed]

    def close(self) -> None:
        for compositor in self.compositors:
            compositor.close()
