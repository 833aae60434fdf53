"""Films a performance: frames from the ray caster, H.264 and AAC through PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.extra import require_anny
from mien.engines.cast.motion.performance import Performance, perform
from mien.engines.cast.motion.voice import speak
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe

if TYPE_CHECKING:
    from mien.engines.cast.scene import Actor, Shot

Pixels = NDArray[np.uint8]

FPS = 30
WIDTH_PX, HEIGHT_PX = 1280, 720
_AUDIO_RATE_HZ = 48_000
_SAMPLES = 2
#: Metres from the picture's top to its bottom: a webcam on a monitor.
_SPAN_M = 0.42
_AIM = (0.0, 0.0, -0.045)


def film(
    recipe: Recipe, seconds: float, out: Path, *, jobs: int = 1, crf: int = 24, height: int = HEIGHT_PX,
    on_frame: Callable[[int, int], None] | None = None,
) -> None:  # fmt: skip
    """Write an .mp4 of a person who talks, smiles, blinks and turns.

    Args:
        recipe: who.
        seconds: how long.
        out: the file; its folder is made.
        jobs: processes that render; each needs about 1.5 GB.
        crf: x264's constant rate factor.
        height: of the picture, px; the width keeps 16:9.
        on_frame: called after each frame with how many are done and how many there are.

    Raises:
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    performance = perform(recipe.seed, seconds, FPS)
    sound = speak(performance.syllables, seconds, _AUDIO_RATE_HZ)
    out.parent.mkdir(parents=True, exist_ok=True)
    total = len(performance.times)
    width = round(height * WIDTH_PX / HEIGHT_PX / 2) * 2
    with av.open(str(out), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        # One thread: x264's rate control depends on how many there are, and the file should not.
        video.options = {"crf": str(crf), "preset": "slow", "threads": "1"}
        audio = container.add_stream("aac", rate=_AUDIO_RATE_HZ, layout="mono")
        audio.bit_rate = 48_000
        for index, picture in enumerate(_frames(recipe, performance, width, height, jobs)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(frame))
            if on_frame is not None:
                on_frame(index + 1, total)
        container.mux(video.encode(None))
        for packet in _encoded(audio, sound):
            container.mux(packet)


def _encoded(stream: av.AudioStream, sound: NDArray[np.float32]) -> Iterator[list[av.Packet[Any]]]:
    step = 1024
    for start in range(0, len(sound), step):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + step], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _AUDIO_RATE_HZ, start, Fraction(1, _AUDIO_RATE_HZ)
        yield stream.encode(frame)
    yield stream.encode(None)


def _frames(recipe: Recipe, performance: Performance, width: int, height: int, jobs: int) -> Iterator[Pixels]:
    count = len(performance.times)
    if jobs <= 1:
        studio = Studio(recipe, width, height)
        for index in range(count):
            yield studio.frame(performance, index)
        return
    with ExitStack() as stack:
        # Spawned, not forked: Warp and torch hold threads that a fork would leave half alive.
        pool = stack.enter_context(
            ProcessPoolExecutor(
                jobs, get_context("spawn"), initializer=_start, initargs=(recipe, performance, width, height)
            )
        )
        yield from pool.map(_render, range(count), chunksize=4)


class Studio:
    """A person before a fixed camera and room."""

    def __init__(self, recipe: Recipe, width: int, height: int) -> None:
        from mien.engines.cast.camera.light import DESK, backdrop
        from mien.engines.cast.scene import Actor, View

        self._actor: Actor = Actor(recipe, DESK)
        self._view = View(width, height, _SAMPLES, span=_SPAN_M, aim=_AIM)
        self._room = backdrop(height, width, recipe.look.backdrop_rgb, recipe.seed)

    def frame(self, performance: Performance, index: int) -> Pixels:
        """(height, width, 3) uint8 BGR."""
        return to_bgr(self._actor.draw(shot_at(performance, index), self._view, self._room))


def shot_at(performance: Performance, index: int) -> Shot:
    """One frame of a performance as the scene wants it."""
    from mien.engines.cast.body.pose import HeadPose
    from mien.engines.cast.scene import Shot, gaze_actions

    gaze = (float(performance.gaze[index, 0]), float(performance.gaze[index, 1]))
    actions = {name: float(values[index]) for name, values in performance.actions.items()}
    sway = tuple(float(part) for part in performance.sway[index])
    pose = HeadPose(
        yaw=float(performance.yaw[index]), pitch=float(performance.pitch[index]), roll=float(performance.roll[index]),
        sway=(sway[0], sway[1], sway[2]),
    )  # fmt: skip
    # The lids follow the ball; in a blink they have nothing left to follow.
    follow = {name: weight * (1 - actions["eyeBlinkLeft"]) for name, weight in gaze_actions(*gaze).items()}
    return Shot(actions=actions | follow, pose=pose, gaze=gaze)


_worker: tuple[Studio, Performance] | None = None


def _start(recipe: Recipe, performance: Performance, width: int, height: int) -> None:
    global _worker  # the one place where a pool's worker can keep what it built
    _worker = (Studio(recipe, width, height), performance)


def _render(index: int) -> Pixels:
    if _worker is None:
        raise RuntimeError("the renderer's worker was not started")
    studio, performance = _worker
    return studio.frame(performance, index)
