from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from sink_frames import MS, Frames

from mien.realtime.clock import MonotonicClock
from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.frame import Pixels
from mien.realtime.sink import partfile
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.file import FileSink
from mien.realtime.sink.runner import SinkRunner

LIVE = StreamFormat(64, 48, 30.0)
OFFLINE = StreamFormat(64, 48, 30.0, live=False)
#: CRF 20 of flat colours, 8-bit YUV of a limited range and back: two levels of rounding and one of the encoder.
COLOUR_TOLERANCE = 4


def record(path: Path, count: int = 30, stream: StreamFormat = OFFLINE, *, overwrite: bool = False) -> None:
    sink, frames = FileSink(path, overwrite=overwrite), Frames(stream.width, stream.height)
    sink.open(stream)
    for _ in range(count):
        sink.write(frames())
    sink.close()


def decode(path: Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        return [picture.to_ndarray(format="bgr24") for picture in container.decode(video=0)]


def times_ms(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [round(picture.time * 1000) for picture in container.decode(video=0)]


def boxes(path: Path) -> list[bytes]:
    """The names of an MP4's outer boxes."""
    data, at, names = path.read_bytes(), 0, []
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        names.append(data[at + 4 : at + 8])
        at += max(length, 8)
    return names


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".MP4"])
def test_every_frame_offline_comes_back_in_order_and_in_time(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    record(path, 40)
    pictures = decode(path)
    levels = [int(picture[40, 10, 0]) for picture in pictures]
    assert levels == pytest.approx([16 + n * 5 % 224 for n in range(40)], abs=COLOUR_TOLERANCE)
    assert times_ms(path) == pytest.approx([round(n * 1000 / 30) for n in range(40)], abs=1)
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_finished_mp4_has_one_index_and_no_fragments(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    record(path, 200)
    assert b"moov" in boxes(path)
    assert b"moof" not in boxes(path)


def test_live_frames_lie_where_they_were_captured(tmp_path: Path) -> None:
    path, frames = tmp_path / "out.mp4", Frames()
    sink = FileSink(path)
    sink.open(LIVE)
    captures = [700, 733, 900, 933, 1400]
    for at in captures:
        sink.write(frames(capture_ns=at * MS, media_ns=0))
    sink.write(frames.hold(capture_ns=1500 * MS))
    sink.close()
    assert times_ms(path) == [0, 33, 200, 233, 700, 800]


def test_colours_survive_and_are_tagged_for_what_they_are(tmp_path: Path) -> None:
    colours = [(40, 40, 200), (60, 180, 60), (200, 60, 40), (120, 150, 205), (235, 235, 235), (20, 20, 20)]
    picture = np.zeros((240, 320, 3), np.uint8)
    for column, colour in enumerate(colours):
        picture[120:, column * 50 : column * 50 + 50] = colour
    path, frames = tmp_path / "out.mp4", Frames(320, 240)
    sink = FileSink(path)
    sink.open(StreamFormat(320, 240, 30.0, live=False))
    for _ in range(10):
        sink.write(frames(picture))
    sink.close()
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))[-1]
        # Matrix 5 and 6 are the same numbers; a player that reads none guesses BT.709 for HD and shifts the skin.
        assert decoded.colorspace in (Colorspace.ITU601, 6)
        assert decoded.color_range == ColorRange.MPEG
        assert (decoded.color_primaries, decoded.color_trc) == (1, 1)
        back = decoded.to_ndarray(format="bgr24")
    for column, colour in enumerate(colours):
        middle = back[140:220, column * 50 + 10 : column * 50 + 40].reshape(-1, 3).mean(axis=0)
        np.testing.assert_allclose(middle, colour, atol=COLOUR_TOLERANCE)


def test_odd_sides_are_padded_with_the_edge(tmp_path: Path) -> None:
    path, frames = tmp_path / "out.mp4", Frames(65, 49)
    picture = np.full((49, 65, 3), 90, np.uint8)
    sink = FileSink(path)
    sink.open(StreamFormat(65, 49, 30.0, live=False))
    for _ in range(5):
        sink.write(frames(picture))
    sink.close()
    back = decode(path)[-1]
    assert back.shape == (50, 66, 3)
    assert int(back[49, 10, 1]) == pytest.approx(90, abs=COLOUR_TOLERANCE)
    assert int(back[45, 65, 1]) == pytest.approx(90, abs=COLOUR_TOLERANCE)


def test_a_file_that_exists_is_not_overwritten_unless_allowed(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"mine")
    with pytest.raises(SinkError, match=r"out\.mp4 exists already.*--overwrite"):
        record(path)
    assert path.read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 1
    record(path, 5, overwrite=True)
    assert len(decode(path)) == 5


def test_a_file_that_appears_meanwhile_is_kept_and_so_is_the_recording(tmp_path: Path) -> None:
    path, frames = tmp_path / "out.mp4", Frames()
    sink = FileSink(path)
    sink.open(OFFLINE)
    sink.write(frames())
    path.write_bytes(b"mine")
    with pytest.raises(SinkError, match=r"could not be named out\.mp4.*out\.part\.mp4"):
        sink.close()
    assert path.read_bytes() == b"mine"
    assert len(decode(tmp_path / "out.part.mp4")) == 1


