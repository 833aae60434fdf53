"""Looks drawn from seeds: even where they must be even, plausible where they go together."""

from __future__ import annotations

import numpy as np
import pytest

from mien.engines.cast.look import Look
from mien.engines.cast.population import draw_look
from mien.engines.cast.skin.tones import monk_tone


@pytest.fixture(scope="module")
def crowd() -> list[Look]:
    return [draw_look(seed) for seed in range(4000)]


def test_every_skin_tone_is_as_frequent_as_the_others(crowd: list[Look]) -> None:
    counts = np.bincount([monk_tone(look.melanin) for look in crowd], minlength=11)[1:]
    assert counts.sum() == 4000
    assert np.abs(counts - 400).max() <= 4


def test_any_run_of_seeds_is_even(crowd: list[Look]) -> None:
    for start in (17, 1234, 3333):
        counts = np.bincount([monk_tone(look.melanin) for look in crowd[start : start + 100]], minlength=11)[1:]
        assert counts.min() >= 8
        assert counts.max() <= 12


def test_the_same_seed_gives_the_same_look() -> None:
    assert draw_look(77) == draw_look(77)
    assert draw_look(77) != draw_look(78)


def test_a_crowd_has_every_adult_age_and_both_sexes_and_those_between(crowd: list[Look]) -> None:
    ages = np.histogram([look.age for look in crowd], 5, (0, 1))[0]
    assert ages.min() > 650
    genders = np.array([look.gender for look in crowd])
    assert 0.4 < genders.mean() < 0.6
    assert ((genders > 0.25) & (genders < 0.75)).mean() > 0.1


def test_every_option_occurs(crowd: list[Look]) -> None:
    for name, count in (
        ("hair_style", 12),
        ("glasses", 5),
        ("beard", 5),
        ("headset", 3),
        ("cloth", 3),
        ("backdrop", 6),
    ):
        assert len({getattr(look, name) for look in crowd}) == count, name
    assert {look.material for look in crowd} == {"skin"}


def test_shares_are_those_of_the_brief(crowd: list[Look]) -> None:
    assert 0.22 < np.mean([look.glasses != "none" for look in crowd]) < 0.28
    assert 0.10 < np.mean([look.headset != "none" for look in crowd]) < 0.14
    women = [look for look in crowd if look.gender < 0.2]
    painted = [max(look.eyeliner, look.eyeshadow, look.lipstick, look.blush) > 0 for look in women]
    assert 0.33 < np.mean(painted) < 0.47
    assert all(look.beard == "none" and look.stubble == 0.0 for look in women)


def test_colours_go_together(crowd: list[Look]) -> None:
    fair = [look for look in crowd if look.melanin < 0.3]
    dark = [look for look in crowd if look.melanin > 0.7]
    young = [look for look in crowd if look.age < 0.2]
    old = [look for look in crowd if look.age > 0.8]
    assert np.mean([look.freckles for look in fair]) > 3 * np.mean([look.freckles for look in dark])
    assert np.mean([look.hair_grey for look in old]) > 0.4
    assert np.mean([look.hair_grey for look in young]) < 0.1
    # Shapes lean with the tone but do not follow it.
    lean = np.corrcoef([look.african for look in crowd], [look.melanin for look in crowd])[0, 1]
    assert 0.3 < lean < 0.8
    assert any(look.african > 0.6 for look in fair)
    assert any(look.african < 0.1 for look in dark)
