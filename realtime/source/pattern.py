"""A test pattern with a face in it: everything can be tried without a camera."""

from __future__ import annotations

import math
from importlib import resources

import cv2
import numpy as np

from mien.realtime.clock import NS_PER_S, Clock
from mien.realtime.errors import SourceError
from mien.realtime.frame import Frame, Pixels
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.container import check_size
from mien.realtime.source.ticker import Ticker

#: BGR of the seven colour bars at 75 % (SMPTE EG 1): grey, yellow, cyan, green, magenta, red, blue.
_BARS = ((191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0))

#: The face's side relative to the frame's shorter side, and how far it sways and breathes.
_FACE_SIDE, _SWAY, _BREATH = 0.72, 0.05, 0.06

#: Seconds for one sway sideways, up and down, and one breath; they share no small multiple, so it never looks looped.
_PERIODS_S = (7.0, 5.3, 4.1)


def load_face() -> Pixels:
    """The shipped face, (480, 480, 3) uint8 BGR: rendered, of nobody."""
    data = resources.files("mien.realtime").joinpath("assets/pattern_face.jpg").read_bytes()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SourceError("The pattern's face cannot be decoded.", hint="Install Mien again.")
    return np.asarray(pixels, np.uint8)


def background(width: int, height: int) -> Pixels:
    """Colour bars above, a grey ramp in the lowest sixth; (height, width, 3) uint8 BGR."""
    columns = np.arange(width) * len(_BARS) // width
    pixels = np.broadcast_to(np.array(_BARS, np.uint8)[columns], (height, width, 3)).copy()
    pixels[height - height // 6 :] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    return pixels


class PatternSource:
    """Colour bars, a running frame number, and a face that sways gently so that a tracker has work.

    Without an end. `face` is a square BGR picture in place of the shipped one. Raises `SourceError` for a size or a
    rate that is not allowed.
    """

    def __init__(
        self, *, width: int, height: int, fps: float, pace: bool, clock: Clock, face: Pixels | None = None
    ) -> None:
        check_size("pattern", width, height)
        self._ticker = Ticker(fps, pace=pace, clock=clock)
        self._background = background(width, height)
        self._face = load_face() if face is None else face
        self._alpha = _soft_disc(self._face.shape[0])
        self._info = SourceInfo(
            "pattern", width, height, fps, live=pace, detail=f"test pattern {width}x{height} at {fps:g} fps"
        )

    @property
    def info(self) -> SourceInfo:
        """The size and rate asked for."""
        return self._info

    @property
    def trouble(self) -> str:
        """Nothing: what goes wrong is raised."""
        return ""

    def read(self) -> Frame | None:
        """The next frame, when it is due; None after `close`."""
        tick = self._ticker.tick()
        if tick is None:
            return None
        sequence, capture_ns, media_ns = tick
        return Frame(self.draw(sequence, media_ns), sequence, capture_ns, media_ns)

    def close(self) -> None:
        """End the pattern; idempotent."""
        self._ticker.close()

    def draw(self, sequence: int, media_ns: int) -> Pixels:
        """The pattern's frame at one moment, a pure function of both; (height, width, 3) uint8 BGR."""
        pixels = self._background.copy()
        self._paste_face(pixels, media_ns / NS_PER_S)
        size = self._info.height / 720
        place = (round(24 * size), self._info.height - round(24 * size))
        cv2.putText(
            pixels, f"{sequence:06d}", place, cv2.FONT_HERSHEY_SIMPLEX, 1.6 * size, (0, 140, 255),
            max(round(3 * size), 1), cv2.LINE_AA,
        )  # fmt: skip
        return pixels

    def _paste_face(self, pixels: Pixels, seconds: float) -> None:
        height, width = pixels.shape[:2]
        across, down, breath = (math.sin(2 * math.pi * seconds / period) for period in _PERIODS_S)
        short = min(width, height)
        side = short * _FACE_SIDE * (1 + _BREATH * breath)
        left = width / 2 + short * _SWAY * across - side / 2
        top = height / 2 + short * _SWAY * down - side / 2
        # Sub-pixel placing inside a fixed window: whole pixels would make the tracked face tremble.
        x, y, window = math.floor(left), math.floor(top), math.ceil(side) + 1
        scale = side / self._face.shape[0]
        matrix = np.array([[scale, 0, left - x], [0, scale, top - y]], np.float64)
        face = cv2.warpAffine(self._face, matrix, (window, window), flags=cv2.INTER_LINEAR)
        alpha = cv2.warpAffine(self._alpha, matrix, (window, window), flags=cv2.INTER_LINEAR)
        under = pixels[y : y + window, x : x + window]
        part = slice(0, under.shape[0]), slice(0, under.shape[1])
        behind = cv2.multiply(under, cv2.bitwise_not(alpha[part]), scale=1 / 255)
        cv2.add(behind, cv2.multiply(face[part], alpha[part], scale=1 / 255), dst=under)


def _soft_disc(side: int) -> Pixels:
    """(side, side, 3) uint8: opaque inside, faded at the border so that the pasted square has no edge."""
    alpha = np.zeros((side, side, 3), np.uint8)
    cv2.circle(alpha, (side // 2, side // 2), round(side * 0.46), (255, 255, 255), -1)
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), side * 0.015), np.uint8)