def test_what_a_killed_run_left_is_kept(tmp_path: Path) -> None:
    left = tmp_path / "out.part.mp4"
    left.write_bytes(b"an hour of work")
    record(tmp_path / "out.mp4", 3)
    assert left.read_bytes() == b"an hour of work"
    assert sorted(child.name for child in tmp_path.iterdir()) == ["out.mp4", "out.part.mp4"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere/out.mp4", r"folder .*nowhere does not exist.*mkdir -p"), (".", "cannot be 'without a suffix'")],
)
def test_a_path_that_cannot_be_is_named(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises((SinkError, ConfigError), match=message):
        FileSink(tmp_path / path).open(OFFLINE)


def test_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(SinkError, match=r"folder\.mp4 is a folder"):
        FileSink(tmp_path / "folder.mp4").open(OFFLINE)


def test_a_suffix_that_is_no_video_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot be '\.avi'.*\.mp4, \.mov, \.mkv"):
        FileSink("out.avi")


def test_nothing_written_leaves_nothing(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "out.mp4")
    sink.open(LIVE)
    sink.close()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "out.mp4")
    sink.open(LIVE)
    with pytest.raises(SinkError, match="keeps its size of 64x48 px, got 32x32"):
        sink.write(Frames(32, 32)())
    sink.close()


def test_a_disk_that_runs_full_ends_the_recording_while_its_index_still_fits(tmp_path: Path) -> None:
    free = [100 * 1024 * 1024]
    path, frames = tmp_path / "out.mp4", Frames()
    sink = FileSink(path, free=lambda _: free[0])
    sink.open(OFFLINE)
    for _ in range(31):
        sink.write(frames())
    free[0] = 3 * 1024 * 1024
    with pytest.raises(SinkError, match="the recording ends here, only 3 MiB are free"):
        write_many(sink, frames, 60)
    sink.close()
    assert len(decode(path)) >= 31
    assert b"moof" not in boxes(path)


def write_many(sink: FileSink, frames: Frames, count: int) -> None:
    for _ in range(count):
        sink.write(frames())


def test_a_full_disk_is_refused_at_the_start(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "out.mp4", free=lambda _: 1024)
    with pytest.raises(SinkError, match="only 0 MiB are free on the disk of"):
        sink.open(LIVE)
    assert list(tmp_path.iterdir()) == []


class SmallDisk:
    """A device that takes so many bytes: what FileIO.write does on a disk that another program fills."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capacity: int) -> None:
        real = partfile.io.FileIO

        class Limited(real):  # type: ignore[misc, valid-type]
            def write(self, data: memoryview) -> int:
                if self.tell() + len(data) > capacity:
                    room = max(capacity - self.tell(), 0)
                    if room:
                        return int(super().write(data[:room]))
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return int(super().write(data))

        monkeypatch.setattr(partfile.io, "FileIO", Limited)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_was_written_before_the_disk_failed_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    SmallDisk(monkeypatch, 1_500_000)
    path, frames = tmp_path / f"out{suffix}", Frames(320, 240)
    noise = np.random.default_rng(1)
    sink = FileSink(path)
    sink.open(StreamFormat(320, 240, 30.0, live=False))

    def fill() -> None:
        for _ in range(600):
            sink.write(frames(cv2.resize(noise.integers(0, 255, (60, 80, 3), np.uint8), (320, 240))))

    with pytest.raises(SinkError, match=r"writing failed \(No space left on device\); [\d,]+ MiB are free"):
        fill()
    sink.close()
    assert path.stat().st_size <= 1_500_000
    with av.open(str(path)) as container:
        count = 0
        try:
            for _ in container.decode(video=0):
                count += 1
        except av.error.InvalidDataError:
            pass
    # Whole groups of two seconds survive; each is about half a megabyte here.
    assert count >= 60


def test_a_disk_that_fails_while_the_file_is_finished_is_told_and_the_file_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "whole.mp4", 130)
    SmallDisk(monkeypatch, (tmp_path / "whole.mp4").stat().st_size - 200)
    path, frames = tmp_path / "out.mp4", Frames()
    sink = FileSink(path)
    sink.open(OFFLINE)
    write_many(sink, frames, 130)
    with pytest.raises(SinkError, match="writing failed"):
        sink.close()
    assert len(decode(path)) >= 60


def test_killed_while_it_writes_leaves_a_file_that_plays(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time
        sys.path.insert(0, sys.argv[2])
        from mien.realtime.sink.base import StreamFormat
        from mien.realtime.sink.file import FileSink
        from sink_frames import Frames
        sink, frames = FileSink(sys.argv[1]), Frames(320, 240)
        sink.open(StreamFormat(320, 240, 30.0))
        for _ in range(290):
            sink.write(frames())
        sys.stdout.write("written")
        sys.stdout.flush()
        time.sleep(60)
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out.mp4"), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(7) == b"written"
        child.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    assert len(decode(tmp_path / "out.part.mp4")) >= 180


def test_closing_a_live_recording_is_quick_enough_for_ctrl_c(tmp_path: Path) -> None:
    stream = StreamFormat(1280, 720, 30.0)
    sink, frames = FileSink(tmp_path / "out.mp4"), Frames(1280, 720)
    runner = SinkRunner(sink, stream, MonotonicClock())
    runner.start()
    # Offered one by one and all taken, since each is written before the next one comes.
    for number in range(60):
        runner.offer(frames())
        deadline = time.monotonic() + 10
        while runner.stats.written <= number and time.monotonic() < deadline:
            time.sleep(0.001)
    assert runner.close()
    assert runner.stats.state == "closed"
    assert len(decode(tmp_path / "out.mp4")) == 60


def test_the_recording_says_what_it_is_and_nothing_of_its_maker(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    record(path, 3)
    with av.open(str(path)) as container:
        assert "AI-modified" in container.metadata["comment"]
        assert container.streams.video[0].average_rate == Fraction(30)
    assert str(tmp_path).encode() not in path.read_bytes()
