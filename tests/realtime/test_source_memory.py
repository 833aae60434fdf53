"""Pictures are freed when they are done with, not when the garbage collector comes round."""

from __future__ import annotations

import gc
from pathlib import Path

import av
import numpy as np

from mien.realtime.clock import MonotonicClock
from mien.realtime.source.open import open_source

FRAMES = 40


def test_reading_a_file_leaves_no_cycles(tmp_path: Path) -> None:
    clip = tmp_path / "wall.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(FRAMES):
            picture = np.full((240, 320, 3), index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    source = open_source(str(clip), width=320, height=240, fps=30, pace=False, loop=False, clock=MonotonicClock())
    source.read()
    # What earlier tests left may go in several rounds: a finalizer can let go of the next cycle.
    for _ in range(10):
        if not gc.collect():
            break
    gc.disable()
    try:
        read = sum(source.read() is not None for _ in range(FRAMES - 5))
        left = gc.collect()
    finally:
        gc.enable()
        source.close()
    assert read == FRAMES - 5
    # A cycle at each picture would leave several objects for each.
    assert left < FRAMES // 2
