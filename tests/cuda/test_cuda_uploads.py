"""The next frame is copied while one is painted: in the right order, into memory that nobody uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from emulated_device import EmulatedDevice
from two_painters import STEP_NS, TwoShows, face_at, picture

from mien.engines.cuda.painter import CudaPainter
from mien.realtime.errors import EngineError
from mien.realtime.frame import Frame, Pixels

WIDTH, HEIGHT = 96, 64


def captured(sequence: int, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    return Frame(picture(sequence, width, height), sequence, sequence * STEP_NS, sequence * STEP_NS)


@pytest.fixture(params=[True, False], ids=["late", "at once"])
def device(request: pytest.FixtureRequest) -> EmulatedDevice:
    return EmulatedDevice(ahead_late=request.param)


@pytest.fixture
def painter(device: EmulatedDevice) -> Iterator[CudaPainter]:
    made = CudaPainter(device)
    yield made
    made.close()
    assert (device.live, device.closed) == (0, 1)
    assert "mien-upload" not in [thread.name for thread in threading.enumerate()]


def painted(painter: CudaPainter, frame: Frame) -> Pixels:
    return painter.begin(frame, {}).finish()


def test_the_copy_of_a_frame_runs_beside_the_painting_of_the_one_before(
    painter: CudaPainter, device: EmulatedDevice
) -> None:
    frames = [captured(sequence) for sequence in range(8)]
    painting = painter.begin(frames[0], {})
    for number, (now, after) in enumerate(pairwise(frames), start=1):
        device.asked.clear()
        painter.expect(after)
        # Nothing of `now` has been waited for.
        assert device.wait_until_asked("upload ahead")
        assert "synchronize" not in device.asked
        assert np.array_equal(painting.finish(), now.pixels)
        device.asked.clear()
        painting = painter.begin(after, {})
        # Behind its copy, and not copied again.
        assert [each for each in device.asked if each != "mark"] == ["follow", "copy"], number
    assert np.array_equal(painting.finish(), frames[-1].pixels)
    assert [way for way, size in device.transfers if size == frames[0].pixels.nbytes].count("upload") == 1


def test_no_copy_goes_where_a_frame_is_painted_from(painter: CudaPainter, device: EmulatedDevice) -> None:
    first, second, third = (captured(sequence) for sequence in range(3))
    painted(painter, captured(0))
    painting = painter.begin(first, {})
    painter.expect(second)
    painter.expect(third)
    assert device.wait_until_asked("upload ahead")
    # One buffer is painted from and the other one is full: the third frame has no room before the second is begun.
    assert not device.wait_until_asked("upload ahead", 2, within_s=0.1)
    assert np.array_equal(painting.finish(), first.pixels)
    painting = painter.begin(second, {})
    assert device.wait_until_asked("upload ahead", 2)
    assert np.array_equal(painting.finish(), second.pixels)
    assert np.array_equal(painted(painter, third), third.pixels)


def test_frames_that_are_never_painted_make_room_for_those_that_are(
    painter: CudaPainter, device: EmulatedDevice
) -> None:
    painted(painter, captured(0))
    for sequence in range(1, 20):
        painter.expect(captured(sequence))
    assert device.wait_until_asked("upload ahead")
    last = captured(20)
    # It was not foreseen, and the buffer that is free has another's pixels, which may still be on their way.
    assert np.array_equal(painted(painter, last), last.pixels)
    device.asked.clear()
    after = captured(21)
    painter.expect(after)
    assert device.wait_until_asked("upload ahead")
    assert np.array_equal(painted(painter, after), after.pixels)


def test_a_copy_that_fails_fails_its_own_frame_alone(painter: CudaPainter, device: EmulatedDevice) -> None:
    painted(painter, captured(0))
    bad, good = captured(1), captured(2)
    device.refuse_ahead = 1
    painter.expect(bad)
    assert device.wait_until_asked("upload ahead")
    with pytest.raises(EngineError, match="CUDA cannot copy to the GPU ahead"):
        painter.begin(bad, {})
    painter.expect(good)
    assert device.wait_until_asked("upload ahead", 2)
    assert np.array_equal(painted(painter, good), good.pixels)


def test_a_painting_that_is_given_up_holds_its_memory_until_the_device_is_through(
    painter: CudaPainter, device: EmulatedDevice
) -> None:
    first, second = captured(1), captured(2)
    painter.begin(captured(0), {})
    painter.expect(first)
    assert device.wait_until_asked("upload ahead")
    device.asked.clear()
    assert np.array_equal(painted(painter, first), first.pixels)
    assert device.asked[0] == "synchronize"
    assert np.array_equal(painted(painter, second), second.pixels)


def test_a_size_that_changes_is_copied_ahead_from_its_second_frame_on(
    painter: CudaPainter, device: EmulatedDevice
) -> None:
    painted(painter, captured(0))
    live = device.live
    painter.expect(captured(1))
    assert device.wait_until_asked("upload ahead")
    for sequence in range(2, 5):
        frame = captured(sequence, 80, 48)
        painter.expect(frame)
        assert np.array_equal(painted(painter, frame), frame.pixels)
    assert device.live == live
    sizes = [size for way, size in device.transfers if way == "upload ahead"]
    assert set(sizes[1:]) <= {80 * 48 * 3}


def test_the_end_waits_for_what_is_on_its_way(device: EmulatedDevice) -> None:
    painter = CudaPainter(device)
    painted(painter, captured(0))
    for sequence in (1, 2, 3):
        painter.expect(captured(sequence))
    painter.close()
    painter.expect(captured(4))
    assert (device.live, device.closed) == (0, 1)


@pytest.mark.parametrize("ahead_late", [True, False])
def test_frames_that_were_copied_ahead_are_the_references(ahead_late: bool) -> None:
    both = TwoShows(ahead_late=ahead_late)
    face = face_at(240, 135, 110)
    both.show(face)
    for _ in range(3):
        reference, other = both.show(face, expected=True)
        assert np.abs(reference.pixels.astype(int) - other.pixels).max() <= 2
    whole = [way for way, size in both.device.transfers if size == reference.pixels.nbytes]
    assert whole == ["upload", "download", *3 * ["upload ahead", "download"]]
    both.close()


HIDES: dict[str, Callable[[TwoShows], None]] = {
    "slate": lambda both: both.compositors[1].set_slate(on=True),
    "hold": lambda both: both.compositors[1].set_hold(on=True),
    "show me": lambda both: both.compositors[1].show_me(),
    "nobody": lambda both: None,
}


@pytest.mark.parametrize("why", HIDES)
def test_what_is_not_painted_is_not_copied(why: str) -> None:
    both = TwoShows()
    face = face_at(240, 135, 110)
    faces = () if why == "nobody" else (face,)
    both.show(face)
    HIDES[why](both)
    # What hides the face is known from the first frame on.
    both.show(*faces)
    before = len(both.device.transfers)
    for _ in range(3):
        both.compositors[1].expect(captured(both.sequence, *both.size))
        both.show(*faces)
    assert len(both.device.transfers) == before
    both.close()
