from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tracker_faces import frame, paste

from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Pixels
from mien.realtime.tracker.detection import Box, overlap
from mien.realtime.tracker.finder import FaceFinder, Found
from mien.realtime.tracker.memory import BYSTANDER_S
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.watch import SURE, BystanderWatch

#: Squares of a 1280x720 frame.
ROUND = 17
BLANK = np.full((720, 1280, 3), 110, np.uint8)
#: Between what is not looked at and what is believed at once.
UNSURE = SURE - 0.01


class Script:
    """Stands for the model: finds bright squares, also cut ones, with the score that the test wants."""

    def __init__(self, score: float = 0.9, least_px: int = 1) -> None:
        self.score = score
        self.least_px = least_px
        self.closed = 0

    def __call__(self, pixels: Pixels) -> list[Found]:
        ys, xs = np.nonzero(pixels[:, :, 0] > 200)
        if xs.size < self.least_px:
            return []
        return [Found((float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)), self.score)]

    def close(self) -> None:
        self.closed += 1


def bright(x: int, y: int, side: int = 40) -> Pixels:
    pixels = BLANK.copy()
    pixels[y : y + side, x : x + side] = 255
    return pixels


class Show:
    def __init__(self, finder: Callable[[Pixels], list[Found]]) -> None:
        self.watch = BystanderWatch(finder)  # type: ignore[arg-type]
        self.index = 0

    def __call__(self, pixels: Pixels, frames: int = 1, tracked: tuple[Box, ...] = ()) -> list[tuple[Box, ...]]:
        boxes = []
        for _ in range(frames):
            seen = frame(pixels, self.index)
            self.watch.look(seen, tracked)
            boxes.append(self.watch.known(seen.media_ns, tracked))
            self.index += 1
        return boxes


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1240, 0), (0, 680), (1240, 680), (620, 340), (300, 330), (410, 500)])
def test_every_place_is_looked_at_within_a_round_and_stays_covered(x: int, y: int) -> None:
    show = Show(Script())
    show(bright(x, y), ROUND)
    for boxes in show(bright(x, y), 3 * ROUND):
        assert len(boxes) == 1
        assert boxes[0][0] < x
        assert boxes[0][2] > x + 40
        assert boxes[0][1] < y
        assert boxes[0][3] > y + 40


def test_a_doubtful_find_is_covered_only_when_it_comes_again() -> None:
    show = Show(Script(UNSURE))
    once = show(bright(100, 100), 1) + show(BLANK, 4 * ROUND)
    assert not any(once)
    assert any(show(bright(100, 100), 2 * ROUND))


def test_two_squares_that_overlap_are_not_two_sights() -> None:
    # At (270, 100) the first two squares of a round both see it.
    show = Show(Script(UNSURE))
    assert not any(show(bright(270, 100), 2) + show(BLANK, 3 * ROUND))


def test_a_face_that_is_tracked_is_none_of_its_own() -> None:
    show = Show(Script())
    wide = (560.0, 280.0, 720.0, 460.0)
    assert not any(show(bright(620, 340), 2 * ROUND, tracked=(wide,)))


def test_a_face_that_comes_to_be_tracked_is_let_go() -> None:
    show = Show(Script())
    show(bright(100, 100), ROUND)
    assert show(BLANK)[0] != ()
    assert show(BLANK, tracked=((100.0, 100.0, 140.0, 140.0),))[0] == ()


def test_a_face_that_is_not_found_any_more_stays_covered_for_seconds_and_not_for_ever() -> None:
    show = Show(Script())
    show(bright(100, 100), ROUND)
    gone = show(BLANK, round((BYSTANDER_S + 1) * 30))
    assert all(len(boxes) == 1 for boxes in gone[: round(BYSTANDER_S * 30) - ROUND])
    assert gone[-1] == ()


def test_a_face_that_walks_is_followed_with_one_box() -> None:
    show = Show(Script(least_px=80 * 60))
    show(bright(100, 100, 80), ROUND)
    for x in range(100, 600, 2):
        (boxes,) = show(bright(x, 100, 80))
        assert len(boxes) == 1
        assert overlap(boxes[0], (float(x), 100.0, x + 80.0, 180.0)) > 0.3


def test_a_frame_of_another_size_starts_anew() -> None:
    show = Show(Script())
    show(bright(100, 100), ROUND)
    assert show(np.full((1280, 720, 3), 110, np.uint8))[0] == ()


@pytest.mark.parametrize("size", [(64, 64), (160, 90), (90, 160), (1920, 1080), (641, 479)])
def test_squares_cover_frames_of_every_shape(size: tuple[int, int]) -> None:
    width, height = size
    counted = np.zeros((height, width, 3), np.uint8)

    def look(pixels: Pixels) -> list[Found]:
        assert pixels.shape[0] == pixels.shape[1]
        pixels += 1
        return []

    Show(look)(counted, 40)
    assert counted.min() > 0


def test_close_reaches_the_finder() -> None:
    script = Script()
    BystanderWatch(script).close()
    assert script.closed == 1


@pytest.mark.parametrize("face_px", [45, 80, 110, 150])
@pytest.mark.parametrize(("x", "y"), [(300, 350), (1150, 200), (830, 360)])
def test_the_model_finds_small_faces_wherever_they_are(face_px: int, x: int, y: int) -> None:
    pixels = BLANK.copy()
    paste(pixels, face_px, x, y)
    finder = FaceFinder(landmarker_path())
    show = Show(finder)
    show(pixels, 2 * ROUND)
    for boxes in show(pixels, ROUND):
        assert len(boxes) == 1
        assert boxes[0][0] < x < boxes[0][2]
        assert boxes[0][1] < y < boxes[0][3]
    finder.close()


def test_nothing_is_found_in_noise() -> None:
    finder = FaceFinder(landmarker_path())
    rng = np.random.default_rng(0)
    assert not any(Show(finder)(rng.integers(0, 255, (720, 1280, 3), np.uint8), 3 * ROUND))
    finder.close()


def test_a_finder_says_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "model.task"
    with pytest.raises(ModelError, match="face_detector"):
        FaceFinder(wrong)(BLANK[:100, :100])
    wrong.write_bytes(b"no zip")
    with pytest.raises(ModelError, match="face_detector"):
        FaceFinder(wrong)(BLANK[:100, :100])
    closed = FaceFinder(landmarker_path())
    closed.close()
    with pytest.raises(EngineError, match="closed"):
        closed(BLANK[:100, :100])
