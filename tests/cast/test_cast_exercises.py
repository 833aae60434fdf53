from __future__ import annotations

import numpy as np
import pytest

from mien.engines.cast.motion.exercises import exercise
from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG
from mien.engines.cast.motion.performance import Performance, perform
from mien.engines.cast.motion.tracks import ACTIONS
from mien.realtime.errors import ConfigError

SECONDS, FPS = 36.0, 30


@pytest.fixture(scope="module")
def shown() -> list[Performance]:
    return [exercise(seed, SECONDS, FPS) for seed in range(4)]


def test_exercises_are_their_seed() -> None:
    first, again, other = (exercise(seed, 3.0, FPS) for seed in (3, 3, 4))
    assert np.array_equal(first.gaze, again.gaze)
    assert all(np.array_equal(values, again.actions[name]) for name, values in first.actions.items())
    assert not np.array_equal(first.yaw, other.yaw)


def test_every_action_is_known_and_within_its_range(shown: list[Performance]) -> None:
    for each in shown:
        assert len(each.times) == SECONDS * FPS
        assert set(each.actions) <= set(ACTIONS)
        # The renderer lets the lids follow the gaze.
        assert not any(name.startswith("eyeLook") for name in each.actions)
        for name, values in each.actions.items():
            assert values.shape == each.times.shape, name
            assert 0.0 <= values.min() <= values.max() <= 1.0, name
        assert np.abs(each.gaze[:, 0]).max() <= SIDE_DEG
        assert -DOWN_DEG <= each.gaze[:, 1].min() <= each.gaze[:, 1].max() <= UP_DEG


def test_the_head_goes_to_every_side_with_many_a_face(shown: list[Performance]) -> None:
    for each in shown:
        for yaw in (-1, 1):
            for pitch in (-1, 1):
                corner = (yaw * each.yaw > 15) & (pitch * each.pitch > 8)
                assert corner.sum() >= FPS
                assert np.ptp(each.actions["jawOpen"][corner]) > 0.1
        assert max(each.actions["mouthSmileLeft"]) > 0.5
        assert max(each.actions["eyeBlinkLeft"]) > 0.8


def test_it_shows_more_than_talk_does(shown: list[Performance]) -> None:
    """What `mien train --footage` asks for after a recording of talk: a chin that goes up and down, odd faces."""
    talks = [perform(seed, SECONDS, FPS)[0] for seed in range(4)]
    for name in ("mouthUpperUpLeft", "browDownLeft", "mouthPucker"):
        reached = [np.mean([each.actions[name].max() for each in kind]) for kind in (shown, talks)]
        assert reached[0] > 0.2, name
    raised = [np.mean([(np.abs(each.pitch) > 10).mean() for each in kind]) for kind in (shown, talks)]
    assert raised[0] > 3 * raised[1]


def test_nothing_jumps(shown: list[Performance]) -> None:
    for each in shown:
        for name, values in each.actions.items():
            assert np.abs(np.diff(values)).max() < 0.35, name
        for angle in (each.yaw, each.pitch, each.roll):
            assert np.abs(np.diff(angle)).max() < 1.5
        # A saccade of 38 degrees takes a tenth of a second and more.
        assert np.abs(np.diff(each.gaze, axis=0)).max() < 12


def test_too_short_for_a_frame() -> None:
    with pytest.raises(ConfigError, match="no frame"):
        exercise(1, 0.01, FPS)
