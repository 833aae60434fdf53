from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from mien.realtime.errors import SourceLostError
from mien.realtime.frame import Frame
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.change import AbsentSource, ChangingSource


class Stills:
    """A camera's double: `count` frames of one grey level, then its end, a loss, or silence until it is closed."""

    def __init__(self, level: int, *, count: int = 1000, size: tuple[int, int] = (64, 48), end: str = "end") -> None:
        self.info = SourceInfo(f"still-{level}", *size, 30.0, live=True)
        self.trouble = ""
        self.closed = threading.Event()
        self._level, self._left, self._end = level, count, end
        self._number = -1

    def read(self) -> Frame | None:
        if self.closed.is_set():
            return None
        if self._left == 0:
            if self._end == "lost":
                raise SourceLostError("the cable came out.")
            if self._end == "silent":
                self.closed.wait()
            return None
        self._left -= 1
        self._number += 1
        pixels = np.full((self.info.height, self.info.width, 3), self._level, np.uint8)
        return Frame(pixels, self._number, self._number * 10, self._number * 33_000_000)

    def close(self) -> None:
        self.closed.set()


def frames(source: ChangingSource, count: int) -> Iterator[Frame]:
    for _ in range(count):
        frame = source.read()
        assert frame is not None
        yield frame


def test_frames_go_on_in_number_time_and_size_when_the_source_changes() -> None:
    first, second = Stills(10), Stills(200, size=(32, 48))
    source = ChangingSource(first)
    before = list(frames(source, 3))
    source.change(second)
    after = list(frames(source, 3))
    assert first.closed.is_set()
    assert [frame.sequence for frame in before + after] == [0, 1, 2, 3, 4, 5]
    times = [frame.media_ns for frame in before + after]
    assert times == sorted(set(times))
    assert {frame.pixels.shape for frame in before + after} == {(48, 64, 3)}
    # Fitted with bars, not stretched.
    assert after[0].pixels[24, 32, 0] == 200
    assert after[0].pixels[24, 2, 0] == 0
    assert (source.info.name, source.info.width) == ("still-200", 64)


def test_a_read_that_waits_is_woken_by_the_change_and_gives_the_new_source() -> None:
    silent = Stills(10, count=0, end="silent")
    source = ChangingSource(silent)
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read()))
    reader.start()
    source.change(Stills(99))
    reader.join(10)
    assert got[0] is not None
    assert got[0].pixels[0, 0, 0] == 99


@pytest.mark.parametrize("end", ["end", "lost"])
def test_a_source_that_ends_leaves_its_place_to_nothing_with_the_reason(end: str) -> None:
    source = ChangingSource(Stills(10, count=1, end=end), stay=True)
    list(frames(source, 1))
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read()))
    reader.start()
    while source.info.name != "no picture":
        pass
    assert source.trouble == ("the cable came out." if end == "lost" else "'still-10' has ended.")
    source.change(Stills(50))
    reader.join(10)
    assert got[0] is not None
    assert got[0].sequence == 1


def test_without_stay_the_end_is_the_end() -> None:
    assert ChangingSource(Stills(1, count=0)).read() is None
    with pytest.raises(SourceLostError, match="cable"):
        ChangingSource(Stills(1, count=0, end="lost")).read()


def test_closing_wakes_a_read_and_a_later_change_is_closed_at_once() -> None:
    source = ChangingSource(AbsentSource(SourceInfo("", 64, 48, 30.0, live=True), "there is no camera"))
    got: list[Frame | None] = [None]
    reader = threading.Thread(target=lambda: got.append(source.read()))
    reader.start()
    source.close()
    reader.join(10)
    assert got == [None, None]
    late = Stills(1)
    source.change(late)
    assert late.closed.is_set()
    assert source.read() is None
