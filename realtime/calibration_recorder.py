"""Makes a `Calibration`: three seconds at rest, then a few expressions, each said and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mien.realtime.calibration import GROUPS, Calibration, GroupTuning
from mien.realtime.errors import ConfigError
from mien.realtime.face import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, Face, Neutral
from mien.realtime.frame import Floats
from mien.realtime.head import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS, fit_head, to_head

#: A head turned further than this is asked back, degrees.
MAX_TURN_DEG = 20.0
#: A gap between two frames longer than this counts as this much, seconds.
_LONGEST_STEP_S = 0.1
#: An expression that rose less than this above rest was not made.
_LEAST_RISE = 0.15
#: At rest the mouth and the eyes must not be further than this from closed and open.
_MAX_RESTING = {"jawOpen": 0.3, "eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5}
#: (upper, lower) lid landmarks in the middle of each eye.
_LIDS = (((159, 145), RIGHT_EYE_CORNERS), ((386, 374), LEFT_EYE_CORNERS))
_DEAD_ZONE_RANGE = (0.02, 0.12)


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing the user is asked to do.

    Attributes:
        name: for messages and the page.
        prompt: what to say.
        seconds: how long good frames are gathered.
        channels: whose reach it measures.

    """

    name: str
    prompt: str
    seconds: float
    channels: tuple[str, ...] = ()


PHASES: tuple[Phase, ...] = (
    Phase("rest", "Look at the camera with a relaxed face.", 3.0),
    Phase("smile", "Smile as widely as you like to be seen.", 2.5, ("mouthSmileLeft", "mouthSmileRight")),
    Phase("open mouth", "Open your mouth wide.", 2.5, ("jawOpen",)),
    Phase(
        "raise brows",
        "Raise your brows.",
        2.5,
        ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    ),
    Phase("close eyes", "Close your eyes and count to three.", 3.0, ("eyeBlinkLeft", "eyeBlinkRight")),
    Phase("pucker", "Pucker your lips as for a kiss.", 2.5, ("mouthPucker",)),
)


@dataclass(frozen=True, slots=True)
class Step:
    """What to tell the user now.

    Attributes:
        prompt: what to do; "" when done.
        phase: index of the phase, or the number of phases when done.
        left_s: good seconds still needed in it.
        problem: why this frame did not count, or "".
        done: whether `result` has what it needs.

    """

    prompt: str
    phase: int
    left_s: float
    problem: str
    done: bool


class CalibrationRecorder:
    """Feed it every tracked frame, show the prompt it gives, and take `result` when it is done. One thread.

    Faces come as the tracker gives them, not straightened by an older calibration.
    """

    def __init__(self, phases: tuple[Phase, ...] = PHASES) -> None:
        self._phases = phases
        self._scores: list[list[Floats]] = [[] for _ in phases]
        self._lids: list[list[float]] = [[] for _ in phases]
        self._shapes: list[Floats] = []
        self._phase = 0
        self._gathered_s = 0.0
        self._last_ns: int | None = None

    def add(self, face: Face | None, media_ns: int) -> Step:
        """Take the frame at `media_ns`: the user's face, or None where none or several were seen."""
        step_s = 0.0 if self._last_ns is None else min(max(media_ns - self._last_ns, 0) / 1e9, _LONGEST_STEP_S)
        self._last_ns = media_ns
        if self._phase == len(self._phases):
            return self._step("")
        if face is None:
            return self._step("There must be exactly one face in the picture.")
        fit = fit_head(face.landmarks)
        if math.degrees(math.acos(float(np.clip(fit.rotation[2, 2], -1.0, 1.0)))) > MAX_TURN_DEG:
            return self._step("Turn your head to the camera.")
        phase = self._phases[self._phase]
        if not phase.channels and any(face.blendshape(name) > most for name, most in _MAX_RESTING.items()):
            return self._step("Close your mouth, keep your eyes open.")
        self._gathered_s += step_s
        # The time that people take to follow a prompt is kept too: a high percentile does not mind.
        self._keep(face, to_head(face.landmarks, fit))
        if self._gathered_s >= phase.seconds:
            self._phase += 1
            self._gathered_s = 0.0
        return self._step("")

    @property
    def missed(self) -> tuple[str, ...]:
        """Names of the finished expressions that were hardly seen; their channels keep the model's own scale."""
        if self._phase == 0:
            return ()
        rest = self._rest_scores()
        done = [(phase, self._reach(i)) for i, phase in enumerate(self._phases[: self._phase]) if phase.channels]
        return tuple(
            phase.name
            for phase, reach in done
            if all(reach[i] - rest[i] < _LEAST_RISE for i in map(BLENDSHAPE_INDEX.__getitem__, phase.channels))
        )

    def result(self) -> Calibration:
        """The calibration; raises `ConfigError` before the last phase is done or when the lids never closed."""
        if self._phase < len(self._phases):
            raise ConfigError(
                f"the calibration stopped at '{self._phases[self._phase].name}'.", hint="Run `mien calibrate` again."
            )
        rest = self._rest_scores()
        reach: dict[str, float] = {}
        lids_closed = min(float(np.percentile(lids, 10)) for lids in self._lids)
        for index, phase in enumerate(self._phases):
            seen = self._reach(index)
            for name in phase.channels:
                channel = BLENDSHAPE_INDEX[name]
                if seen[channel] - rest[channel] >= _LEAST_RISE:
                    reach[name] = float(seen[channel])
        return Calibration(
            neutral=Neutral(np.median(self._shapes, axis=0).astype(np.float32), rest),
            reach=reach,
            eyelid_open=float(np.median(self._lids[0])),
            eyelid_closed=lids_closed,
            groups=self._tunings(rest),
        )

    def _keep(self, face: Face, shape: Floats) -> None:
        self._scores[self._phase].append(face.blendshapes)
        self._lids[self._phase].append(eyelid_gap(shape))
        if self._phase == 0:
            self._shapes.append(shape)

    def _step(self, problem: str) -> Step:
        if self._phase == len(self._phases):
            return Step("", self._phase, 0.0, "", done=True)
        phase = self._phases[self._phase]
        return Step(phase.prompt, self._phase, max(phase.seconds - self._gathered_s, 0.0), problem, done=False)

    def _rest_scores(self) -> Floats:
        # The median: a blink or a swallow while resting is not rest.
        return np.median(self._scores[0], axis=0).astype(np.float32)

    def _reach(self, phase: int) -> Floats:
        return np.percentile(self._scores[phase], 98, axis=0).astype(np.float32)

    def _tunings(self, rest: Floats) -> dict[str, GroupTuning]:
        """A dead zone as wide as each group's tremble at rest."""
        tremble = np.percentile(np.abs(np.array(self._scores[0]) - rest), 90, axis=0)
        tunings = {}
        for group, starts in GROUPS.items():
            members = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(starts)]
            zone = float(np.clip(tremble[members].max(), *_DEAD_ZONE_RANGE))
            tunings[group] = GroupTuning(dead_zone=round(zone, 4))
        return tunings


def eyelid_gap(shape: Floats) -> float:
    """Gap between the lids over the eye's width, mean of both eyes, of (478, 3) landmarks in head space or px."""
    gaps = [
        np.linalg.norm(shape[upper] - shape[lower]) / np.linalg.norm(shape[outer] - shape[inner])
        for (upper, lower), (outer, inner) in _LIDS
    ]
    return float(np.mean(gaps))
