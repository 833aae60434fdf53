"""Films a performance: frames from the renderer through a webcam, H.264 and AAC through PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.camera.light import DESK, Rig, ambient
from mien.engines.cast.camera.webcam import CLEAN, Webcam
from mien.engines.cast.extra import check_device, require_anny
from mien.engines.cast.motion.exercises import exercise
from mien.engines.cast.motion.performance import Performance, perform
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.workers import worker_pool
from mien.realtime.errors import ConfigError

if TYPE_CHECKING:
    from mien.engines.cast.frame import Shot

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

FPS = 30
WIDTH_PX, HEIGHT_PX = 1280, 720
LONGEST_S = 300.0
#: From the camera to the person, m.
DISTANCE_M = 1.35
_AUDIO_RATE_HZ = 48_000
_SAMPLES = 3
#: Quiet: a test clip should not startle anyone.
_LOUDEST = 0.25


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What a clip shows.

    Attributes:
        recipe: who.
        script: what is said, by espeak-ng; None babbles, without espeak-ng.
        exercises: pull faces and turn the head instead, without a word: what a network learns most from.
        seconds: how long; None for as long as the script takes.
        height: of the picture, px, even; the width keeps 16:9.
        rig: the light.
        webcam: what films; a good one by default.
        span: metres seen from top to bottom: a webcam on a monitor.

    """

    recipe: Recipe
    script: str | None = None
    exercises: bool = False
    seconds: float | None = None
    height: int = HEIGHT_PX
    rig: Rig = DESK
    webcam: Webcam = CLEAN
    span: float = 0.42

    def __post_init__(self) -> None:
        if self.exercises and (self.script is not None or self.seconds is None):
            raise ConfigError("Exercises have a length and no script.", hint="Give --exercises --seconds 30.")
        if self.script is None and self.seconds is None:
            raise ConfigError("A clip needs a script or a length.", hint='Give --seconds 10, or --script "some words".')
        if self.seconds is not None and not 0.5 <= self.seconds <= LONGEST_S:
            raise ConfigError(f"seconds is {self.seconds}; it must be 0.5 to {LONGEST_S:.0f}.")
        if not 64 <= self.height <= 2160 or self.height % 2:
            raise ConfigError(f"height is {self.height} px; it must be even, 64 to 2160.")

    @property
    def width(self) -> int:
        """px, even."""
        return round(self.height * WIDTH_PX / HEIGHT_PX / 2) * 2


