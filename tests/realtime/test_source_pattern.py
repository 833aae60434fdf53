from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.realtime.clock import NS_PER_S, ManualClock
from mien.realtime.errors import SourceError
from mien.realtime.source.pattern import PatternSource, load_face

FACE = np.full((480, 480, 3), (40, 250, 130), np.uint8)


def make(**changes: Any) -> PatternSource:
    options: dict[str, Any] = {"width": 1280, "height": 720, "fps": 30, "pace": False, "clock": ManualClock()}
    return PatternSource(**(options | {"face": FACE} | changes))


def face_centre(pixels: np.ndarray) -> tuple[float, float, int]:
    """Mean column, mean row and number of the pixels that have the face's colour."""
    rows, columns = np.nonzero((np.abs(pixels.astype(int) - FACE[0, 0]) < 4).all(axis=2))
    return float(columns.mean()), float(rows.mean()), rows.size


def test_bars_and_face_are_there() -> None:
    frame = make().read()
    assert frame is not None
    assert frame.pixels[100, 20].tolist() == [191, 191, 191]
    assert frame.pixels[100, 1270].tolist() == [191, 0, 0]
    assert frame.pixels[690, 1279].tolist() == [255, 255, 255]
    column, row, count = face_centre(frame.pixels)
    assert abs(column - 640) < 10
    assert abs(row - 360) < 10
    assert count > 100_000


def test_the_face_moves_gently_and_breathes() -> None:
    source = make()
    places = [face_centre(source.draw(index, index * NS_PER_S // 30)) for index in range(0, 150, 3)]
    columns, rows, counts = (np.array(values) for values in zip(*places, strict=True))
    assert np.ptp(columns) > 30
    assert np.ptp(rows) > 30
    assert np.ptp(counts) > 10_000
    assert np.abs(np.diff(columns)).max() < 6  # three frames apart: no jump


def test_frames_are_numbered_in_the_picture() -> None:
    source = make()
    one, two = source.draw(1, 0), source.draw(2, 0)
    differs = np.nonzero((one != two).any(axis=2))
    assert differs[0].size > 0
    assert differs[0].min() > 600  # the number stands at the bottom left, and nothing else changed
    assert differs[1].max() < 320


def test_a_frame_is_its_own_array() -> None:
    source = make()
    first = source.read()
    assert first is not None
    copy = first.pixels.copy()
    source.read()
    assert np.array_equal(first.pixels, copy)


@pytest.mark.parametrize(("width", "height"), [(641, 361), (360, 1280), (16, 16), (3840, 2160)])
def test_any_size(width: int, height: int) -> None:
    frame = make(width=width, height=height).read()
    assert frame is not None
    assert (frame.width, frame.height) == (width, height)


def test_it_is_paced_and_ends_on_close() -> None:
    clock = ManualClock()
    source = make(pace=True, clock=clock, fps=10)
    assert [frame.media_ns for frame in (source.read(), source.read()) if frame] == [0, NS_PER_S // 10]
    assert clock.now_ns() == NS_PER_S // 10
    source.close()
    assert source.read() is None


def test_a_size_out_of_range_is_refused() -> None:
    with pytest.raises(SourceError, match="pictures of 8x720"):
        make(width=8)


def test_the_shipped_face() -> None:
    face = load_face()
    assert face.shape == (480, 480, 3)
    assert face.std() > 20  # a picture, not a plain area
