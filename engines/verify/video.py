"""A stranger's video: which of its pictures are decoded, and within which bounds."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import av

from mien.engines.verify.errors import VerifyError
from mien.engines.verify.looks import LOOKED_S, PART_S, Look, MediaInfo
from mien.engines.verify.plain import plain
from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX, Pixels
from mien.realtime.source.container import check_size
from mien.realtime.source.decode import BgrConverter
from mien.realtime.source.pacing import Timeline
from mien.realtime.source.video_pass import VideoPass

#: Pictures from the start of which none is left out; what comes after is sampled, a part at a time.
EVERY_PICTURE = 1800
#: Pictures in all: about two hours, sampled.
MAX_PICTURES = 20_000
#: Parts begin this often at least, seconds, however long a header says that the video is.
_MOST_SPACING_S = 60.0


class Video:
    """A video file: every picture of its first `EVERY_PICTURE`, then parts of `PART_S`. Raises `SourceError`."""

    def __init__(self, path: Path) -> None:
        self._notes: list[str] = []
        self._convert = BgrConverter()
        self._schedule = Schedule(None)
        self._file: BinaryIO = _SteadyFile(path.open("rb", buffering=0))
        try:
            self._pass = VideoPass(path, paced=False, file=self._file, wanted=self._wants)
        except BaseException:
            self._file.close()
            raise
        try:
            self._first = self._begin(path)
        except BaseException:
            self.close()
            raise

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Media`."""
        return tuple(self._notes)

    def looks(self) -> Iterator[Look]:
        """See `Media`."""
        opened = self._pass.opened
        timeline = Timeline(round(NS_PER_S / opened.fps))
        picture: av.VideoFrame | None = self._first
        given = skipped = 0
        while picture is not None and given < MAX_PICTURES:
            time_ns = timeline.place(self._pass.time_ns(picture), self._pass.duration_ns(picture))
            pixels = self._pixels(picture)
            if pixels is None:
                skipped += 1
            else:
                given += 1
                yield Look(pixels, time_ns / NS_PER_S, self._schedule.part(time_ns / NS_PER_S))
            picture = self._pass.next()
        self._tell(skipped, ended=picture is None)

    def close(self) -> None:
        """See `Media`."""
        self._pass.close()
        self._file.close()

    def _begin(self, path: Path) -> av.VideoFrame:
        opened = self._pass.opened
        codec = opened.stream.codec_context
        check_size(path.name, codec.width, codec.height)
        first = self._pass.next()
        if first is None:
            raise VerifyError(
                f"No picture of {path.name!r} could be decoded.", hint="The file is empty, cut off or damaged."
            )
        pixels = self._pixels(first)
        if pixels is None:
            raise VerifyError(f"{path.name!r} has pictures that are too large or too small to look at.")
        duration_s = None if opened.duration_ns is None else max(opened.duration_ns / NS_PER_S, 0.0)
        self._schedule = Schedule(duration_s)
        name = f"{opened.container.format.name} {codec.name}"
        height, width = pixels.shape[:2]
        size, count = path.stat().st_size, opened.stream.frames or None
        self.info = MediaInfo(plain(path.name), "video", name, width, height, size, duration_s, count, opened.fps)
        return first

    def _pixels(self, picture: av.VideoFrame) -> Pixels | None:
        """The picture's pixels; None for one whose size, which may change in the stream, is out of bounds."""
        aspect = self._pass.opened.aspect
        sides = (picture.width * max(aspect, 1.0), picture.height)
        if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in sides):
            return None
        return self._convert(picture, aspect)

    def _wants(self, packet: av.Packet[Any]) -> bool:
        # Decoding time, which only grows: what is left out at a part's end is then nobody's reference.
        stamp = packet.pts if packet.dts is None else packet.dts
        time_s = None
        if stamp is not None and packet.time_base is not None:
            time_s = float(stamp * packet.time_base) - self._pass.start_ns / NS_PER_S
        return self._schedule.wants(time_s, packet.is_keyframe)

    def _tell(self, skipped: int, *, ended: bool) -> None:
        if skipped:
            self._notes.append(f"{skipped} pictures were left out: their size changed to one that is out of bounds.")
        if self._schedule.sampled:
            self._notes.append(
                f"It is long: every picture of the first {EVERY_PICTURE} was looked at, then {PART_S:.0f} s at a time."
            )
        if not ended:
            self._notes.append(f"What comes after {MAX_PICTURES} pictures was not looked at.")
        elif not self._schedule.sampled and (damage := self._pass.damage()):
            self._notes.append(damage)


class _SteadyFile(io.BufferedReader):
    """A file for FFmpeg: a damaged one may send it before the beginning, which is its error and no end of ours."""

    def seek(self, target: int, whence: int = os.SEEK_SET, /) -> int:
        """Where it is now; -1 where it cannot go."""
        try:
            return super().seek(target, whence)
        except (OSError, ValueError):
            return -1


class Schedule:
    """Which packets of a video are decoded, and which pictures belong to a part that is looked at for faces.

    Args:
        duration_s: of the video; None where it is not known.

    """

    def __init__(self, duration_s: float | None) -> None:
        # Parts of `PART_S` that add up to `LOOKED_S`, spread over the clip; between them, others for the mark alone.
        spacing_s = max(PART_S, PART_S * (duration_s or 0.0) / LOOKED_S)
        self._every = math.ceil(spacing_s / _MOST_SPACING_S)
        self._spacing_s = spacing_s / self._every
        self._asked = 0
        self._next_s = self._until_s = 0.0
        self._begun_s: dict[int, float] = {}
        #: Whether a packet was passed over.
        self.sampled = False

    def part(self, time_s: float) -> int | None:
        """The number of the part that a picture at `time_s` belongs to, or None."""
        number = int(time_s // self._spacing_s)
        begun_s = self._begun_s.get(number, number * self._spacing_s)
        return number if time_s < begun_s + PART_S and number % self._every == 0 else None

    def wants(self, time_s: float | None, keyframe: bool) -> bool:
        """Whether to decode the next packet, at `time_s`; a part begins at a key frame."""
        self._asked += 1
        if self._asked <= EVERY_PICTURE:
            return True
        if time_s is not None and keyframe and time_s >= self._next_s:
            number = int(time_s // self._spacing_s)
            self._begun_s[number] = time_s
            self._until_s, self._next_s = time_s + PART_S, (number + 1) * self._spacing_s
        inside = time_s is not None and time_s < self._until_s
        self.sampled = self.sampled or not inside
        return inside
