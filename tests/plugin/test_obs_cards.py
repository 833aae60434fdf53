from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.engines.verify.marked import detect_still
from mien.plugin.obs.cards import draw_number, marked_cards, read_number


def card(number: int) -> np.ndarray:
    picture = np.full((720, 1280, 3), 60, np.uint8)
    draw_number(picture, number)
    return picture


def test_every_number_is_read_from_a_small_poor_screenshot() -> None:
    for number in range(256):
        small = cv2.resize(card(number), (320, 180), interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 50])
        assert read_number(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)) == number


def test_what_is_no_card_gives_no_number() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (180, 320, 3), np.uint8)
    assert read_number(noise) is None
    assert read_number(np.zeros((180, 320, 3), np.uint8)) is None
    # Two cards in one picture, as when it is torn or one is faded over another.
    assert read_number(cv2.addWeighted(card(0b10101010), 0.5, card(0b01010101), 0.5, 0)) is None


@pytest.mark.parametrize("size", [(1280, 720), (640, 360)])
def test_cards_are_marked_as_slates_and_can_still_be_read(size: tuple[int, int]) -> None:
    cards = marked_cards(*size, 3)
    assert [read_number(np.array(one.pixels)) for one in cards] == [0, 1, 2]
    assert {one.kind for one in cards} == {"slate"}
    assert all(detect_still(np.array(one.pixels)).found for one in cards)
