from __future__ import annotations

import numpy as np
import pytest
from mesh_faces import SKIN, polygon_mask, portrait, rest, with_lids

from mien.engines.mesh.texture import IRIS_SIDE_PX, Pyramid, close_lids, spread, take_eye
from mien.engines.mesh.topology import EYES, LEFT_EYE, RIGHT_EYE


@pytest.mark.parametrize("eye", EYES, ids=["right", "left"])
def test_an_eye_comes_apart_into_white_and_a_whole_iris(eye: object) -> None:
    # Half closed: the lids hide the iris's top and bottom, which must be there when they open.
    taken = take_eye(*portrait(800, with_lids(rest(), 0.7)), eye)  # type: ignore[arg-type]
    middle = IRIS_SIDE_PX // 2
    for y, x in ((middle, middle), (middle - 30, middle), (middle + 30, middle), (middle, middle - 30)):
        assert np.abs(taken.iris[y, x, :3] - (120, 70, 30)).max() < 30
        assert taken.iris[y, x, 3] == 1
    assert taken.iris[0, 0, 3] == 0
    white = taken.white.reshape(-1, 3).astype(int)
    assert np.abs(white - (225, 230, 232)).max() < 40


def test_covered_eyes_are_skin() -> None:
    picture, landmarks = portrait(600)
    skin = close_lids(picture, landmarks)
    for eye in EYES:
        hole = polygon_mask(landmarks[list(eye.contour), :2], (600, 600))
        assert np.abs(skin[hole].astype(int) - SKIN).max() < 25
    far = ~np.logical_or.reduce(
        [polygon_mask(landmarks[list(eye.contour), :2], (600, 600), grow=20) for eye in (RIGHT_EYE, LEFT_EYE)]
    )
    assert np.array_equal(skin[far], picture[far])


def test_a_small_face_is_read_from_a_small_picture() -> None:
    picture, landmarks = portrait(800)
    pyramid = Pyramid(picture, landmarks[:468, :2])
    width = float(np.ptp(landmarks[:468, 0]))
    for wanted, side in ((width, 800), (2 * width, 800), (width / 2, 400), (width / 4.2, 200)):
        pixels, points = pyramid.at(wanted)
        assert pixels.shape[0] == side
        assert np.ptp(points[:, 0]) == pytest.approx(width * side / 800, rel=1e-3)


def test_what_is_known_spreads_and_stays() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, :10] = 200
    known = np.zeros((40, 40), np.float32)
    known[:, :10] = 1
    spread_out = spread(pixels, known, [16.0, 4.0])
    assert np.abs(spread_out - 200).max() < 1
