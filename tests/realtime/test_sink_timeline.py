from __future__ import annotations

from itertools import pairwise

from sink_frames import MS, Frames

from mien.realtime.sink.timeline import MIN_STEP_NS, Timeline


def test_live_pictures_lie_where_they_were_captured_counted_from_the_first() -> None:
    frames, line = Frames(), Timeline(by_media=False)
    captures = [5000, 5033, 5100, 5101]
    assert [line.place(frames(capture_ns=at * MS, media_ns=0)) // MS for at in captures] == [0, 33, 100, 101]


def test_a_live_step_back_becomes_the_least_step() -> None:
    # The frame after a stand-in may have been captured before it.
    frames, line = Frames(), Timeline(by_media=False)
    placed = [line.place(frames(capture_ns=at * MS)) for at in (0, 155, 150, 183)]
    assert placed == [0, 155 * MS, 155 * MS + MIN_STEP_NS, 183 * MS]


def test_by_media_the_source_counts_and_capture_does_not() -> None:
    frames, line = Frames(), Timeline(by_media=True)
    placed = [line.place(frames(capture_ns=c * MS, media_ns=m * MS)) for c, m in ((0, 2000), (90, 2040), (91, 2120))]
    assert placed == [0, 40 * MS, 120 * MS]
    assert line.offset_ns == -2000 * MS


def test_a_pause_moves_what_follows_and_the_sound_with_it() -> None:
    frames, line = Frames(), Timeline(by_media=True)
    line.place(frames(capture_ns=0, media_ns=0))
    line.place(frames(capture_ns=40 * MS, media_ns=40 * MS))
    # The source is away for two seconds; stand-ins repeat its last media time.
    assert line.place(frames(capture_ns=1040 * MS, media_ns=40 * MS)) == 1040 * MS
    assert line.place(frames(capture_ns=2040 * MS, media_ns=40 * MS)) == 2040 * MS
    assert line.place(frames(capture_ns=2080 * MS, media_ns=80 * MS)) == 2080 * MS
    assert line.offset_ns == 2000 * MS
    assert line.place(frames(capture_ns=2120 * MS, media_ns=120 * MS)) == 2120 * MS


def test_times_always_rise() -> None:
    for by_media in (False, True):
        frames, line = Frames(), Timeline(by_media=by_media)
        times = [(0, 0), (0, 0), (5, 0), (4, 1), (4, 1), (100, 2), (50, 90), (101, 91)]
        placed = [line.place(frames(capture_ns=c * MS, media_ns=m * MS)) for c, m in times]
        assert all(later - earlier >= MIN_STEP_NS for earlier, later in pairwise(placed))
