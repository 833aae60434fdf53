"""The newest marked frame as a JPEG, made only when a page has asked for one."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Literal

import cv2
import simplejpeg

from mien.realtime.frame import Pixels
from mien.realtime.mark import MarkedFrame

Channel = Literal["after", "before"]

#: Longer side of what the page is sent, px: at most, and at least where the frame has as much and the page shows less.
MAX_SIDE_PX = 1280
MIN_SIDE_PX = 640
_QUALITY = 80
#: Channel, kind, held, unused, sequence, hand-over: 16 bytes, little endian, before the JPEG.
_HEADER = struct.Struct("<BBBBIQ")
HEADER_BYTES = _HEADER.size
_CHANNELS = {"after": 0, "before": 1}
_KINDS = {"persona": 0, "slate": 1, "camera": 2}


def encode(pixels: Pixels, side_px: int = MAX_SIDE_PX) -> bytes:
    """A JPEG of (H, W, 3) BGR, at most `side_px` on its longer side; 2 ms at 720p.

    `side_px` is brought into `MIN_SIDE_PX` to `MAX_SIDE_PX`: less would cost the watermark.
    """
    height, width = pixels.shape[:2]
    scale = min(max(side_px, MIN_SIDE_PX), MAX_SIDE_PX) / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        # Down to a half, bilinear sampling leaves nothing out, at a fifth of the time.
        how = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA
        pixels = cv2.resize(pixels, size, interpolation=how)  # type: ignore[assignment]
    jpeg: bytes = simplejpeg.encode_jpeg(
        pixels, quality=_QUALITY, colorspace="BGR", colorsubsampling="420", fastdct=True
    )
    return jpeg


def packet_of(
    channel: Channel, jpeg: bytes, *, kind: str = "camera", held: bool = False, sequence: int = 0, at_us: int = 0
) -> bytes:
    """What goes over the socket for one picture.

    `at_us`: when it was handed over, microseconds since 1970, by which the page tells how old what it shows is.
    """
    header = _HEADER.pack(_CHANNELS[channel], _KINDS[kind], int(held), 0, sequence & 0xFFFFFFFF, at_us)
    return header + jpeg


class FrameHub:
    """Hands the newest frame from the sink's thread to the pages that wait for one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        #: With the longer side that each wants.
        self._waiting: dict[asyncio.Future[bytes], int] = {}

    async def next(self, side_px: int = MAX_SIDE_PX) -> bytes:
        """The packet of the next frame that is written, for who shows it `side_px` large. On the server's thread."""
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[future] = side_px
        try:
            return await future
        finally:
            self._waiting.pop(future, None)

    def offer(self, frame: MarkedFrame) -> None:
        """A new frame, on the sink's thread; encoded once, for the largest, and only if a page waits."""
        side_px = max(self._waiting.copy().values(), default=0)
        if not side_px:
            return
        at_us = time.time_ns() // 1000
        packet = packet_of(
            "after",
            encode(frame.pixels, side_px),
            kind=frame.kind,
            held=frame.held,
            sequence=frame.sequence,
            at_us=at_us,
        )
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, packet)

    def _publish(self, packet: bytes) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(packet)
