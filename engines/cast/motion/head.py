"""How the head moves: targets that a person wants, and a heavy head that follows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.engines.cast.motion.tracks import Floats, envelope, wander

#: Motion is computed at this rate, then sampled: sharper than any camera.
_RATE_HZ = 240
#: Natural frequency of the critically damped head, rad/s: a turn takes about 0.6 s.
STIFFNESS = {"yaw": 8.0, "pitch": 10.0, "roll": 7.0}
#: The muscles' own lag, s: a second filter that keeps the start of a move from jerking.
_LAG_S = 0.06
_BREATH_S = 3.9
_BREATH_M, _BREATH_DEG = 0.0016, 0.25


@dataclass(frozen=True, slots=True)
class Gesture:
    """The head wants (yaw, pitch, roll) degrees for a while; `rise_s` is how fast the wish comes and goes."""

    start_s: float
    hold_s: float
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    rise_s: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class HeadMotion:
    """(N, 3) degrees yaw, pitch, roll, and (N, 3) m of sway."""

    angles: Floats
    sway: Floats


def beat(rng: np.random.Generator, when_s: float, strength: float) -> Gesture:
    """A small nod, and a hint of turn, on a stressed syllable."""
    return Gesture(
        when_s - 0.12, 0.06, yaw=float(rng.normal(0.0, 1.3) * strength), pitch=float(-rng.uniform(1.5, 4.5) * strength),
        roll=float(rng.normal(0.0, 0.8) * strength), rise_s=0.1,
    )  # fmt: skip


def nod(when_s: float, depth_deg: float, count: int = 2) -> list[Gesture]:
    """Down and up a few times, each less."""
    return [
        Gesture(when_s + 0.42 * k, 0.1, pitch=-depth_deg * 0.8**k * 1.45, rise_s=0.12) for k in range(count)
    ]  # fmt: skip


def move(rng: np.random.Generator, times: Floats, gestures: list[Gesture], *, liveliness: float = 1.0) -> HeadMotion:
    """Follow the gestures' wishes with inertia; breathe, sway and drift beneath them."""
    fine = np.arange(round((float(times[-1]) + 0.1) * _RATE_HZ) + 1) / _RATE_HZ
    wish = _idle(rng, fine) * liveliness
    for gesture in gestures:
        goal = np.array([gesture.yaw, gesture.pitch, gesture.roll])
        wish = wish + envelope(fine, gesture.start_s, gesture.rise_s, gesture.hold_s, gesture.rise_s)[:, None] * goal
    breath = np.sin(2 * np.pi * (fine / _BREATH_S + rng.random()) + 0.35 * wander(rng, fine, 9.0)[0])
    wish[:, 1] += _BREATH_DEG * breath
    angles = np.stack([_follow(wish[:, k], w) for k, w in enumerate(STIFFNESS.values())], axis=1)
    return HeadMotion(
        _sampled(angles, fine, times), _sampled(_sway(rng, fine, angles, breath, liveliness), fine, times)
    )


def _idle(rng: np.random.Generator, times: Floats) -> Floats:
    """(N, 3): slow drifting of posture and a livelier small part."""
    slow = wander(rng, times, 6.0, 3).T * (2.0, 1.4, 1.2)
    return np.asarray(slow + wander(rng, times, 1.7, 3).T * (0.7, 0.6, 0.4))


def _sway(rng: np.random.Generator, times: Floats, angles: Floats, breath: Floats, liveliness: float) -> Floats:
    drift = wander(rng, times, 5.0, 3).T * np.array([0.0035, 0.004, 0.0008]) * liveliness
    drift[:, 0] += 0.0003 * angles[:, 0]  # a turning head carries the shoulders a little
    drift[:, 1] += 0.0002 * angles[:, 1]
    drift[:, 2] += _BREATH_M * breath
    return np.asarray(drift)


def _follow(wish: Floats, stiffness: float) -> Floats:
    """Solve x'' = w^2 (wish - x) - 2 w x' after a lag: two impulse responses, t exp(-wt), one after the other."""
    return _damped(_damped(wish, 2.0 / _LAG_S), stiffness)


def _damped(wish: Floats, stiffness: float) -> Floats:
    t = np.arange(round(9.0 / stiffness * _RATE_HZ)) / _RATE_HZ
    response = t * np.exp(-stiffness * t)
    response /= response.sum()
    held = np.concatenate([np.full(len(response) - 1, wish[0]), wish])  # at rest before the first moment
    return np.asarray(np.convolve(held, response, mode="valid"))


def _sampled(values: Floats, fine: Floats, times: Floats) -> Floats:
    return np.stack([np.interp(times, fine, values[:, k]) for k in range(values.shape[1])], axis=1)
