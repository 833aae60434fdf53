"""What the measurements do to videos is what they say."""

from __future__ import annotations

import numpy as np
import pytest

from mien.engines.measure.on_the_way import (
    coded,
    covering,
    cropped,
    gamma,
    inset,
    jpeg,
    lines,
    mirrored,
    resized,
    screenshot,
)
from mien.realtime.frame import Pixels


@pytest.fixture
def picture() -> Pixels:
    """Red grows to the right, green downward."""
    made = np.zeros((90, 160, 3), np.uint8)
    made[..., 2] = np.linspace(0, 255, 160)[None]
    made[..., 1] = np.linspace(0, 255, 90)[:, None]
    return made


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
def test_a_codec_keeps_frames_and_what_they_show(picture: Pixels, codec: str) -> None:
    video = coded([picture[:89, :159]] * 5, bit_rate=500_000, codec=codec)  # type: ignore[arg-type]
    assert [frame.shape for frame in video] == [(88, 158, 3)] * 5
    assert np.abs(video[-1].astype(int) - picture[:88, :158]).mean() < 8


def test_a_worse_quality_is_worse(picture: Pixels) -> None:
    noisy = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)

    def error(crf: int) -> float:
        return float(np.abs(coded([noisy], crf=crf)[0].astype(int) - noisy).mean())

    assert error(10) < error(40)
    assert (
        np.abs(jpeg(picture, 95).astype(int) - picture).mean() < np.abs(jpeg(picture, 5).astype(int) - picture).mean()
    )


def test_sizes(picture: Pixels) -> None:
    assert resized(picture, 31, 17).shape == (17, 31, 3)
    assert lines([picture], 44)[0].shape == (44, 78, 3)
    assert covering(picture, 50, 50).shape == (50, 50, 3)
    assert covering(picture, 640, 360).shape == (360, 640, 3)
    # The middle, not a corner.
    assert covering(picture, 90, 90)[45, 45, 2] == pytest.approx(128, abs=2)


def test_places(picture: Pixels) -> None:
    np.testing.assert_array_equal(mirrored([picture])[0], picture[:, ::-1])
    part = cropped([picture], 0.3)[0]
    assert part.shape == picture.shape
    assert (part[45, 0, 2], part[45, -1, 2]) == (pytest.approx(25, abs=3), pytest.approx(204, abs=3))
    small = inset([picture], 0.5)[0]
    assert small.shape == picture.shape
    np.testing.assert_array_equal(small[33:78, 16:96], resized(picture, 80, 45))
    shot = screenshot(picture)
    assert shot.shape == picture.shape
    assert (shot[0, 0] == 235).all()
    assert shot[45, 80, 2] == pytest.approx(128, abs=3)


def test_light(picture: Pixels) -> None:
    darker = gamma([picture])[0]
    assert (darker <= picture).all()
    assert (darker[0, 0, 2], darker[0, -1, 2]) == (0, 255)
