from __future__ import annotations

import numpy as np

from mien.engines.cast.motion.performance import perform
from mien.engines.cast.motion.voice import speak

SECONDS, FPS = 15.0, 30


def test_a_performance_is_its_seeds() -> None:
    first, again, other = (perform(seed, SECONDS, FPS) for seed in (3, 3, 4))
    assert np.array_equal(first.yaw, again.yaw)
    assert np.array_equal(first.actions["jawOpen"], again.actions["jawOpen"])
    assert not np.array_equal(first.yaw, other.yaw)


def test_every_performance_has_the_whole_range() -> None:
    for seed in range(5):
        shown = perform(seed, SECONDS, FPS)
        assert shown.yaw.max() > 20
        assert shown.yaw.min() < -20
        assert np.ptp(shown.pitch) > 14
        assert np.ptp(shown.roll) > 14
        assert shown.actions["jawOpen"].max() > 0.5
        assert shown.actions["mouthSmileLeft"].max() > 0.7
        assert np.ptp(shown.gaze[:, 0]) > 25
        for values in shown.actions.values():
            assert values.min() >= 0.0
            assert values.max() <= 1.0


def test_blinks_are_several_and_last_as_long_as_a_blink() -> None:
    shown = perform(1, SECONDS, FPS)
    shut = (shown.actions["eyeBlinkLeft"] > 0.1).astype(int)
    starts, ends = np.flatnonzero(np.diff(shut) == 1), np.flatnonzero(np.diff(shut) == -1)
    assert len(starts) >= 4
    lengths_ms = (ends - starts) / FPS * 1000
    assert lengths_ms.min() >= 120
    assert lengths_ms.max() <= 270


def test_the_voice_is_quiet_and_stops_with_the_mouth() -> None:
    shown = perform(1, SECONDS, FPS)
    sound = speak(shown.syllables, SECONDS, 16_000)
    assert sound.shape == (240_000,)
    assert 0.05 < float(np.abs(sound).max()) <= 0.13
    assert float(np.abs(sound[:4000]).max()) < 1e-3
