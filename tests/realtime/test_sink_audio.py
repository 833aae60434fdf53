"""Sound stays beside its picture: clicks in the source's sound lie where the flashes of its pictures lie."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sink_frames import MS, Frames

from mien.realtime.sink.audio import LapReader
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.file import FileSink

FPS = 30
RATE = 48_000
#: A click each half second, 250 ms after the start.
CLICKS_MS = (250, 750, 1250, 1750)
LAP_MS = 2000
#: A packet of AAC is 21 ms; the click's rise is found to a few ms.
SYNC_TOLERANCE_MS = 12


def make_source(path: Path, codec: str, *, audio_ms: int = LAP_MS, audio: bool = True, video: bool = True) -> Path:
    """Two seconds of pictures with clicks in the sound at `CLICKS_MS`."""
    with av.open(str(path), "w") as output:
        pictures = output.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "bf": "0"}) if video else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream(codec, rate=RATE, layout="mono") if audio else None
        for number in range(LAP_MS * FPS // 1000 if pictures is not None else 0):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(pictures.encode(frame))
        if sound is not None:
            samples = np.zeros((1, audio_ms * RATE // 1000), np.float32)
            time = np.arange(480) / RATE
            for at in CLICKS_MS:
                begin = at * RATE // 1000
                if begin + 480 <= samples.shape[1]:
                    samples[0, begin : begin + 480] = 0.9 * np.sin(2 * np.pi * 1000 * time)
            for begin in range(0, samples.shape[1], 1024):
                frame = av.AudioFrame.from_ndarray(samples[:, begin : begin + 1024].copy(), "fltp", "mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
        if pictures is not None:
            output.mux(pictures.encode(None))
    return path


def clicks_ms(path: Path) -> list[int]:
    """Where the clicks begin in a file's sound, ms."""
    found: list[int] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        for frame in container.decode(audio=0):
            start_ms = frame.time * 1000
            samples = np.concatenate([piece.to_ndarray()[0] for piece in resampler.resample(frame)] or [np.zeros(0)])
            for index in np.flatnonzero(np.abs(samples) > 0.3):
                at = round(start_ms + index * 1000 / RATE)
                if not found or at - found[-1] > 100:
                    found.append(at)
    return found


def codec_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.codec.canonical_name


def record(
    path: Path, source: Path, media_ms: list[float], *, live: bool = False, captures: list[int] | None = None
) -> None:
    sink, frames = FileSink(path), Frames()
    sink.open(StreamFormat(64, 48, FPS, audio_path=str(source), live=live))
    for index, at in enumerate(media_ms):
        capture = None if captures is None else captures[index] * MS
        sink.write(frames(media_ns=round(at * MS), capture_ns=capture))
    sink.close()


def steps(begin_ms: float, end_ms: float) -> list[float]:
    return [begin_ms + number * 1000 / FPS for number in range(round((end_ms - begin_ms) * FPS / 1000))]


def assert_clicks(path: Path, expected: list[float]) -> None:
    assert clicks_ms(path) == pytest.approx(expected, abs=SYNC_TOLERANCE_MS)


