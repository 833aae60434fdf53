from __future__ import annotations

import itertools
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from source_fakes import add_silence, in_thread, make_audio, make_video, read_all

from mien.realtime.clock import NS_PER_MS, NS_PER_S, ManualClock, MonotonicClock
from mien.realtime.errors import SourceError
from mien.realtime.sink.audio import LapReader
from mien.realtime.source.file import FileSource
from mien.realtime.source.video_pass import VideoPass


class StepClock(ManualClock):
    """Each look at the clock costs a millisecond, and waits are written down."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_ms: list[float] = []

    def now_ns(self) -> int:
        self.advance(0.001)
        return super().now_ns()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits_ms.append(seconds * 1000)
        return super().wait(stop, seconds)


def open_file(path: Path, **changes: Any) -> FileSource:
    options: dict[str, Any] = {"pace": False, "loop": False, "clock": ManualClock()}
    return FileSource(path, **(options | changes))


def test_every_picture_comes_in_order(tmp_path: Path) -> None:
    source = open_file(make_video(tmp_path / "a.mp4", count=12))
    frames = read_all(source)
    assert [frame.sequence for frame in frames] == list(range(12))
    assert [frame.media_ns // NS_PER_MS for frame in frames] == [index * 40 for index in range(12)]
    grey = [int(frame.pixels[40, 50, 0]) for frame in frames]
    np.testing.assert_allclose(grey, [20 + index * 7 for index in range(12)], atol=4)
    assert frames[0].pixels[3, 3].tolist() == pytest.approx([0, 0, 255], abs=25)  # red in BGR
    assert source.read() is None
    assert source.trouble == ""
    source.close()


def test_info_tells_what_was_opened(tmp_path: Path) -> None:
    source = open_file(make_video(tmp_path / "a.mp4", count=12))
    info = source.info
    assert (info.name, info.width, info.height, info.fps, info.frame_count) == ("a.mp4", 64, 48, 25.0, 12)
    assert not info.live
    assert info.audio_path is None
    assert info.detail == "h264 64x48 at 25 fps, as fast as it is read"
    source.close()


def test_a_sound_track_is_named(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", audio=True)
    source = open_file(path, pace=True)
    assert source.info.audio_path == str(path)
    assert source.info.live
    source.close()


def test_paced_pictures_come_when_they_are_due(tmp_path: Path) -> None:
    times = [0, 10, 100, 120, 1000]
    clock = ManualClock(start_ns=5)
    source = open_file(make_video(tmp_path / "vfr.mp4", count=5, times_ms=times), pace=True, clock=clock)
    arrivals = []
    while (frame := source.read()) is not None:
        arrivals.append(clock.now_ns() - 5)
        assert frame.capture_ns == clock.now_ns()
    np.testing.assert_allclose(np.array(arrivals) / NS_PER_MS, times, atol=0.1)
    source.close()


def test_unpaced_reading_never_waits(tmp_path: Path) -> None:
    clock = StepClock()
    source = open_file(make_video(tmp_path / "a.mp4"), clock=clock)
    assert len(read_all(source)) == 12
    assert clock.waits_ms == []
    source.close()


def test_capture_is_stamped_before_decoding_and_after_waiting(tmp_path: Path) -> None:
    clock = StepClock()
    source = open_file(make_video(tmp_path / "a.mp4"), pace=True, clock=clock)
    first = source.read()
    second = source.read()
    assert first is not None
    assert second is not None
    now_ns = clock.now_ns()
    # Decoding lies between two looks at the clock, each a millisecond; the wait of about 40 ms is not latency.
    assert NS_PER_MS <= now_ns - second.capture_ns <= 5 * NS_PER_MS
    assert second.capture_ns - first.capture_ns >= 35 * NS_PER_MS
    source.close()


def test_after_a_stall_the_file_goes_on_from_where_it_was(tmp_path: Path) -> None:
    clock = ManualClock()
    source = open_file(make_video(tmp_path / "a.mp4"), pace=True, clock=clock)
    read_first = source.read()
    assert read_first is not None
    clock.advance(30)
    resumed = [source.read(), source.read()]
    assert [frame.sequence for frame in resumed if frame] == [1, 2]
    assert clock.now_ns() == pytest.approx(30 * NS_PER_S + 40 * NS_PER_MS, abs=NS_PER_MS)
    source.close()


def test_a_loop_goes_on_in_time_and_number(tmp_path: Path) -> None:
    source = open_file(make_video(tmp_path / "a.mp4", count=3), loop=True)
    assert source.info.frame_count is None
    frames = read_all(source, limit=8)
    assert [frame.sequence for frame in frames] == list(range(8))
    assert [frame.media_ns // NS_PER_MS for frame in frames] == [index * 40 for index in range(8)]
    assert np.array_equal(frames[0].pixels, frames[3].pixels)
    source.close()


def test_picture_and_sound_have_laps_of_one_length(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", count=5, times_ms=[0, 10, 100, 120, 1000], audio=True)
    source = open_file(path, loop=True)
    frames = read_all(source, limit=11)
    sound = LapReader(str(path))
    sound.begin(0)
    laps = [at_ns for _packet, at_ns in itertools.takewhile(lambda found: found[1] < 3 * NS_PER_S, packets(sound))]
    starts = [at_ns for before, at_ns in itertools.pairwise(laps) if at_ns - before > 100 * NS_PER_MS]
    assert starts[1] - starts[0] == pytest.approx(frames[10].media_ns - frames[5].media_ns, abs=NS_PER_MS)
    sound.close()
    source.close()


def packets(sound: LapReader) -> Iterator[tuple[Any, int]]:
    while (found := sound.peek()) is not None:
        yield found
        sound.take()


def test_close_wakes_a_reader_that_waits(tmp_path: Path) -> None:
    path = make_video(tmp_path / "slow.mp4", count=2, times_ms=[0, 60_000])
    source = open_file(path, pace=True, clock=MonotonicClock())
    assert source.read() is not None
    thread, out = in_thread(source.read)
    source.close()
    thread.join(5)
    assert out == [None]
    assert source.read() is None
    source.close()


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_phone_recording_is_turned_upright(tmp_path: Path, rotation: int) -> None:
    source = open_file(make_video(tmp_path / "phone.mp4", rotation=rotation, size=(64, 48)))
    frame = source.read()
    assert frame is not None
    upright = (48, 64) if rotation != 180 else (64, 48)
    assert (source.info.width, source.info.height) == (frame.width, frame.height) == upright
    # The encoded red corner is at the top left; the angle turns it counter-clockwise.
    corner = {90: (-4, 3), 180: (-4, -4), -90: (3, -4)}[rotation]
    assert frame.pixels[corner].tolist() == pytest.approx([0, 0, 255], abs=25)
    assert frame.pixels[3, 3, 2] < 100
    source.close()


def test_portrait_and_odd_sizes_are_kept(tmp_path: Path) -> None:
    path = make_video(tmp_path / "odd.mkv", size=(97, 131), codec="ffv1", pix_fmt="yuv444p", count=3)
    source = open_file(path)
    frames = read_all(source)
    assert {(frame.width, frame.height) for frame in frames} == {(97, 131)}
    assert len(frames) == 3
    source.close()


def test_4k(tmp_path: Path) -> None:
    fast = {"preset": "ultrafast"}
    path = make_video(
        tmp_path / "4k.mp4", size=(3840, 2160), count=2, setup=lambda stream: setattr(stream, "options", fast)
    )
    source = open_file(path, pace=True)
    frames = read_all(source)
    assert [(frame.width, frame.height) for frame in frames] == [(3840, 2160)] * 2
    source.close()


def test_live_pictures_are_decoded_without_frame_threads_up_to_full_hd(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    kinds = []
    for paced in (True, False):
        one = VideoPass(path, paced=paced)
        kinds.append(one.opened.stream.codec_context.thread_type.name)
        one.close()
    assert kinds == ["SLICE", "AUTO"]


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    from fractions import Fraction

    def wide(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    source = open_file(make_video(tmp_path / "wide.mp4", size=(72, 48), setup=wide, count=2))
    frame = source.read()
    assert frame is not None
    assert (frame.width, frame.height) == (source.info.width, source.info.height) == (96, 48)
    source.close()


def truncate(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize(("name", "options"), [("cut.mkv", {}), ("cut.mp4", {"movflags": "faststart"})])
def test_a_file_cut_off_in_the_middle_gives_what_it_has(
    tmp_path: Path, name: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    path = truncate(make_video(tmp_path / name, count=100, options=options, picture=noise), 0.6)
    source = open_file(path)
    with caplog.at_level(logging.WARNING):
        frames = read_all(source)
    assert 20 < len(frames) < 90
    assert f"{name!r} is cut off: its pictures end at" in source.trouble
    assert "of 4.0 s" in source.trouble
    assert source.trouble in caplog.text
    assert source.read() is None
    source.close()


def noise(index: int, width: int, height: int) -> np.ndarray:
    """Pictures that do not compress, so that a share of the bytes is about that share of the pictures."""
    return np.random.default_rng(index).integers(0, 255, (height, width, 3), np.uint8)


def test_bytes_damaged_in_the_middle_cost_some_pictures_only(tmp_path: Path) -> None:
    path = make_video(tmp_path / "bad.ts", count=60, size=(320, 240), picture=noise)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 200 * 188] = bytes(200 * 188)
    path.write_bytes(data)
    source = open_file(path)
    frames = read_all(source)
    assert 30 < len(frames) <= 60
    assert frames[-1].media_ns > 2 * NS_PER_S  # it went on behind the damage
    source.close()


def music(tmp_path: Path) -> Path:
    return make_audio(tmp_path / "song.m4a")


def song_with_cover(tmp_path: Path) -> Path:
    """Music whose only "video" is its cover picture."""
    path = tmp_path / "cover.mp4"
    with av.open(str(path), "w") as container:
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        sound = container.add_stream("aac", rate=48000)
        container.mux(cover.encode(av.VideoFrame.from_ndarray(noise(0, 64, 48), "rgb24")))
        container.mux(cover.encode())
        add_silence(container, sound, 12)
    return path


def empty(tmp_path: Path) -> Path:
    path = tmp_path / "zero.mp4"
    path.touch()
    return path


def text(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("not a video\n" * 50)
    return path


def rubbish(tmp_path: Path) -> Path:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"not a video at all" * 99)
    return path


def headless(tmp_path: Path) -> Path:
    return truncate(make_video(tmp_path / "stopped.mp4", picture=noise), 0.5)


def unknown_codec(tmp_path: Path) -> Path:
    path = make_video(tmp_path / "new.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    return path


def tiny(tmp_path: Path) -> Path:
    return make_video(tmp_path / "tiny.mkv", size=(8, 8), codec="ffv1", pix_fmt="yuv444p")


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda folder: folder / "none.mp4", "There is no file", "spelling"),
        (lambda folder: folder, "is a folder, not a video file", "Name one file"),
        (empty, "is empty (0 bytes)", "make it again"),
        (music, "'song.m4a' has sound but no pictures", "video track"),
        (song_with_cover, "'cover.mp4' has sound but no pictures", "video track"),
        (text, "'notes.txt' is text, not a video", "mp4, mov, mkv"),
        (rubbish, "'x.mp4' is not a video that can be read", "mkv next time"),
        (headless, "its end, where an mp4 keeps its index, is missing", "untrunc"),
        (unknown_codec, "'new.mp4' is in a video format that no decoder here knows", "ffmpeg -i"),
        (tiny, "has pictures of 8x8; each side must be 16 to 8192 px", "ffmpeg -i"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, make: Callable[[Path], Path], message: str, hint: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_file(make(tmp_path))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "a.mp4")

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root, as in containers, may read everything
    with pytest.raises(SourceError, match="may not be read by this user"):
        open_file(path)


def test_a_playlist_cannot_reach_the_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = tmp_path / "list.m3u8"
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.ts"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(SourceError):
            open_file(path)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has knocked
            listener.accept()
