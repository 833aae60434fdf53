"""Where the eyes look: fixations, saccades, and the reflex that keeps them on a place while the head turns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mien.engines.cast.motion.tracks import Floats, smooth, wander

#: How far MakeHuman's actions turn the ball, degrees: to either side, up and down.
SIDE_DEG, UP_DEG, DOWN_DEG = 19.0, 10.0, 14.0
#: Main sequence of saccades: duration = 21 ms + 2.2 ms for each degree (Bahill, Clark, Stark 1975; Carpenter 1988).
_SACCADE_S, _SACCADE_S_PER_DEG = 0.021, 0.0022
#: Gain of the vestibulo-ocular reflex, and its delay.
_VOR = 0.97
_SOFT_DEG = 3.0
_MICRO_DEG, _MICRO_GAP_S = 0.3, 0.7
_DRIFT_DEG = 0.08


@dataclass(frozen=True, slots=True)
class Fixation:
    """From `start_s` on the eyes rest on a direction in the room, degrees (to the person's left, up).

    `hold_s` is for forced ones: how long nothing else may call the eyes away.
    """

    start_s: float
    yaw: float
    pitch: float
    hold_s: float = 0.0


def gaze_actions(yaw_deg: float, pitch_deg: float) -> dict[str, float]:
    """The eyeLook* weights (both eyes) for a gaze: MakeHuman's actions turn the ball 19 degrees out, 10 up, 14 down."""
    out, up, down = yaw_deg / SIDE_DEG, pitch_deg / UP_DEG, -pitch_deg / DOWN_DEG
    return {
        "eyeLookOutLeft": max(0.0, out), "eyeLookInRight": max(0.0, out),
        "eyeLookInLeft": max(0.0, -out), "eyeLookOutRight": max(0.0, -out),
        "eyeLookUpLeft": max(0.0, up), "eyeLookUpRight": max(0.0, up),
        "eyeLookDownLeft": max(0.0, down), "eyeLookDownRight": max(0.0, down),
    }  # fmt: skip


def draw_fixations(
    rng: np.random.Generator, seconds: float, phrases: list[tuple[float, float]], forced: list[Fixation]
) -> list[Fixation]:
    """Camera, screen and elsewhere in turn.

    People look away as they begin to speak and back at the end (Kendon 1967); streamers read the screen below the
    camera. Forced fixations hold as long as they say, then the eyes go back to the camera.
    """
    out: list[Fixation] = []
    now, away = 0.0, False
    while now < seconds:
        talking = any(start <= now < start + 0.35 * (end - start) for start, end in phrases)
        place = rng.random()
        if not away:
            point, dwell = rng.normal(0.0, (1.0, 0.7)), 1.5
        elif talking:
            point, dwell = np.array([rng.choice((-1, 1)) * rng.uniform(5, 14), rng.uniform(-4, 6)]), 0.7
        elif place < 0.6:
            point, dwell = np.array([rng.uniform(-9, 9), rng.uniform(-10, -4)]), 0.9
        else:
            point, dwell = rng.normal(0.0, (9.0, 4.0)), 0.6
        out.append(Fixation(now, float(point[0]), float(point[1])))
        now += float(np.clip(np.exp(rng.normal(np.log(dwell), 0.45)), 0.2, 4.0))
        away = not away and rng.random() < (0.85 if talking else 0.6)
    holds = [(each.start_s, each.start_s + each.hold_s) for each in forced]
    free = [each for each in out if not any(low - 0.25 <= each.start_s < high for low, high in holds)]
    back = [Fixation(high, 0.0, 0.0) for _, high in holds if not any(abs(high - low) < 0.1 for low, _ in holds)]
    return sorted([*free, *forced, *back], key=lambda each: each.start_s)


def look(rng: np.random.Generator, times: Floats, fixations: list[Fixation], head: Floats) -> Floats:
    """(N, 2) degrees of the eyes in the head, yaw and pitch, within what the mesh can.

    Args:
        rng: of the small movements.
        times: (N,) s.
        fixations: in order of time.
        head: (N, 2) degrees of the head's yaw and pitch in the room.

    """
    places = np.array([(each.yaw, each.pitch) for each in fixations])
    steps = np.diff(places, axis=0, prepend=places[:1])
    starts = np.array([each.start_s for each in fixations])
    room = places[0] + _steps(times, starts, steps)
    micro_at = np.cumsum(rng.exponential(_MICRO_GAP_S, max(1, int(times[-1] / _MICRO_GAP_S) + 1)))
    micro = rng.normal(0.0, _MICRO_DEG, (len(micro_at), 2))
    # Every second one goes back, so that they do not walk away.
    room = room + _steps(times, micro_at, np.diff(micro, axis=0, prepend=np.zeros((1, 2))))
    room = room + _DRIFT_DEG * wander(rng, times, 0.6, 2).T
    eyes = room - _VOR * head
    low, high = np.array([-SIDE_DEG, -DOWN_DEG]), np.array([SIDE_DEG, UP_DEG])
    return _limited(eyes, low, high)


def shifts(fixations: list[Fixation]) -> list[tuple[float, float]]:
    """(when, degrees) of each saccade."""
    return [
        (later.start_s, float(np.hypot(later.yaw - before.yaw, later.pitch - before.pitch)))
        for before, later in pairwise(fixations)
    ]


def _steps(times: Floats, starts: Floats, steps: Floats) -> Floats:
    """(N, 2): each step a saccade of its own duration."""
    size = np.hypot(steps[:, 0], steps[:, 1])
    share = smooth((times[:, None] - starts) / (_SACCADE_S + _SACCADE_S_PER_DEG * size))
    return np.asarray(share @ steps)


def _limited(values: Floats, low: Floats, high: Floats) -> Floats:
    """Untouched in the middle, slowing down over the last degrees before the limits."""
    over = np.maximum(0.0, values - (high - _SOFT_DEG))
    under = np.maximum(0.0, (low + _SOFT_DEG) - values)
    middle = np.clip(values, low + _SOFT_DEG, high - _SOFT_DEG)
    return np.asarray(middle + _SOFT_DEG * (np.tanh(over / _SOFT_DEG) - np.tanh(under / _SOFT_DEG)))
