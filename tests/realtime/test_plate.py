"""Plates: contrast by WCAG, words that the font can draw, ink that is where it should be."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import ImageFont

from mien.realtime.errors import ConfigError
from mien.realtime.plate import (
    WORDS,
    PlateStyle,
    contrast,
    font_for_cap_height,
    luminance,
    paint,
    plate_styles,
    stencil,
)

LEVELS = (0, 51, 119, 187, 255)


def test_contrast_agrees_with_wcag() -> None:
    assert luminance((255, 255, 255)) == pytest.approx(1.0)
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)
    # The usual example: #767676 on white is the lightest grey that passes.
    assert contrast((0x76, 0x76, 0x76), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


def test_every_plate_keeps_its_contrast_before_any_picture() -> None:
    plates = ["auto", "light", "dark", *(f"#{r:02x}{g:02x}{b:02x}" for r in LEVELS for g in LEVELS for b in LEVELS)]
    for plate in plates:
        for style in plate_styles(plate):
            for behind in (0, 64, 128, 192, 255):
                seen = tuple(round(c * style.opacity + behind * (1 - style.opacity)) for c in style.plate)
                assert contrast((seen[0], seen[1], seen[2]), style.text) >= 4.5, plate


def test_a_plate_that_lets_too_much_through_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"at least 4\.5:1"):
        PlateStyle((20, 20, 20), (250, 250, 250), 0.3)
    # Words between the plate's two extremes would vanish before some picture.
    with pytest.raises(ConfigError, match=r"1\.00:1"):
        PlateStyle((128, 128, 128), (130, 130, 130), 0.2)


@pytest.mark.parametrize("plate", ["", "red", "#12345", "#12345g", "auto\n"])
def test_another_plate_is_refused(plate: str) -> None:
    with pytest.raises(ConfigError, match="#rrggbb"):
        plate_styles(plate)


def test_the_font_has_every_letter() -> None:
    font = font_for_cap_height(40)
    assert isinstance(font, ImageFont.FreeTypeFont)
    missing = np.array(font.getmask("\u4e00")).tobytes()
    letters = {c for table in WORDS.values() for text in table.values() for c in unicodedata.normalize("NFD", text)}
    for letter in sorted(letters):
        if unicodedata.combining(letter) or letter == " ":
            continue
        assert np.array(font.getmask(letter)).tobytes() != missing, letter


def test_an_accent_adds_ink_above_its_letter() -> None:
    plain, marked = stencil("CAMERA", "camera", 30), stencil("CAMÉRA", "camera", 30)
    assert plain.ink.shape == marked.ink.shape
    changed = np.argwhere(np.abs(plain.ink - marked.ink) > 0.5)
    top = (plain.ink.shape[0] - 30) / 2
    assert len(changed) > 10
    assert changed[:, 0].max() < top
    assert changed[:, 0].min() > 0


def test_painting_over_any_picture_stays_within_eight_bits() -> None:
    raster = paint(stencil("AI MODIFIED", "modified", 12), plate_styles("light")[0])
    for value in (0, 1, 254, 255):
        mixed = raster.colour + ((np.full_like(raster.keep, value) * raster.keep) >> 8)
        assert mixed.max() <= 255


def test_sides_are_even() -> None:
    for cap in range(1, 40):
        width, height = paint(stencil("AI", "modified", cap), plate_styles("dark")[0]).size
        assert width % 2 == 0
        assert height % 2 == 0
