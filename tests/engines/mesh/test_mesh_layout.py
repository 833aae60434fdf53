from __future__ import annotations

import numpy as np
import pytest
from mesh_faces import SKIN, portrait

from mien.engines.mesh.layout import Layout


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (320, 320), (1920, 600)])
def test_the_landmarks_stay_on_the_face(size: tuple[int, int]) -> None:
    picture, landmarks = portrait(500)
    layout = Layout.fit(picture, landmarks, size)
    assert layout.pixels.shape == (size[1], size[0], 3)
    for index in (9, 50, 280, 199):  # forehead, cheeks, chin
        x, y = layout.landmarks[index, :2].round().astype(int)
        assert np.abs(layout.pixels[y, x].astype(int) - SKIN).max() < 12
    face = layout.landmarks[:468, :2]
    assert face.min() > 0
    assert (face.max(axis=0) < size).all()
    ratio = np.ptp(layout.landmarks[:468], axis=0) / np.ptp(landmarks[:468], axis=0)
    assert ratio == pytest.approx(np.full(3, ratio[0]), rel=1e-3)


def test_what_the_portrait_lacks_is_continued_calmly() -> None:
    picture, landmarks = portrait(400)
    picture[:, ::4] = 255
    layout = Layout.fit(picture, landmarks, (1600, 400))
    sharp = np.abs(np.diff(layout.pixels[200].astype(int), axis=0)).max(axis=1)
    assert sharp[:400].max() < 12
    assert sharp[700:900].max() > 100
