from __future__ import annotations

import numpy as np
import pytest

from mien.engines.cast import render_portrait
from mien.engines.cast.people import AMARA

pytestmark = pytest.mark.cast

SIZE = 96


@pytest.fixture(scope="module", autouse=True)
def _needs_the_cast() -> None:
    pytest.importorskip("anny")
    pytest.importorskip("warp")


@pytest.mark.filterwarnings("default")
def test_the_same_recipe_gives_the_same_bytes() -> None:
    first, again = (render_portrait(AMARA.at_size(SIZE)) for _ in range(2))
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
