"""The grid: what it holds, and how it lies on frames of other shapes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mien.realtime.watermark import layout


def test_version_1_never_changes() -> None:
    # Marks that are out there must be found by every later version.
    parts = (layout.SIGNS.astype(np.int8), layout.SYNC.astype("<i8"), layout.PAYLOAD.astype("<i8"))
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    assert digest == "794206fbcadcfc4e830c391dba02ff8b783e0246e2cfc49d119a001835b83a0a"


def test_a_third_of_the_chips_is_sync_and_the_rest_carries_every_code_bit_alike() -> None:
    assert layout.SYNC.size == layout.COLUMNS * layout.ROWS // 3
    assert sorted([*layout.SYNC, *layout.PAYLOAD]) == list(range(layout.COLUMNS * layout.ROWS))
    carriers = np.bincount(layout.CODE_BIT, minlength=layout.CODE_BITS)
    assert set(carriers) == {33, 34}
    # As many light as dark chips: a frame's mean does not move.
    assert abs(int(layout.SIGNS.astype(int).sum())) < 4 * 120


def test_a_code_bit_turns_its_chips_and_no_other() -> None:
    code = np.ones(layout.CODE_BITS, np.int8)
    plain = layout.chips(code)
    code[7] = -1
    turned = (layout.chips(code) != plain).ravel()
    assert set(np.flatnonzero(turned)) == set(layout.PAYLOAD[layout.CODE_BIT == 7])
    np.testing.assert_array_equal(np.abs(plain), 1)
    assert np.count_nonzero(layout.sync_chips()) == layout.SYNC.size


@pytest.mark.parametrize(
    ("size", "chip"),
    [
        ((1280, 720), 8.0),
        ((3840, 2160), 24.0),
        # Narrower and wider than 16:9: the grid covers the frame, so these are its middle.
        ((512, 512), 512 / 90),
        ((720, 1280), 1280 / 90),
        ((2560, 1080), 16.0),
        # A ribbon and a stamp: chips shrink, and the grid repeats.
        ((8192, 800), 20.0),
        ((160, 120), 2.0),
        ((16, 16), 2.0),
        ((8192, 16), 2.0),
    ],
)
def test_a_chip_follows_the_frame(size: tuple[int, int], chip: float) -> None:
    assert layout.chip_px(*size) == pytest.approx(chip)


def test_a_crop_to_another_shape_around_the_middle_keeps_every_chip_in_its_place() -> None:
    wide = layout.axis(1280, layout.chip_px(1280, 720), layout.COLUMNS)
    square = layout.axis(720, layout.chip_px(720, 720), layout.COLUMNS)
    for whole, part in zip(wide, square, strict=True):
        np.testing.assert_allclose(whole[280:1000], part, atol=1e-5)


def test_chips_meet_halfway_and_are_themselves_in_their_middle() -> None:
    before, after, share = layout.axis(160 * 8, 8.0, 160)
    shown = np.where(share < 0.5, before, after)
    np.testing.assert_array_equal(shown, np.repeat(np.arange(160), 8))
    assert share.min() >= 0
    assert share.max() <= 1
    middle = share[3::8]
    assert np.minimum(middle, 1 - middle).max() < 0.1
