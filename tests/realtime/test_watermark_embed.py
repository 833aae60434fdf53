"""Embedding: faint, fast, in place, at every size."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from mien.realtime.frame import FrameError
from mien.realtime.watermark import layout
from mien.realtime.watermark.coding import encode
from mien.realtime.watermark.embed import Embedder, pattern
from mien.realtime.watermark.session import MarkSession

PAYLOAD = MarkSession(bytes(range(16))).payload("persona")
SIZES = [(1280, 720), (512, 512), (720, 1280), (853, 481), (64, 48), (17, 301), (16, 16), (4096, 16), (16, 4096)]


def psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((one.astype(float) - other) ** 2).mean()))


@pytest.mark.parametrize("size", SIZES)
def test_it_changes_no_pixel_by_more_than_a_level_and_keeps_49_db(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    marked = picture.copy()
    Embedder(PAYLOAD, width, height)(marked)
    assert np.abs(marked.astype(int) - picture).max() == 1
    assert psnr_db(marked, picture) >= 49.0
    # Neutral: all three channels move together.
    moved = marked.astype(int) - picture
    inside = ((picture > 0) & (picture < 255)).all(axis=2)
    assert (moved[inside] == moved[inside][:, :1]).all()


def test_black_and_white_saturate() -> None:
    for level in (0, 255):
        pixels = np.full((90, 160, 3), level, np.uint8)
        Embedder(PAYLOAD, 160, 90)(pixels)
        assert set(np.unique(pixels)) == {level, abs(level - 1)}


def test_luma_and_bgr_get_the_same_pattern() -> None:
    grey = np.full((180, 320), 100, np.uint8)
    bgr = np.full((180, 320, 3), 100, np.uint8)
    Embedder(PAYLOAD, 320, 180, planes="luma")(grey)
    Embedder(PAYLOAD, 320, 180)(bgr)
    np.testing.assert_array_equal(bgr, np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_array_equal(grey.astype(int) - 100, pattern(PAYLOAD, 320, 180))


def test_fractions_of_a_level_come_out_right_on_average() -> None:
    made = pattern(PAYLOAD, 1280, 720).astype(np.float32)
    assert set(np.unique(made)) == {-1, 0, 1}
    means = cv2.resize(made, (layout.COLUMNS, layout.ROWS), interpolation=cv2.INTER_AREA)
    chips = layout.chips(encode(PAYLOAD.to_int()))
    assert (np.sign(means) == chips).mean() > 0.999
    # A chip between equal ones is whole; one between opposite ones has slopes on all sides.
    around = sum(np.roll(chips, shift, axis) for shift in (-1, 1) for axis in (0, 1))
    assert np.abs(means[np.abs(chips * 4 - around) == 0]).mean() == pytest.approx(1.0, abs=0.15)
    alone = np.abs(means[around == -4 * chips]).mean()
    assert alone == pytest.approx((1 - layout.RAMP / 2) ** 2, abs=0.1)


def test_nothing_of_it_repeats_so_as_to_be_seen() -> None:
    # A pattern that repeats and an ordered dither would both show as single peaks in the spectrum.
    made = pattern(PAYLOAD, 1280, 720).astype(np.float32)
    power = np.abs(np.fft.rfft2(made)) ** 2
    smooth = cv2.blur(power.astype(np.float32), (31, 31))
    # Of noise, the greatest of half a million values is some 14 times its surroundings' mean; Bayer's dither has 900.
    assert float((power / smooth).max()) < 20


def test_a_frame_is_marked_in_place_without_memory() -> None:
    embed = Embedder(PAYLOAD, 640, 360)
    pixels = np.full((360, 640, 3), 90, np.uint8)
    embed(pixels)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(5):
            embed(pixels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - before < 20_000


def test_a_part_of_a_larger_picture_can_be_marked() -> None:
    whole = np.full((200, 400, 3), 90, np.uint8)
    Embedder(PAYLOAD, 320, 180)(whole[10:190, 40:360])
    assert (whole[:10] == 90).all()
    assert (whole[:, :40] == 90).all()
    np.testing.assert_array_equal(whole[10:190, 40:360, 1].astype(int) - 90, pattern(PAYLOAD, 320, 180))


@pytest.mark.parametrize(
    ("size", "message"), [((15, 100), "16 to 8192"), ((100, 8193), "16 to 8192"), ((0, 0), "16 to 8192")]
)
def test_sizes_that_no_frame_has_are_refused(size: tuple[int, int], message: str) -> None:
    with pytest.raises(FrameError, match=message):
        Embedder(PAYLOAD, *size)


def test_another_frame_is_refused_untouched() -> None:
    embed = Embedder(PAYLOAD, 64, 48)
    for wrong in (np.zeros((48, 64), np.uint8), np.zeros((48, 66, 3), np.uint8), np.zeros((48, 64, 3), np.float32)):
        with pytest.raises(FrameError, match="this mark is for uint8"):
            embed(wrong)
        assert not wrong.any()


def test_two_sessions_have_different_patterns_and_two_frames_of_one_the_same() -> None:
    other = MarkSession(bytes(16)).payload("persona")
    assert (pattern(PAYLOAD, 160, 90) == pattern(PAYLOAD, 160, 90)).all()
    assert (pattern(PAYLOAD, 160, 90) != pattern(other, 160, 90)).mean() > 0.2