def film(
    plan: ClipPlan, out: Path, *, jobs: int = 1, crf: int = 24, device: str = "cpu",
    on_frame: Callable[[int, int], None] | None = None,
) -> None:  # fmt: skip
    """Write an .mp4 of a person who talks, smiles, blinks and turns; until it is whole the file has another name.

    Args:
        plan: who says what, and how it is filmed.
        out: the file; its folder is made.
        jobs: processes that render; each needs about 1.5 GB.
        crf: x264's constant rate factor.
        device: Warp's name of it.
        on_frame: called after each frame with how many are done and how many there are.

    Raises:
        ConfigError: the script takes longer than the seconds.
        MissingExtraError: anny, Warp or torch is not installed, or there is a script and no espeak-ng.

    """
    require_anny()
    check_device(device)
    performance, sound = _performed(plan)
    total = len(performance.times)
    sound = sound * np.float32(_LOUDEST / max(float(np.abs(sound).max(initial=0.0)), 1e-6))
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.stem}.part{out.suffix}")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            video = container.add_stream("libx264", rate=FPS)
            video.width, video.height, video.pix_fmt = plan.width, plan.height, "yuv420p"
            # One thread: x264's rate control depends on how many there are, and the file should not.
            video.options = {"crf": str(crf), "preset": "slow", "threads": "1"}
            audio = container.add_stream("aac", rate=_AUDIO_RATE_HZ, layout="mono")
            audio.bit_rate = 64_000
            frames = _frames(plan, performance, jobs, device)
            for index, picture in enumerate(plan.webcam.film(frames, fps=FPS, motions=_motions(plan, performance))):
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, FPS)
                container.mux(video.encode(frame))
                if on_frame is not None:
                    on_frame(index + 1, total)
            container.mux(video.encode(None))
            for packet in _encoded(audio, sound):
                container.mux(packet)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _performed(plan: ClipPlan) -> tuple[Performance, Floats]:
    """The motion, and (N,) float32 sound of its length."""
    recipe = plan.recipe
    if plan.exercises and plan.seconds is not None:
        performance = exercise(recipe.seed, plan.seconds, FPS)
        return performance, np.zeros(len(performance.times) * _AUDIO_RATE_HZ // FPS, np.float32)
    performance, speech = perform(
        recipe.seed, plan.seconds, FPS, script=plan.script, gender=recipe.look.gender, age=recipe.look.age
    )
    return performance, speech.resampled(_AUDIO_RATE_HZ, len(performance.times) / FPS)


def shot_at(performance: Performance, index: int) -> Shot:
    """One frame of a performance as the renderer wants it."""
    from mien.engines.cast.body.pose import HeadPose
    from mien.engines.cast.frame import Shot
    from mien.engines.cast.motion.gaze import gaze_actions

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


def _motions(plan: ClipPlan, performance: Performance) -> Iterator[tuple[float, float]]:
    """How far the face moves in each frame, px: what an open shutter smears."""
    px_per_m = plan.height / plan.span
    # The face lies about 9 cm before the point that it turns about.
    x = performance.sway[:, 0] + 0.09 * np.sin(np.radians(performance.yaw))
    y = -performance.sway[:, 2] - 0.09 * np.sin(np.radians(performance.pitch))
    steps = np.gradient(np.stack([x, y], 1), axis=0) * px_per_m
    yield from ((float(dx), float(dy)) for dx, dy in steps)


def _encoded(stream: av.AudioStream, sound: Floats) -> Iterator[list[av.Packet[Any]]]:
    step = 1024
    for start in range(0, len(sound), step):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + step], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _AUDIO_RATE_HZ, start, Fraction(1, _AUDIO_RATE_HZ)
        yield stream.encode(frame)
    yield stream.encode(None)


def _frames(plan: ClipPlan, performance: Performance, jobs: int, device: str) -> Iterator[Floats]:
    count = len(performance.times)
    if jobs <= 1:
        stage = _Stage(plan, performance, device)
        for index in range(count):
            yield stage.frame(index)
        return
    with worker_pool(jobs, _start, (plan, performance, device)) as pool:
        # A few frames ahead at most, so that memory stays flat and Ctrl-C ends soon.
        ahead = 4 * jobs
        waiting = [pool.submit(_render, index) for index in range(min(ahead, count))]
        for index in range(count):
            yield waiting.pop(0).result()
            if index + ahead < count:
                waiting.append(pool.submit(_render, index + ahead))


class _Stage:
    """A person before a fixed camera and a room in which something moves."""

    def __init__(self, plan: ClipPlan, performance: Performance, device: str) -> None:
        from mien.engines.cast.camera.backdrop import Backdrop
        from mien.engines.cast.frame import View
        from mien.engines.cast.studio import Actor

        look, self._plan, self._performance = plan.recipe.look, plan, performance
        self._actor = Actor(plan.recipe, device=device)
        self._view = View(
            plan.width, plan.height, _SAMPLES, span=plan.span, distance=DISTANCE_M, aim=(0.0, 0.0, -0.045)
        )
        self._room = Backdrop(
            plan.height, plan.width, look.backdrop, look.backdrop_rgb, plan.recipe.seed, tint=ambient(plan.rig)
        )

    def frame(self, index: int) -> Floats:
        """(height, width, 3) float32 display-linear RGB."""
        shot = shot_at(self._performance, index)
        behind = self._room.at(float(self._performance.times[index]))
        return self._actor.shoot(shot, self._view, self._plan.rig, behind).colour


_stage: _Stage | None = None


def _start(plan: ClipPlan, performance: Performance, device: str) -> None:
    global _stage  # the one place where a pool's worker can keep what it built
    _stage = _Stage(plan, performance, device)


def _render(index: int) -> Floats:
    if _stage is None:
        raise RuntimeError("the renderer's worker was not started")
    return _stage.frame(index)
