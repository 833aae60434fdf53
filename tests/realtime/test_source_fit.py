from __future__ import annotations

import numpy as np
import pytest

from mien.realtime.source.fit import fit


def test_what_fits_is_the_same_array() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    assert fit(pixels, 64, 48) is pixels


@pytest.mark.parametrize(("size", "box"), [((100, 50), (0, 16, 64, 32)), ((50, 100), (20, 0, 24, 48))])
def test_proportions_are_kept_between_black_bars(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    out = fit(np.full((size[1], size[0], 3), 200, np.uint8), 64, 48)
    x, y, width, height = box
    lit = out[:, :, 0] > 0
    assert out.shape == (48, 64, 3)
    # Up to one pixel of rounding when half a pixel is left over.
    assert abs(int(lit.any(axis=0).sum()) - width) <= 1
    assert abs(int(lit.any(axis=1).sum()) - height) <= 1
    assert lit[y + height // 2, x + width // 2]
    assert lit.sum() == lit.any(axis=0).sum() * lit.any(axis=1).sum()


def test_a_sliver_keeps_at_least_one_pixel() -> None:
    assert fit(np.full((16, 8192, 3), 9, np.uint8), 64, 48).any()
