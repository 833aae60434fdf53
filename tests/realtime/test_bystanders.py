"""Bystanders: no detail of a face survives, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from mien.realtime.bystanders import cover
from mien.realtime.frame import FrameError, Pixels


def noise(height: int = 240, width: int = 320) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [12, 60, 150])
def test_nothing_finer_than_a_block_survives_inside_the_box(size: int) -> None:
    pixels = noise()
    before = pixels.copy()
    x, y = 80, 40
    cover(pixels, [(x, y, x + size, y + size * 1.2)])
    inside = (slice(y, y + round(size * 1.2)), slice(x, x + size))
    # What is left of white noise after means over blocks of a quarter of the face has lost nearly all of its spread,
    # and has nothing to do with the pixels that were there.
    left, was = pixels[inside].astype(float), before[inside].astype(float)
    block = size / 4
    assert left.std() < 74 / block * 1.6
    gone = [np.corrcoef(left[..., c].ravel(), was[..., c].ravel())[0, 1] for c in range(3)]
    assert max(np.abs(gone)) < max(0.25, 2 / block)


def test_stripes_of_an_eighth_of_a_face_are_gone() -> None:
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[:, (np.arange(300) // 10) % 2 == 0] = 255
    cover(pixels, [(110, 100, 190, 200)])
    face = pixels[110:190, 115:185].astype(float)
    assert np.ptp(face.mean(axis=(0, 2))) < 60


def test_only_the_surroundings_of_the_box_are_touched() -> None:
    pixels = noise()
    before = pixels.copy()
    cover(pixels, [(100, 80, 160, 150)])
    changed = (pixels != before).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert changed[80:150, 100:160].mean() > 0.97
    assert xs.min() >= 100 - 20
    assert xs.max() <= 160 + 20
    assert ys.min() >= 80 - 35
    assert ys.max() <= 150 + 30


def test_the_edge_is_soft() -> None:
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:, :160] = 255
    pixels[:, 160:] = 0
    cover(pixels, [(130, 90, 190, 150)])
    row = pixels[119, :, 0].astype(int)
    assert row[20] == 255
    assert row[300] == 0
    steps = np.abs(np.diff(row))
    assert steps.max() < 200


@pytest.mark.parametrize(
    "box",
    [
        (-60, -40, 30, 60), (280, 200, 400, 330), (-500, -500, 900, 900), (-90, -90, -60, -60), (400, 10, 450, 60),
        (50, 50, 50, 50), (319.6, 239.6, 325, 245),
    ],
)  # fmt: skip
def test_boxes_over_the_edge_and_outside_do_no_harm(box: tuple[float, float, float, float]) -> None:
    pixels = noise()
    before = pixels.copy()
    cover(pixels, [box])
    x0, y0, x1, y1 = (round(v) for v in box)
    inside = (slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0)))
    if pixels[inside].size > 100:
        assert (pixels[inside] != before[inside]).any(axis=2).mean() > 0.9
    if x1 < -20 or x0 > 350:
        assert (pixels == before).all()


def test_a_box_that_is_no_number_is_an_error_not_an_uncovered_face() -> None:
    with pytest.raises(FrameError, match="finite"):
        cover(noise(), [(0.0, 0.0, float("nan"), 10.0)])


def test_all_faces_are_covered() -> None:
    pixels = noise()
    before = pixels.copy()
    boxes = [(20.0, 20.0, 60.0, 70.0), (150.0, 100.0, 210.0, 170.0), (250.0, 10.0, 280.0, 45.0)]
    cover(pixels, boxes)
    for x0, y0, x1, y1 in boxes:
        part = (slice(int(y0), int(y1)), slice(int(x0), int(x1)))
        assert (pixels[part] != before[part]).any(axis=2).mean() > 0.95
