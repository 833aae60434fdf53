from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from mien.engines.swapnet.texture import dressed, read_texture, write_texture
from mien.realtime.errors import ModelError


def png(*shape: int) -> str:
    data = cv2.imencode(".png", np.zeros(shape, np.uint8))[1]
    return base64.b64encode(data.tobytes()).decode()


def test_a_texture_comes_back_to_a_step() -> None:
    texture = np.random.default_rng(0).normal(0, 0.2, (3, 32, 32)).astype(np.float32)
    back = read_texture(write_texture(texture), "test")
    assert back.shape == (32, 32, 3)
    assert np.abs(back[..., ::-1].transpose(2, 0, 1) / 255 - texture.clip(-0.99, 0.99)).max() <= 1.01 / 255


@pytest.mark.parametrize(
    "note", ["", "not base64!", base64.b64encode(b"nor a PNG").decode(), png(8, 9, 3), png(8, 8), png(4096, 4096, 3)]
)
def test_what_is_no_texture_is_refused(note: str) -> None:
    with pytest.raises(ModelError, match="texture of 'test'"):
        read_texture(note, "test")


def test_a_png_cut_short_is_refused() -> None:
    whole = base64.b64decode(write_texture(np.random.default_rng(0).normal(0, 0.2, (3, 64, 64)).astype(np.float32)))
    with pytest.raises(ModelError, match="texture of 'test'"):
        read_texture(base64.b64encode(whole[:60]).decode(), "test")


def test_pixels_are_dressed_from_where_they_say() -> None:
    texture = np.zeros((64, 64, 3), np.float32)
    texture[10, 20] = 100.0
    painted, where = np.full((32, 32, 3), 50.0, np.float32), np.zeros((16, 16, 3), np.float32)
    where[..., 2] = 0.5
    # The pixel (16, 16) looks at (20, 10) of 64.
    where[..., 0] = (20 - 16 * 63 / 31) / 31.5
    where[..., 1] = (10 - 16 * 63 / 31) / 31.5
    pixels = dressed(painted, where, texture)
    assert pixels[16, 16] == pytest.approx(100.0, abs=2.0)
    assert np.count_nonzero(pixels != 50) <= 3 * 9
    window = (slice(9, 21), slice(12, 30))
    assert np.array_equal(dressed(painted[window], where, texture, window), pixels[window])


def test_what_is_brighter_than_white_or_darker_than_black_is_cut_off() -> None:
    texture = np.full((64, 64, 3), 100.0, np.float32)
    painted, where = np.full((32, 32, 3), 200.0, np.float32), np.ones((16, 16, 3), np.float32)
    assert (dressed(painted, where, texture) == 255).all()
    assert (dressed(painted - 150, where, -texture) == 0).all()
