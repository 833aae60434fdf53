"""Inside the machine: a webcam that films the clip, which lies beside this program's folder as raw I420.

Usage: camera.py CLIP WIDTH HEIGHT FPS DEVICE
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyvirtualcam


def main() -> None:
    clip, width, height, fps, device = sys.argv[1:]
    size = int(width) * int(height) * 3 // 2
    frames = np.frombuffer(Path(clip).read_bytes(), np.uint8).reshape(-1, size)
    with pyvirtualcam.Camera(
        int(width), int(height), float(fps), fmt=pyvirtualcam.PixelFormat.I420, device=device
    ) as camera:
        print("filming", flush=True)
        number = 0
        while True:
            camera.send(frames[number % len(frames)])
            number += 1
            camera.sleep_until_next_frame()


main()
