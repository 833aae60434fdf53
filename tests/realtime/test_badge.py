"""The badge: always inside the frame, off the face, calm, legible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mien.realtime.badge import MOVE_EVERY_S, Badge
from mien.realtime.clock import NS_PER_S
from mien.realtime.config import BadgeSettings
from mien.realtime.frame import Pixels
from mien.realtime.plate import Word, words

CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")


def flat(width: int, height: int, value: int = 128) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def box_at(badge: Badge, size: tuple[int, int], now_s: float, *faces: tuple[float, ...]) -> tuple[int, ...]:
    clear = tuple((a, b, c, d) for a, b, c, d in faces)
    return badge.draw(flat(*size), "modified", keep_clear=clear, now_ns=round(now_s * NS_PER_S))


@pytest.mark.parametrize(
    "size", [(1280, 720), (720, 1280), (16, 16), (16, 2000), (2000, 16), (41, 33), (161, 121), (853, 481), (2560, 1440)]
)
def test_never_leaves_the_frame_and_is_always_drawn(size: tuple[int, int]) -> None:
    all_words: tuple[Word, ...] = ("modified", "generated", "slate", "camera")
    for corner, word in itertools.product(CORNERS, all_words):
        badge = Badge(*size, BadgeSettings.build({"corner": corner, "language": "pl"}))
        pixels = flat(*size)
        x0, y0, x1, y1 = badge.draw(pixels, word, keep_clear=(), now_ns=0)
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]
        changed = (pixels != 128).any(axis=2)
        assert changed.any()
        changed[y0:y1, x0:x1] = False
        assert not changed.any()


def test_keeps_to_the_four_by_three_part_of_a_wide_frame() -> None:
    for corner in CORNERS:
        x0, _, x1, _ = box_at(Badge(1280, 720, BadgeSettings.build({"corner": corner})), (1280, 720), 0)
        assert x0 >= 160
        assert x1 <= 1280 - 160


@pytest.mark.parametrize("corner", CORNERS)
def test_stands_in_the_corner_asked_for(corner: str) -> None:
    x0, y0, x1, y1 = box_at(Badge(1280, 720, BadgeSettings.build({"corner": corner})), (1280, 720), 20)
    assert (y1 < 360) == corner.startswith("top")
    assert (y0 > 360) == corner.startswith("bottom")
    assert (x1 < 640 + 200) == corner.endswith("left")
    assert (x0 > 640 - 200) == corner.endswith("right")


def test_capitals_have_their_height() -> None:
    for now_s, part in ((0.0, 0.05), (10.1, 0.035)):
        badge = Badge(1280, 720, BadgeSettings(plate="dark"))
        badge.draw(flat(1280, 720), "modified", keep_clear=(), now_ns=0)
        pixels = flat(1280, 720)
        x0, y0, x1, y1 = badge.draw(pixels, "modified", keep_clear=(), now_ns=round(now_s * NS_PER_S))
        # The last letter, a D, is a full-height stem: rows of light ink in the plate's right part.
        part_px = pixels[y0 + 4 : y1 - 4, x1 - (x1 - x0) // 8 : x1 - (y1 - y0) // 3, 1]
        rows = np.flatnonzero((part_px > 180).any(axis=1))
        assert rows[-1] - rows[0] + 1 == pytest.approx(720 * part, abs=3)


def test_leaves_a_face_free() -> None:
    size = (1280, 720)
    badge = Badge(*size, BadgeSettings())
    x0, y0, x1, y1 = box_at(badge, size, 0)
    badge = Badge(*size, BadgeSettings())
    face = (x0 - 10.0, y0 - 10.0, x1 + 10.0, y1 + 200.0)
    moved = box_at(badge, size, 0, face)
    assert moved[2] < face[0] or moved[1] > face[3]


def test_leaves_the_hair_above_a_face_free() -> None:
    size = (1280, 720)
    x0, y0, x1, y1 = box_at(Badge(*size, BadgeSettings()), size, 0)
    face = (x0 + 40.0, y1 + 20.0, x1 - 40.0, y1 + 300.0)
    moved = box_at(Badge(*size, BadgeSettings()), size, 0, face)
    assert moved != (x0, y0, x1, y1)


def test_moves_at_most_every_five_seconds_and_goes_home() -> None:
    size = (1280, 720)
    badge = Badge(*size, BadgeSettings())
    right = (700.0, 0.0, 1280.0, 300.0)
    left = (0.0, 0.0, 600.0, 300.0)
    box_at(badge, size, 0)
    places = [box_at(badge, size, 20 + t / 10, right if (t // 3) % 2 else left)[:2] for t in range(300)]
    changes = [t for t in range(1, 300) if places[t] != places[t - 1]]
    assert changes
    assert all(b - a >= MOVE_EVERY_S * 10 for a, b in itertools.pairwise(changes))
    home = Badge(*size, BadgeSettings())
    box_at(home, size, 0)
    box_at(home, size, 15)
    calm = box_at(home, size, 16)
    away = box_at(home, size, 20, right)
    assert away != calm
    assert box_at(home, size, 24) == away
    assert box_at(home, size, 26) == calm


def test_stays_where_it_is_when_every_corner_is_covered() -> None:
    size = (1280, 720)
    badge = Badge(*size, BadgeSettings())
    everywhere = (0.0, 0.0, 1280.0, 720.0)
    box_at(badge, size, 0)
    assert len({box_at(badge, size, 20 + 10 * t, everywhere) for t in range(5)}) == 1


def test_automatic_plate_has_hysteresis() -> None:
    badge = Badge(640, 360, BadgeSettings())

    def is_light(value: int, at_s: float) -> bool:
        pixels = flat(640, 360, value)
        x0, y0, _, y1 = badge.draw(pixels, "modified", keep_clear=(), now_ns=round(at_s * NS_PER_S))
        # Just inside the left end of the pill, half way down: plate, no ink.
        return bool(pixels[(y0 + y1) // 2, x0 + (y1 - y0) // 6].mean() > 128)

    assert is_light(30, 0)
    assert is_light(110, 20)
    assert not is_light(200, 40)
    assert not is_light(90, 60)
    assert is_light(30, 80)
    # One bright frame, such as a flash, does not turn it.
    assert is_light(255, 80.03)


def test_words_of_every_language_differ_and_never_call_a_slate_or_a_camera_synthetic() -> None:
    for language in ("de", "en", "es", "fr", "it", "nl", "pl", "pt"):
        said = {word: words(language, word) for word in ("modified", "generated", "slate", "camera")}
        assert len(set(said.values())) == 4
        for word in ("slate", "camera"):
            assert not {"AI", "IA", "KI"} & set(said[word].replace("-", " ").split())
        for word in ("modified", "generated"):
            assert {"AI", "IA", "KI"} & set(said[word].replace("-", " ").split())


@pytest.mark.parametrize("seen", [("bottom-left",), ("top-left", "bottom-left"), ("bottom-right", "bottom-left")])
def test_keeps_to_the_corners_that_are_seen(seen: tuple[str, ...]) -> None:
    badge = Badge(1280, 720, BadgeSettings())
    boxes = badge.boxes
    home = box_at(badge, (1280, 720), 0.0)
    assert home == boxes["top-right"] or home[3] < 360
    for second in range(1, 20):
        # At once: nobody sees it where it was. A face in a corner does not drive it out of what is seen.
        place = badge.draw(
            flat(1280, 720),
            "slate",
            keep_clear=((100.0, 400.0, 1200.0, 720.0),),
            now_ns=second * NS_PER_S,
            corners=seen,
        )
        middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        corner = f"{'top' if middle[1] < 360 else 'bottom'}-{'left' if middle[0] < 640 else 'right'}"
        assert corner in seen
    # All of it is seen again.
    assert box_at(badge, (1280, 720), 40.0)[3] < 360


@pytest.mark.parametrize("seen", [(), ("middle",), ("",)])
def test_no_choice_of_corners_takes_it_away(seen: tuple[str, ...]) -> None:
    badge, pixels = Badge(320, 180, BadgeSettings()), flat(320, 180)
    badge.draw(pixels, "modified", keep_clear=(), now_ns=0, corners=seen)
    assert (pixels != 128).any()
