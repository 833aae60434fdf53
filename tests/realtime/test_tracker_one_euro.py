from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.realtime.errors import ConfigError
from mien.realtime.tracker.one_euro import OneEuro, OneEuroParams, Sharing, smoothing_factor

DT = 1 / 30
STILL = OneEuroParams(1.0, beta=0.0, speed_cutoff_hz=1.0, noise_speed=0.0)


def run(params: OneEuroParams, raw: np.ndarray, **kwargs: Any) -> np.ndarray:
    euro = OneEuro(params, **kwargs)
    return np.array([euro(value, DT) for value in raw.astype(np.float32)])


def test_without_beta_it_is_the_papers_low_pass() -> None:
    step = np.concatenate([np.zeros(1), np.ones(60)])[:, None, None]
    alpha = 1 / (1 + 1 / (2 * np.pi * 1.0 * DT))  # the paper's equation, written out again

    out = run(STILL, step)[:, 0, 0]

    assert smoothing_factor(1.0, DT) == pytest.approx(alpha, rel=1e-5)
    assert out == pytest.approx(1 - (1 - alpha) ** np.arange(61), abs=1e-5)


def test_a_constant_stays_and_the_first_value_comes_back_as_it_is() -> None:
    constant = np.full((20, 3, 2), 7.25)
    assert np.array_equal(run(STILL, constant), constant.astype(np.float32))


def test_speed_opens_the_filter() -> None:
    ramp = (np.arange(60) * DT * 10.0)[:, None, None]
    slow = run(STILL, ramp)[-1, 0, 0]
    fast = run(OneEuroParams(1.0, beta=5.0, speed_cutoff_hz=5.0, noise_speed=0.0), ramp)[-1, 0, 0]

    assert ramp[-1, 0, 0] - slow == pytest.approx(10.0 / (2 * np.pi * 1.0), rel=0.1)
    # At speed v the lag is v / (2 pi (min_cutoff + beta v)), below 1 / (2 pi beta).
    assert ramp[-1, 0, 0] - fast < 1 / (2 * np.pi * 5.0)


def test_noise_below_the_noise_speed_does_not_open_it() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.03, (600, 50, 2))
    open_ = OneEuroParams(0.5, beta=10.0, speed_cutoff_hz=3.0, noise_speed=0.0)
    quiet = OneEuroParams(0.5, beta=10.0, speed_cutoff_hz=3.0, noise_speed=1.5)

    assert run(quiet, noise)[100:].std() < 0.25 * noise.std()
    assert run(open_, noise)[100:].std() > 2 * run(quiet, noise)[100:].std()


def test_neighbours_share_their_speed() -> None:
    raw = np.zeros((30, 2, 1))
    raw[10:, 0] = np.arange(20)[:, None] * 0.5  # the first point moves; the second only steps a little, once
    raw[20:, 1] = 0.05
    params = OneEuroParams(0.5, beta=10.0, speed_cutoff_hz=5.0, noise_speed=0.0)

    alone = run(params, raw)[21, 1, 0]
    together = run(params, raw, share=Sharing(np.full((2, 2), 0.5, np.float32)))[21, 1, 0]

    assert together > 0.045 > alone


def test_slow_motion_below_the_noise_is_pulled_along() -> None:
    ramp = (np.arange(90) * DT * 0.5)[:, None, None]
    without = OneEuroParams(0.3, beta=10.0, speed_cutoff_hz=3.0, noise_speed=1.0)
    pulled = OneEuroParams(0.3, beta=10.0, speed_cutoff_hz=3.0, noise_speed=1.0, pull=80.0, noise_offset=0.02)

    assert ramp[-1] - run(without, ramp)[-1] > 0.2
    assert ramp[-1] - run(pulled, ramp)[-1] < 0.06


def test_a_gauge_of_zero_leaves_a_coordinate_out_of_the_speed() -> None:
    raw = np.zeros((30, 1, 2))
    raw[5:, 0, 1] = np.arange(25) * 1.0
    raw[29, 0, 0] = 1.0
    params = OneEuroParams(0.5, beta=10.0, speed_cutoff_hz=5.0, noise_speed=1e9)
    prompt = OneEuroParams(0.5, beta=10.0, speed_cutoff_hz=5.0, noise_speed=0.0)
    gauge = np.array([[0.0, 0.0]], np.float32)

    assert np.allclose(run(prompt, raw, gauge=gauge), run(params, raw))
    assert not np.allclose(run(prompt, raw), run(params, raw))


@pytest.mark.parametrize(
    "wrong", [{"min_cutoff_hz": 0.0}, {"beta": -1.0}, {"speed_cutoff_hz": 0.0}, {"noise_speed": -0.1}, {"pull": -1.0}]
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    good = {"min_cutoff_hz": 1.0, "beta": 1.0, "speed_cutoff_hz": 1.0, "noise_speed": 0.0}
    OneEuroParams(**good)
    with pytest.raises(ConfigError, match="One-Euro"):
        OneEuroParams(**{**good, **wrong})


def test_sharing_is_a_product_with_its_matrix() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(0, 1, (20, 20)).astype(np.float32) * (rng.uniform(0, 1, (20, 20)) < 0.3)
    matrix[np.arange(20), np.arange(20)] = 1
    values = rng.normal(0, 1, 20).astype(np.float32)
    assert np.allclose(Sharing(matrix.astype(np.float32))(values), matrix @ values, atol=1e-5)
