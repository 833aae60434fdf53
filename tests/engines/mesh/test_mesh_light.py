from __future__ import annotations

import numpy as np
import pytest

from mien.engines.mesh.light import apply_gain, shading

MASK = np.zeros((200, 160), np.uint8)
MASK[20:180, 20:140] = 255


def _flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((200, 160, 3), colour, np.uint8)


def test_flat_light_changes_nothing_whatever_its_brightness_or_colour() -> None:
    gain, brightness = shading(_flat((40, 60, 90)), _flat((150, 160, 170)), MASK, 120)
    assert np.abs(gain - 1).max() < 0.02
    assert brightness == pytest.approx(71 / 168, abs=0.01)


def test_side_light_arrives() -> None:
    ramp = np.linspace(60, 200, 160).astype(np.uint8)
    driver = np.repeat(np.repeat(ramp[None, :, None], 200, 0), 3, 2)
    lit = apply_gain(_flat((120, 120, 120)), shading(driver, _flat((120, 120, 120)), MASK, 120)[0])
    left, right = lit[100, 35].mean(), lit[100, 125].mean()
    assert right > 1.5 * left
    assert 95 < lit[MASK > 0].mean() < 145  # the overall brightness is the blend's task


def test_the_portraits_own_side_light_goes() -> None:
    ramp = np.linspace(60, 200, 160).astype(np.uint8)
    persona = np.repeat(np.repeat(ramp[None, :, None], 200, 0), 3, 2)
    lit = apply_gain(persona, shading(_flat((120, 120, 120)), persona, MASK, 120)[0])
    assert lit[100, 120].mean() < 1.5 * lit[100, 40].mean() < 3 * lit[100, 40].mean()


def test_small_features_of_the_driver_stay_with_him() -> None:
    driver = _flat((120, 120, 120))
    driver[60:66, 50:70] = 10  # a brow
    gain, _ = shading(driver, _flat((120, 120, 120)), MASK, 120)
    assert gain.min() > 0.85


def test_hair_over_the_temple_is_no_shadow() -> None:
    driver = _flat((120, 120, 120))
    driver[20:110, 20:38] = 25
    lit = apply_gain(_flat((120, 120, 120)), shading(driver, _flat((120, 120, 120)), MASK, 120)[0])
    # As a shadow it would come to half.
    assert lit[MASK > 0].min() > 0.8 * 120


def test_the_gain_is_bounded_even_in_black() -> None:
    driver = _flat((0, 0, 0))
    driver[:, 80:] = 255
    gain, _ = shading(driver, _flat((120, 120, 120)), MASK, 120)
    assert gain.min() >= 0.5
    assert gain.max() <= 1.7
    assert np.isfinite(shading(driver, driver, np.zeros_like(MASK), 120)[0]).all()
