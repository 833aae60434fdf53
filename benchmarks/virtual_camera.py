"""What the virtual camera costs a frame: its conversion, the way to the process that holds it, pyvirtualcam's share.

    python benchmarks/virtual_camera.py --out out/virtual_camera.json

Writes marked pictures, paced, through the sink that `--sink virtualcam` uses, into a real device. A frame is handed
over when the device has it. Writes the figures, with machine, commit and versions, into a JSON file.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from pathlib import Path

import numpy as np

from mien.plugin.machine import provenance
from mien.plugin.vcam.sink import VirtualCameraSink
from mien.realtime.frame import Pixels
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.yuv import to_i420
from mien.realtime.slate import Slate


def picture(width: int, height: int, turn: int) -> Pixels:
    """A soft pattern that moves."""
    x, y = np.meshgrid(np.arange(width) + 4 * turn, np.arange(height))
    planes = [128 + 80 * np.sin(x / 37), 128 + 80 * np.sin(y / 29), 128 + 80 * np.sin((x + y) / 53)]
    return np.stack(planes, axis=2).astype(np.uint8)


def frames(width: int, height: int, count: int) -> list[MarkedFrame]:
    """A few marked frames that are shown again and again; the first is a slate."""
    marker = Marker(width, height)
    made = [marker.mark_slate(Slate(width, height).picture(), sequence=0, capture_ns=0, media_ns=0, now_ns=0)]
    for turn in range(min(count, 8)):
        pixels = picture(width, height, turn)
        made.append(
            marker.mark_persona(pixels, label="generated", sequence=turn, capture_ns=0, media_ns=0, now_ns=turn)
        )
    return made


def spread(nanoseconds: list[int]) -> dict[str, float]:
    """Median and 95th percentile, ms."""
    values = np.array(nanoseconds) / 1e6
    return {"p50_ms": round(float(np.median(values)), 3), "p95_ms": round(float(np.percentile(values, 95)), 3)}


def measure(device: str | None, width: int, height: int, fps: float, count: int) -> dict[str, object]:
    """Show `count` frames in their rhythm."""
    still, *shown = frames(width, height, count)
    sink = VirtualCameraSink(device, slate=still)
    handed: list[int] = []
    device_ns: list[int] = []
    converted: list[int] = []
    tick = threading.Event()
    sink.open(StreamFormat(width, height, fps))
    try:
        begin = time.perf_counter()
        for number in range(count):
            frame = shown[number % len(shown)]
            start = time.perf_counter_ns()
            to_i420(frame.pixels)
            between = time.perf_counter_ns()
            sink.write(frame)
            handed.append(time.perf_counter_ns() - between)
            converted.append(between - start)
            device_ns.append(sink.device_ns)
            tick.wait(max(0.0, begin + (number + 1) / fps - time.perf_counter()))
    finally:
        sink.close()
    return {
        "width": width,
        "height": height,
        "frames": count,
        "hand_over": spread(handed),
        "of_it_conversion": spread(converted),
        "of_it_pyvirtualcam": spread(device_ns),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="default: the first one")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("out/virtual_camera.json"))
    given = parser.parse_args()
    result = measure(given.device, given.width, given.height, given.fps, given.frames)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result | provenance(), indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
