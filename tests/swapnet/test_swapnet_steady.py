from __future__ import annotations

import numpy as np
import pytest

from mien.engines.swapnet.steady import SteadyCode
from mien.engines.swapnet.steady_picture import SteadyPicture

REST = np.full(57, 0.3, np.float32), np.zeros(16, np.float32)


def shown(steady: SteadyCode, named: np.ndarray, free: np.ndarray, track_id: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return steady(track_id, named.astype(np.float32), free.astype(np.float32))


def test_a_trembling_code_trembles_half_as_much_or_less() -> None:
    rng, steady = np.random.default_rng(0), SteadyCode()
    given = [(REST[0] + rng.normal(0, 0.01, 57), REST[1] + rng.normal(0, 0.0015, 16)) for _ in range(60)]
    out = [shown(steady, *each) for each in given]
    for half in (0, 1):
        before, after = (np.std([each[half] for each in codes[20:]], axis=0).mean() for codes in (given, out))
        assert after < 0.5 * before


def test_a_blink_arrives_in_its_frame_and_moves_no_other_name() -> None:
    steady = SteadyCode()
    shown(steady, *REST)
    shut = REST[0].copy()
    shut[8] = 0.9
    named, _ = shown(steady, shut, REST[1])
    assert named[8] == pytest.approx(0.9)
    assert np.array_equal(np.delete(named, 8), np.delete(REST[0], 8))


def test_a_slow_smile_is_late_by_less_than_three_frames() -> None:
    steady = SteadyCode()
    ramp = np.minimum(np.arange(60) / 45, 1.0) * 0.9
    out = np.array([shown(steady, np.full(57, each), REST[1])[0][0] for each in ramp])
    assert np.abs(out[20:40] - ramp[20:40]).max() < 3 * 0.9 / 45
    assert out[-1] == pytest.approx(0.9, abs=0.01)


def test_two_faces_do_not_share_a_code_and_passers_by_are_forgotten() -> None:
    steady = SteadyCode()
    shown(steady, *REST, track_id=1)
    named, _ = shown(steady, REST[0] + 0.05, REST[1], track_id=2)
    assert np.allclose(named, REST[0] + 0.05)
    for track_id in range(3, 500):
        shown(steady, *REST, track_id=track_id)
    assert len(steady._known) <= 8


def painted(level: float, seed: int = 0) -> dict[str, np.ndarray]:
    """A picture of one level, rounded anew each time."""
    rng = np.random.default_rng(seed)
    shapes = {"painted": (1, 8, 8, 5), "where": (1, 4, 4, 3)}
    return {name: (level + rng.normal(0, 1, shape)).astype(np.float32) for name, shape in shapes.items()}


def test_a_picture_of_a_still_code_trembles_a_third_as_much() -> None:
    steady = SteadyPicture()
    out = [{name: value.copy() for name, value in steady(1, *REST, painted(100, seed)).items()} for seed in range(120)]
    for name in ("painted", "where"):
        assert np.std([each[name] for each in out[60:]], axis=0).mean() < 0.35
        assert np.mean(out[-1][name]) == pytest.approx(100, abs=0.2)


def test_a_picture_of_a_blink_is_taken_as_it_is() -> None:
    steady = SteadyPicture()
    for seed in range(20):
        steady(1, *REST, painted(100, seed))
    shut = REST[0].copy()
    shut[8] = 0.9
    given = painted(50, 99)
    for name, value in steady(1, shut, REST[1], given).items():
        np.testing.assert_array_equal(value, given[name])
    # And so is another person's, with any code.
    other = painted(10, 5)
    np.testing.assert_array_equal(steady(2, *REST, other)["painted"], other["painted"])
    assert len([steady(number, *REST, other) for number in range(3, 30)]) == 27
    assert len(steady._known) <= 8


def test_a_picture_of_a_slow_smile_is_late_by_less_than_three_frames() -> None:
    steady = SteadyPicture()
    ramp = np.minimum(np.arange(60) / 45, 1.0) * 0.9
    shapes = {"painted": (1, 8, 8, 5), "where": (1, 4, 4, 3)}
    out = [
        float(
            steady(
                1, np.full(57, each, np.float32), REST[1], {n: np.full(s, each, np.float32) for n, s in shapes.items()}
            )["painted"][0, 0, 0, 0]
        )
        for each in ramp
    ]
    assert np.abs(np.array(out)[20:40] - ramp[20:40]).max() < 3 * 0.9 / 45
    assert out[-1] == pytest.approx(0.9, abs=0.02)
