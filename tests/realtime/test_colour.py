"""Colour: the driver's light arrives on the persona, smoothly, within bounds."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from mien.realtime.clock import NS_PER_MS, NS_PER_S
from mien.realtime.colour import ColourMatcher, lab_statistics
from mien.realtime.frame import Floats, Pixels

SIZE = 120
MASK = np.full((SIZE, SIZE), 255, np.uint8)


def skin(mean_bgr: tuple[int, int, int], spread: float = 12, seed: int = 0) -> Pixels:
    """Shaded skin: one smooth field of light over a colour, with a little noise."""
    rng = np.random.default_rng(seed)
    field = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE)), (0, 0), 12)
    field = field / field.std() * spread + rng.normal(size=(SIZE, SIZE)) * 2
    return np.clip(field[..., None] + np.array(mean_bgr), 0, 255).astype(np.uint8)


def applied(colour: Floats | None, pixels: Pixels) -> Pixels:
    assert colour is not None
    return np.asarray(cv2.transform(pixels, colour), np.uint8)


def test_statistics_of_one_colour() -> None:
    found = lab_statistics(np.full((50, 50, 3), 255, np.uint8), np.full((50, 50), 255, np.uint8))
    assert found is not None
    assert found.mean == pytest.approx([100, 0, 0], abs=0.1)
    assert found.std == pytest.approx([0, 0, 0], abs=0.01)


def test_statistics_are_taken_inside_the_mask_alone() -> None:
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[:, 100:] = 200
    mask = np.zeros((200, 200), np.uint8)
    mask[:, 100:] = 128
    mask[:, :100] = 127
    found = lab_statistics(pixels, mask)
    assert found is not None
    assert found.std[0] < 0.1
    assert lab_statistics(pixels, np.zeros((200, 200), np.uint8)) is None
    mask[:] = 0
    mask[:8, :8] = 255
    assert lab_statistics(pixels, mask) is None


@pytest.mark.parametrize("driver_bgr", [(60, 75, 105), (150, 175, 215), (110, 140, 150), (60, 190, 70)])
@pytest.mark.parametrize("strength", [0.0, 0.8, 1.0])
def test_mean_moves_by_the_strength_in_lab(driver_bgr: tuple[int, int, int], strength: float) -> None:
    driver, persona = skin(driver_bgr, seed=1), skin((120, 145, 190))
    out = applied(ColourMatcher(strength=strength)(driver, persona, MASK, 0), persona)
    d, p, o = (lab_statistics(pixels, MASK) for pixels in (driver, persona, out))
    assert d is not None
    assert p is not None
    assert o is not None
    wanted = p.mean + strength * (d.mean - p.mean)
    assert np.abs(o.mean - wanted).max() < 2.0


def test_identity_when_both_look_alike() -> None:
    pixels = skin((120, 145, 190))
    out = applied(ColourMatcher()(pixels, pixels, MASK, 0), pixels)
    assert np.abs(out.astype(int) - pixels).max() <= 1


def test_spread_is_bounded_so_that_smooth_skin_is_not_mottled() -> None:
    noisy = np.clip(np.random.default_rng(0).normal(0, 45, (SIZE, SIZE, 3)) + 140, 0, 255).astype(np.uint8)
    smooth = skin((120, 145, 190), spread=4)
    out = applied(ColourMatcher()(noisy, smooth, MASK, 0), smooth)
    before, after = lab_statistics(smooth, MASK), lab_statistics(out, MASK)
    assert before is not None
    assert after is not None
    assert after.std[0] <= before.std[0] * 1.5
    assert (after.std[1:] <= before.std[1:] * 1.35 + 0.5).all()


def test_a_patch_of_one_colour_gets_a_shift_not_a_guess() -> None:
    flat = np.full((SIZE, SIZE, 3), (100, 130, 180), np.uint8)
    colour = ColourMatcher(strength=1.0)(skin((60, 80, 120)), flat, MASK, 0)
    assert colour is not None
    assert colour[:, :3] == pytest.approx(np.eye(3), abs=0.05)
    assert np.abs(applied(colour, flat)[0, 0].astype(int) - (60, 80, 120)).max() < 8


def test_a_sudden_change_of_light_arrives_smoothly_and_fully() -> None:
    persona, matcher = skin((120, 145, 190)), ColourMatcher(strength=1.0, time_constant_s=0.25)
    bright, dark = skin((150, 170, 200), seed=1), skin((60, 70, 90), seed=1)

    def level(driver: Pixels, at_ms: int) -> float:
        return float(applied(matcher(driver, persona, MASK, at_ms * NS_PER_MS), persona).mean())

    start = level(bright, 0)
    levels = [level(dark, 33 * frame) for frame in range(1, 61)]
    end = float(dark.mean())
    assert start - levels[0] < 0.2 * (start - end)
    assert all(b <= a + 0.5 for a, b in itertools.pairwise(levels))
    assert levels[7] == pytest.approx(end + (start - end) * np.exp(-8 * 0.033 / 0.25), abs=6)
    assert levels[-1] == pytest.approx(end, abs=3)


@pytest.mark.parametrize("jump_ns", [2 * NS_PER_S, -NS_PER_S])
def test_a_gap_or_a_step_back_starts_afresh(jump_ns: int) -> None:
    persona, matcher = skin((120, 145, 190)), ColourMatcher(strength=1.0)
    bright, dark = skin((150, 170, 200), seed=1), skin((60, 70, 90), seed=1)
    matcher(bright, persona, MASK, 10 * NS_PER_S)
    moved = matcher(dark, persona, MASK, 10 * NS_PER_S + jump_ns)
    assert moved == pytest.approx(ColourMatcher(strength=1.0)(dark, persona, MASK, 0), abs=1e-4)


def test_reset_forgets() -> None:
    persona, matcher = skin((120, 145, 190)), ColourMatcher()
    matcher(skin((150, 170, 200)), persona, MASK, 0)
    matcher.reset()
    dark = skin((60, 70, 90))
    assert matcher(dark, persona, MASK, NS_PER_MS) == pytest.approx(ColourMatcher()(dark, persona, MASK, 0), abs=1e-4)


def test_too_small_a_mask_tells_nothing() -> None:
    pixels = skin((120, 145, 190))
    assert ColourMatcher()(pixels, pixels, np.zeros_like(MASK), 0) is None


@pytest.mark.parametrize("bad", [{"strength": 1.1}, {"strength": -0.1}, {"time_constant_s": -1.0}])
def test_parameters_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        ColourMatcher(**bad)