@pytest.mark.parametrize(
    ("source", "codec", "target", "kept"),
    [
        ("in.mp4", "aac", "out.mp4", "aac"),
        ("in.mkv", "libopus", "out.mkv", "opus"),
        ("in.mkv", "libopus", "out.mp4", "opus"),
        ("in.mkv", "mp2", "out.mp4", "aac"),
        ("in.mkv", "ac3", "out.mp4", "ac3"),
        ("in.mkv", "mp2", "out.mkv", "aac"),
        ("in.mkv", "pcm_s16le", "out.mp4", "aac"),
        ("in.mkv", "pcm_s16le", "out.mov", "pcm_s16le"),
        ("in.mkv", "flac", "out.mkv", "flac"),
    ],
)
def test_sound_is_copied_where_the_container_takes_it_and_in_step(
    tmp_path: Path, source: str, codec: str, target: str, kept: str
) -> None:
    made = make_source(tmp_path / source, codec)
    record(tmp_path / target, made, steps(0, LAP_MS))
    assert codec_of(tmp_path / target) == kept
    assert_clicks(tmp_path / target, list(CLICKS_MS))


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("pcm_s16le", ".mkv")])
class TestInStep:
    """Each way once copied and once encoded."""

    def test_when_the_recording_starts_late(self, tmp_path: Path, codec: str, suffix: str) -> None:
        source = make_source(tmp_path / f"in{suffix}", codec)
        record(tmp_path / "out.mp4", source, steps(1000, LAP_MS))
        assert_clicks(tmp_path / "out.mp4", [250, 750])

    def test_when_the_source_loops(self, tmp_path: Path, codec: str, suffix: str) -> None:
        source = make_source(tmp_path / f"in{suffix}", codec)
        # Enough laps that a quarter of a packet lost or gained at each seam would show.
        record(tmp_path / "out.mp4", source, steps(0, 8 * LAP_MS))
        assert_clicks(tmp_path / "out.mp4", [lap * LAP_MS + at for lap in range(8) for at in CLICKS_MS])

    def test_when_the_sound_is_longer_or_shorter_than_the_pictures(
        self, tmp_path: Path, codec: str, suffix: str
    ) -> None:
        for audio_ms, heard in ((2700, CLICKS_MS), (1400, CLICKS_MS[:3])):
            source = make_source(tmp_path / f"in{audio_ms}{suffix}", codec, audio_ms=audio_ms)
            record(tmp_path / f"out{audio_ms}.mp4", source, steps(0, 8 * LAP_MS))
            expected = [lap * LAP_MS + at for lap in range(8) for at in heard]
            assert_clicks(tmp_path / f"out{audio_ms}.mp4", expected)

    def test_when_it_starts_in_a_later_lap_behind_the_sounds_end(self, tmp_path: Path, codec: str, suffix: str) -> None:
        source = make_source(tmp_path / f"in{suffix}", codec, audio_ms=1400)
        record(tmp_path / "out.mp4", source, steps(LAP_MS + 1600, 3 * LAP_MS))
        assert_clicks(tmp_path / "out.mp4", [400 + at for at in CLICKS_MS[:3]])

    def test_when_live_frames_were_lost_and_the_source_paused(self, tmp_path: Path, codec: str, suffix: str) -> None:
        source = make_source(tmp_path / f"in{suffix}", codec)
        before, after = steps(0, 500)[::3], steps(500, LAP_MS)[::2]
        # Stand-ins for one second while the source is away repeat its last media time.
        media = [*before, *[before[-1]] * 5, *after]
        captures = [*before, *[before[-1] + 200 * step for step in range(1, 6)], *[1000 + at for at in after]]
        record(tmp_path / "out.mp4", source, media, live=True, captures=[5000 + round(at) for at in captures])
        assert_clicks(tmp_path / "out.mp4", [250, 1750, 2250, 2750])

    def test_sound_ends_with_the_last_picture(self, tmp_path: Path, codec: str, suffix: str) -> None:
        source = make_source(tmp_path / f"in{suffix}", codec)
        record(tmp_path / "out.mp4", source, steps(0, 1000))
        with av.open(str(tmp_path / "out.mp4")) as container:
            ends = [float(frame.time) + frame.samples / RATE for frame in container.decode(audio=0)]
        assert 0.97 <= ends[-1] <= 1.05


def test_a_source_without_sound_makes_a_recording_without_sound(tmp_path: Path) -> None:
    source = make_source(tmp_path / "in.mp4", "aac", audio=False)
    record(tmp_path / "out.mp4", source, steps(0, 500))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("content", [None, b"", b"no media at all" * 100])
def test_sound_that_cannot_be_read_never_costs_the_recording(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is not None:
        (tmp_path / "in.mp4").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        record(tmp_path / "out.mp4", tmp_path / "in.mp4", steps(0, 500))
    assert "the recording gets no sound" in caplog.text
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 15


def test_damaged_sound_is_left_out_and_the_pictures_go_on(tmp_path: Path) -> None:
    source = make_source(tmp_path / "in.mkv", "pcm_s16le")
    data = bytearray(source.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    source.write_bytes(bytes(data))
    record(tmp_path / "out.mp4", source, steps(0, LAP_MS))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def test_sound_alone_does_not_loop(tmp_path: Path) -> None:
    source = make_source(tmp_path / "in.mp4", "aac", video=False)
    reader = LapReader(str(source))
    reader.begin(0)
    last = 0
    while (found := reader.peek()) is not None:
        last = found[1]
        reader.take()
    reader.close()
    assert last < LAP_MS * MS


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("libopus", ".mkv")])
def test_a_lap_is_as_long_as_the_pictures(tmp_path: Path, codec: str, suffix: str) -> None:
    source = make_source(tmp_path / f"in{suffix}", codec, audio_ms=2700)
    reader = LapReader(str(source))
    reader.begin(LAP_MS * MS)
    first = reader.peek()
    reader.close()
    assert first is not None
    assert (LAP_MS - 25) * MS <= first[1] <= (LAP_MS + 25) * MS


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("pcm_s16le", ".mkv")])
def test_sound_begins_with_the_first_picture_without_a_hole(tmp_path: Path, codec: str, suffix: str) -> None:
    source = make_source(tmp_path / f"in{suffix}", codec)
    record(tmp_path / "out.mp4", source, steps(1010, LAP_MS))
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = [(round(frame.time * RATE), frame.samples) for frame in container.decode(audio=0)]
    assert frames[0][0] == 0
    # The second frame begins where the first one ends, or before, where that began ahead of the pictures.
    assert frames[1][0] <= frames[0][1]
    assert_clicks(tmp_path / "out.mp4", [240, 740])
