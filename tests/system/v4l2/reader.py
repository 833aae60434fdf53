"""Inside the machine: a meeting that reads the virtual camera with OpenCV and never looks away.

Each picture is kept as a JPEG in the folder FRAMES, and a line "NUMBER slate" or "NUMBER show" is printed for it.
Usage: reader.py DEVICE SLATE FRAMES
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np


def main() -> None:
    device, slate_file, frames = sys.argv[1:]
    slate = cv2.imread(slate_file).astype(int)
    camera = cv2.VideoCapture(int(device.removeprefix("/dev/video")), cv2.CAP_V4L2)
    number = 0
    while True:
        there, picture = camera.read()
        if not there:
            # OpenCV gives up after ten seconds without a picture; a meeting would show its next camera then.
            print("nothing", flush=True)
            continue
        cv2.imwrite(str(Path(frames) / f"{number:05}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        same = picture.shape == slate.shape and float(np.abs(picture - slate).mean()) < 4
        print(number, "slate" if same else "show", flush=True)
        number += 1


main()
