"""One reading of a video file from its start to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error

from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import MAX_SIDE_PX
from mien.realtime.source.container import FILE_PROTOCOLS, NO_PROTOCOLS, Opened, open_container

#: Decoding threads: beyond these a decoder only takes cores from the tracker and the engine.
MAX_THREADS = 4

#: Largest picture, px, that is decoded without frame threads when paced. Frame threads work ahead, so a picture's
#: decoding time would be missing in the latency that is shown; only above full HD are they needed to keep up.
SLICE_PIXELS = 1920 * 1088

#: Pictures that end this much before their stated length were cut off, ns (and more than two pictures' time).
EARLY_NS = NS_PER_S // 5


class VideoPass:
    """Decodes a file's pictures in presentation order. For one thread.

    A packet that cannot be decoded is skipped and counted; an error of the container ends the pass.

    Args:
        path: the file.
        paced: whether its pictures are waited for.
        file: the same, open: then the name is never taken for an address, nothing else is opened, and pictures that
            grow beyond `MAX_SIDE_PX` squared are not decoded. For files of strangers. The caller closes it.
        wanted: asked for each packet of the pictures in turn; one that is not wanted is not decoded.

    Raises:
        SourceError: the file cannot be opened.

    """

    def __init__(
        self,
        path: Path,
        *,
        paced: bool,
        file: BinaryIO | None = None,
        wanted: Callable[[av.Packet[Any]], bool] | None = None,
    ) -> None:
        self.opened: Opened = open_container(
            str(path) if file is None else file,
            shown=path.name,
            options={"protocol_whitelist": FILE_PROTOCOLS if file is None else NO_PROTOCOLS},
        )
        self._shown = path.name
        self._wanted = wanted
        self._damaged = 0
        self._first_ns: int | None = None
        self._end_ns = 0
        self._period_ns = round(NS_PER_S / self.opened.fps)
        start = self.opened.container.start_time
        #: Where the container's time line begins, ns.
        self.start_ns = 0 if start is None else int(start) * 1000
        codec = self.opened.stream.codec_context
        codec.thread_count = min(os.cpu_count() or 1, MAX_THREADS)
        codec.thread_type = "SLICE" if paced and codec.width * codec.height <= SLICE_PIXELS else "AUTO"
        if file is not None:
            codec.options = {"max_pixels": str(MAX_SIDE_PX**2)}
        self._pictures = self._decode()

    def next(self) -> av.VideoFrame | None:
        """The next decoded picture, or None at the end."""
        picture = next(self._pictures, None)
        if picture is not None:
            time_ns = self.time_ns(picture)
            if time_ns is not None:
                self._first_ns = time_ns if self._first_ns is None else self._first_ns
                self._end_ns = max(self._end_ns, time_ns + (self.duration_ns(picture) or self._period_ns))
        return picture

    def time_ns(self, picture: av.VideoFrame) -> int | None:
        """A picture's presentation time from the container's start (so that sound stays in step), ns."""
        if picture.pts is None or picture.time_base is None:
            return None
        return round(picture.pts * picture.time_base * NS_PER_S) - self.start_ns

    def duration_ns(self, picture: av.VideoFrame) -> int:
        """A picture's own duration, ns; 0 where the file does not say."""
        if not picture.duration or picture.time_base is None:
            return 0
        return round(picture.duration * picture.time_base * NS_PER_S)

    @property
    def end_ns(self) -> int:
        """Where the pictures that were read so far end, from the container's start, ns."""
        return self._end_ns

    def damage(self) -> str:
        """At the end of the pass: what was wrong with the file, one sentence, or empty."""
        stated_ns = self.opened.duration_ns
        given_ns = self._end_ns - (self._first_ns or 0)
        allowed_ns = max(EARLY_NS, round(2 * NS_PER_S / self.opened.fps))
        if stated_ns is not None and stated_ns - given_ns > allowed_ns:
            return (
                f"{self._shown!r} is cut off: its pictures end at {given_ns / NS_PER_S:.1f} s "
                f"of {stated_ns / NS_PER_S:.1f} s."
            )
        if self._damaged:
            return f"{self._shown!r} is damaged: {self._damaged} of its packets could not be decoded."
        return ""

    def close(self) -> None:
        """Free the decoder and the file."""
        self.opened.container.close()

    def _decode(self) -> Iterator[av.VideoFrame]:
        packets = self.opened.container.demux(self.opened.stream)
        while True:
            try:
                packet = next(packets, None)
                pictures = [] if packet is None or self._skips(packet) else packet.decode()
            except av.error.InvalidDataError:
                self._damaged += 1
                continue
            except av.error.FFmpegError:
                self._damaged += 1
                return
            if packet is None:
                return
            yield from pictures

    def _skips(self, packet: av.Packet[Any]) -> bool:
        # The empty packet at the end brings what the decoder still holds.
        return self._wanted is not None and packet.size > 0 and not self._wanted(packet)
