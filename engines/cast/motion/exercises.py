"""A face that exercises: what somebody does before a camera for a recording that a network is to learn from.

Talk alone shows few poses and the same few expressions. Here one face after the other is pulled and held for a moment,
as large and as odd as training draws them, while the head goes round: up, down and to both sides.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mien.engines.cast.motion.codes import draw_code
from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG
from mien.engines.cast.motion.performance import Performance
from mien.engines.cast.motion.tracks import Floats, Tracks, settled, smooth, wander
from mien.realtime.errors import ConfigError

#: A face is reached in this time, and held for this time, s.
_REACH_S, _HOLD_S = 0.4, 0.6
#: How far the head goes (yaw, pitch, roll), degrees, and how long it takes for a round, s. The periods share no small
#: multiple, so that every part of the range is passed, and with other faces each time.
_HEAD_DEG: Final = (36.0, 18.0, 7.0)
_ROUND_S: Final = (8.3, 5.9, 11.7)
#: Nobody sits quite still, m.
_SWAY_M: Final = 0.004
_SWAY_S: Final = 4.0
#: Half of the time the eyes stay with the camera, as far as they can be turned.
_AT_CAMERA: Final = 0.5


def exercise(seed: int, seconds: float, fps: int) -> Performance:
    """Pull faces for a while, without a word; the same arguments give the same numbers.

    Args:
        seed: of every choice.
        seconds: how long.
        fps: samples a second.

    Raises:
        ConfigError: not one frame fits.

    """
    if seconds * fps < 1:
        raise ConfigError(f"A performance of {seconds} s at {fps} fps has no frame.")
    rng = np.random.default_rng((seed, 0xE8E))
    times = np.arange(round(seconds * fps)) / fps
    phase = rng.random(3)
    yaw, pitch, roll = (
        most * np.sin(2 * np.pi * (times / around + begin))
        for most, around, begin in zip(_HEAD_DEG, _ROUND_S, phase, strict=True)
    )
    actions, gaze = _faces(rng, times, np.stack([yaw, pitch], 1))
    return Performance(
        times=times, actions=settled(actions), yaw=yaw, pitch=pitch, roll=roll, gaze=gaze,
        sway=_SWAY_M * wander(rng, times, _SWAY_S, 3).T,
    )  # fmt: skip


def _faces(rng: np.random.Generator, times: Floats, head: Floats) -> tuple[Tracks, Floats]:
    """Actions over time, and (N, 2) gaze in a head that is turned by (N, 2) degrees."""
    step = _REACH_S + _HOLD_S
    count = int(times[-1] / step) + 2
    codes = [draw_code(rng) for _ in range(count)]
    # The first is a face at rest.
    index = (times / step).astype(int)
    share = smooth((times - index * step) / _REACH_S)
    names = dict.fromkeys(name for code in codes for name in code.actions if not name.startswith("eyeLook"))

    def over_time(values: Floats) -> Floats:
        """(N, K) of (faces, K) values."""
        return np.asarray(values[index] * (1 - share[:, None]) + values[index + 1] * share[:, None])

    each = over_time(
        np.array([[0.0] * len(names), *([code.actions.get(name, 0.0) for name in names] for code in codes)])
    )
    # The place that is looked at changes as the face does; the eyes turn back what the head turns while they stay.
    at_camera = rng.random((count + 1, 1)) < _AT_CAMERA
    places = np.array([(0.0, 0.0), *(code.gaze_deg for code in codes)])
    gaze = over_time(np.where(at_camera, 0.0, places)) - over_time(at_camera.astype(float)) * head
    return dict(zip(names, each.T, strict=True)), np.clip(gaze, (-SIDE_DEG, -DOWN_DEG), (SIDE_DEG, UP_DEG))
