"""Files to sign: recordings of the real sink, cut ones, and pictures."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from mien.engines.credentials.chain import Credentials, one_time
from mien.engines.credentials.manifest import Description
from mien.engines.credentials.sign import sign_file
from mien.realtime.frame import Pixels
from mien.realtime.mark import Marker
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.file import FileSink

WIDTH, HEIGHT, FPS = 128, 96, 10.0
STEP_NS = 100_000_000


def record(path: Path, *, frames: int = 30, finish: bool = True, seed: int = 0) -> Path:
    """A recording of noise; not finished, it is what a crash leaves at `NAME.part.SUFFIX`, and that is returned."""
    sink, marker = FileSink(path), Marker(WIDTH, HEIGHT)
    random = np.random.default_rng(seed)
    sink.open(StreamFormat(WIDTH, HEIGHT, FPS, live=False))
    for number in range(frames):
        pixels = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        now = number * STEP_NS
        sink.write(
            marker.mark_persona(pixels, label="modified", sequence=number, capture_ns=now, media_ns=now, now_ns=now)
        )
    if finish:
        sink.close()
        return path
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    left = part.read_bytes()
    sink.close()
    path.unlink()
    part.write_bytes(left)
    return part


def picture(path: Path) -> Path:
    """A picture of noise, PNG or JPEG by its name."""
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


def make(path: Path) -> Path:
    """A file of the kind that the name says."""
    if path.suffix in (".png", ".jpg"):
        return picture(path)
    return record(path, finish=".part" not in path.name).rename(path)


def signed(path: Path, credentials: Credentials | None = None, description: Description | None = None) -> Path:
    """The same, signed."""
    return sign_file(make(path), credentials=credentials or one_time(), description=description or Description())


def decode(path: Path) -> list[Pixels]:
    if path.suffix in (".png", ".jpg"):
        return [cv2.imread(str(path))]
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
