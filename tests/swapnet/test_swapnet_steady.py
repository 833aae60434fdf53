from __future__ import annotations

import numpy as np
import pytest

from mien.engines.swapnet.steady import SteadyCode

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
