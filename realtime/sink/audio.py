"""The source's sound in a recording: copied where the container takes it, else encoded as AAC; always in step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from mien.realtime.clock import NS_PER_S

log = logging.getLogger(__name__)

#: How far before its end a file is read to find the end of its last picture, seconds (more than a group of pictures).
_TAIL_S = 12
_AAC_RATE = 48_000
_AAC_BITS = 160_000
#: A gap or overlap shorter than this is a rounded time stamp, not a cut, samples.
_SLACK_SAMPLES = 64


class LapReader:
    """Packets of a file's first audio stream with their place on the source's time line, lap after lap.

    A source that loops goes on counting; lap n of the sound therefore begins at n times the length of the file's
    pictures (of all of it if it has none), however long its sound is. Times count from the container's start.
    """

    def __init__(self, path: str) -> None:
        """Open the file; raises `av.error.FFmpegError` or `OSError`. `has_audio` says whether there is any sound."""
        self._path = path
        self._container = _open(path)
        self.has_audio = bool(self._container.streams.audio)
        self._start_ns = (self._container.start_time or 0) * 1000
        self._lap_ns = self._measure_lap_ns()
        self._lap = 0
        self._packets: Iterator[tuple[Packet[AudioStream], int]] = iter(())
        self._next: tuple[Packet[AudioStream], int] | None = None

    @property
    def stream(self) -> AudioStream:
        """The sound that is read, as a template for the copy."""
        return self._container.streams.audio[0]

    def begin(self, media_ns: int) -> None:
        """Start with the packet that is heard at `media_ns` of the source's time line, or the first one after it."""
        self._lap = media_ns // self._lap_ns if self._lap_ns else 0
        self._reopen()
        within_ns = media_ns - self._lap * self._lap_ns
        if within_ns:
            self._container.seek(max(within_ns + self._start_ns - NS_PER_S, 0) // 1000)
        self._packets = self._read()
        while (found := self.peek()) is not None and found[1] + _length_ns(found[0]) <= media_ns:
            self.take()

    def peek(self) -> tuple[Packet[AudioStream], int] | None:
        """The next packet and its media time, ns; None when there are no more."""
        if self._next is None:
            self._next = next(self._packets, None)
        return self._next

    def take(self) -> None:
        """Go on to the packet after the one that `peek` shows."""
        self._next = None

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _read(self) -> Iterator[tuple[Packet[AudioStream], int]]:
        while True:
            found = False
            for packet in self._container.demux(audio=0):
                if packet.pts is None:
                    continue
                within_ns = round(packet.pts * packet.time_base * NS_PER_S) - self._start_ns
                if self._lap_ns and within_ns >= self._lap_ns:
                    break
                found = True
                yield packet, within_ns + self._lap * self._lap_ns
            # A lap without sound (begun behind the sound's end) is followed by one from the start; two would never end.
            if not self._lap_ns or (not found and self._lap_begun_at_start):
                return
            self._lap += 1
            self._reopen()

    def _reopen(self) -> None:
        self._container.close()
        self._container = _open(self._path)
        self._lap_begun_at_start = True

    def _measure_lap_ns(self) -> int:
        if not self._container.streams.video:
            return 0
        video = self._container.streams.video[0]
        period = Fraction(1) / (video.average_rate or Fraction(30))
        if self._container.duration is not None:
            tail = (self._container.start_time or 0) + self._container.duration - _TAIL_S * av.time_base
            if tail > 0:
                self._container.seek(tail)
        ends = [
            (packet.pts * packet.time_base) + (packet.duration * packet.time_base if packet.duration else period)
            for packet in self._container.demux(video)
            if packet.pts is not None
        ]
        return max(round(max(ends) * NS_PER_S) - self._start_ns, 0) if ends else 0


class _Track(Protocol):
    """Puts sound into the recording."""

    def feed(self, packet: Packet[AudioStream], at_ns: int) -> None:
        """Write what is in `packet` at `at_ns` of the recording."""

    def flush(self) -> None:
        """Write what is left."""


class _Copy:
    """Packets as they are, with new times; one that would run backwards or ends before the recording is left out."""

    def __init__(self, template: AudioStream, output: OutputContainer) -> None:
        self._output = output
        self._stream = output.add_stream_from_template(template)
        self._end_ns: int | None = None
        self._last_pts = -1

    def feed(self, packet: Packet[AudioStream], at_ns: int) -> None:
        length_ns = _length_ns(packet)
        # Half a packet of overlap is the seam of a loop; more would be heard twice.
        if at_ns + length_ns <= 0 or (self._end_ns is not None and at_ns < self._end_ns - length_ns // 2):
            return
        self._end_ns = at_ns + length_ns
        base = packet.time_base
        packet.stream = self._stream
        # The first packet may begin before the recording does: it lies at 0 then, and the next one where it belongs.
        # Without it the muxer would stretch the second one to 0.
        self._last_pts = max(round(at_ns / NS_PER_S / base), self._last_pts + 1)
        packet.pts = packet.dts = self._last_pts
        packet.time_base = base
        self._output.mux(packet)

    def flush(self) -> None:
        """Nothing is kept back."""


class _Transcode:
    """Decoded sound, cut and padded with silence to its place, as AAC."""

    def __init__(self, template: AudioStream, output: OutputContainer) -> None:
        self._output = output
        self._channels = 1 if template.codec_context.channels == 1 else 2
        self._layout = "mono" if self._channels == 1 else "stereo"
        self._stream = output.add_stream("aac", rate=_AAC_RATE, layout=self._layout)
        self._stream.bit_rate = _AAC_BITS
        self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=_AAC_RATE)
        self._written = 0

    def feed(self, packet: Packet[AudioStream], at_ns: int) -> None:
        own_ns = round((packet.pts or 0) * packet.time_base * NS_PER_S)
        for frame in packet.decode():
            # A decoder may give a frame late: its own time says where it belongs, the shift takes it to the recording.
            frame_ns = own_ns if frame.time is None else round(frame.time * NS_PER_S)
            start = round((frame_ns + at_ns - own_ns) * _AAC_RATE / NS_PER_S)
            frame.pts = None
            samples = [piece.to_ndarray() for piece in self._resampler.resample(frame)]
            if samples:
                self._place(np.concatenate(samples, axis=1), start)

    def flush(self) -> None:
        self._mux(self._stream.encode(None))

    def _place(self, samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]], start: int) -> None:
        gap = start - self._written
        if gap < -_SLACK_SAMPLES:
            samples = samples[:, -gap:]
        elif gap > _SLACK_SAMPLES:
            # By the second: a pause may have lasted for hours.
            for begun in range(0, gap, _AAC_RATE):
                self._encode(np.zeros((self._channels, min(_AAC_RATE, gap - begun)), np.float32))
        if samples.shape[1]:
            self._encode(samples)

    def _encode(self, samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = _AAC_RATE
        frame.time_base = Fraction(1, _AAC_RATE)
        frame.pts = self._written
        self._written += samples.shape[1]
        self._mux(self._stream.encode(frame))

    def _mux(self, packets: list[Packet[AudioStream]]) -> None:
        # The encoder's run-in, before time 0: a fragmented file could not say that it is to be skipped, and would
        # push all sound back by 21 ms.
        self._output.mux([packet for packet in packets if packet.pts is not None and packet.pts >= 0])


class AudioTrack:
    """Follows the pictures along the source's time line and writes the sound that lies beside them.

    Sound that cannot be read any further is left out with a warning: it never ends the recording.
    """

    def __init__(self, path: str, output: OutputContainer, *, copied: frozenset[str]) -> None:
        """Open `path`; `copied` names the codecs that the container takes as they are.

        `present` is False where the file has no sound or cannot be read.
        """
        self._reader: LapReader | None = None
        self._began = False
        try:
            reader = LapReader(path)
            if reader.has_audio:
                copies = reader.stream.codec_context.codec.canonical_name in copied
                self._track: _Track = (_Copy if copies else _Transcode)(reader.stream, output)
                self._reader = reader
            else:
                reader.close()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            log.warning("the recording gets no sound: %s", error)

    @property
    def present(self) -> bool:
        """Whether there is sound to write, still."""
        return self._reader is not None

    def advance(self, from_ns: int, until_ns: int, offset_ns: int) -> None:
        """Write the sound up to `until_ns` of the source's time line, `offset_ns` later in the recording.

        `from_ns` is where the first picture of the recording lies; used by the first call alone.
        """
        if self._reader is None:
            return
        try:
            if not self._began:
                self._reader.begin(from_ns)
                self._began = True
            while (found := self._reader.peek()) is not None and found[1] < until_ns:
                self._reader.take()
                self._track.feed(found[0], found[1] + offset_ns)
        except av.error.InvalidDataError as error:
            log.warning("the recording's sound ends early: %s", error)
            self._reader.close()
            self._reader = None

    def close(self, *, flush: bool) -> None:
        """Write what is left if `flush`, and close the file that was read."""
        if flush and self._began:
            self._track.flush()
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _length_ns(packet: Packet[AudioStream]) -> int:
    return round((packet.duration or 0) * packet.time_base * NS_PER_S)


def _open(path: str) -> InputContainer:
    return av.open(path, metadata_errors="ignore")
