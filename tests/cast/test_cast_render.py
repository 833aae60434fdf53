from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.engines.cast import MATCH_PSNR_DB, portrait_matches, render_portrait
from mien.engines.cast.people import AMARA, VIGGO

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


@pytest.mark.filterwarnings("default")
def test_a_portrait_matches_its_own_recipe_and_no_other() -> None:
    picture = render_portrait(AMARA.at_size(256))
    jpeg = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_COLOR)
    assert portrait_matches(AMARA, jpeg, size=128) > MATCH_PSNR_DB
    assert portrait_matches(VIGGO, jpeg, size=128) < MATCH_PSNR_DB - 8


def test_a_picture_that_cannot_be_a_portrait_is_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        portrait_matches(AMARA, np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        portrait_matches(AMARA, np.zeros((4, 4), np.uint8))
