"""What the tests of the verifier share: small videos in every container, with and without the mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.realtime.frame import Pixels
from mien.realtime.watermark.embed import Embedder
from mien.realtime.watermark.payload import Payload

#: Suffix and codec of what PyAV writes here.
CONTAINERS = (
    (".mp4", "libx264"), (".mov", "mpeg4"), (".mkv", "libx264"), (".webm", "libvpx"), (".avi", "mjpeg"),
    (".mpg", "mpeg1video"), (".ts", "libx264"), (".flv", "flv"), (".gif", "gif"), (".ogv", "libvpx"), (".nut", "ffv1"),
    (".wmv", "wmv2"), (".h264", "libx264"), (".3gp", "libx264"), (".y4m", "wrapped_avframe"),
)  # fmt: skip
_PIXEL_FORMATS = {"gif": "rgb8", "mjpeg": "yuvj420p"}


def numbered(count: int, size: tuple[int, int] = (96, 64)) -> list[Pixels]:
    """Pictures whose grey level tells their number, with a gradient."""
    width, height = size
    ramp = np.linspace(0, 60, width, dtype=np.float32)[None, :, None]
    base = np.broadcast_to(ramp, (height, width, 3))
    return [(base + 20 + index % 150).astype(np.uint8) for index in range(count)]


def write_video(
    path: Path,
    pictures: Iterable[Pixels],
    *,
    codec: str = "libx264",
    fps: int = 25,
    rotation: int = 0,
    options: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Encode (H, W, 3) uint8 BGR pictures."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=Fraction(fps), options=dict(options or {}))
        stream.pix_fmt = _PIXEL_FORMATS.get(codec, "yuv420p")
        if rotation:
            stream.set_display_rotation(rotation)
        for picture in pictures:
            if not stream.codec_context.is_open:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def textured(count: int, size: tuple[int, int] = (640, 360), seed: int = 5) -> list[Pixels]:
    """A still scene of soft shapes, with a camera's noise."""
    rng = np.random.default_rng(seed)
    width, height = size
    soft = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 9)
    scene = (120 + 25 * soft / soft.std())[:, :, None]
    grain = rng.normal(0, 2, (4, height, width, 3))
    return [np.clip(scene + grain[index % 4], 0, 255).astype(np.uint8) for index in range(count)]


def marked(pictures: Iterable[Pixels], payload: Payload) -> list[Pixels]:
    """The same with the watermark in them."""
    shown = [picture.copy() for picture in pictures]
    embedder = Embedder(payload, shown[0].shape[1], shown[0].shape[0])
    for picture in shown:
        embedder(picture)
    return shown
