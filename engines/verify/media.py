"""Opens a stranger's picture or video, or looks at a camera, and gives its pictures with their times.

The file is opened here and handed over open, so that its name is never taken for an address; the decoders see the
formats below and FFmpeg's, with a bound on pixels; and what cannot be decoded is skipped and told in one sentence.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import av
from PIL import Image

from mien.engines.verify.errors import VerifyError
from mien.realtime.clock import NS_PER_S
from mien.realtime.errors import SourceError
from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX, Pixels
from mien.realtime.source.base import Source
from mien.realtime.source.container import check_file, check_size
from mien.realtime.source.decode import BgrConverter
from mien.realtime.source.image import load_image
from mien.realtime.source.pacing import Timeline
from mien.realtime.source.video_pass import VideoPass

#: Length of a part of the clip that is looked at without a gap, and how much is looked at for faces in all.
PART_S, LOOKED_S = 5.0, 60.0
#: Pictures from the start of which none is left out; what comes after is sampled, a part at a time.
EVERY_PICTURE = 1800
#: Pictures in all. A file whose header lies about its length, or has none, ends here.
MAX_PICTURES = 8000
#: Pixels of a still; a phone's has 12 to 50 million.
MAX_STILL_PIXELS = 64_000_000
#: What a still begins with, and Pillow's name of it. WebP has its name after the length.
_STILLS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"RIFF": "WEBP"}
#: What Pillow's readers raise for files that are cut off, damaged or made to hurt.
_DAMAGED = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, ZeroDivisionError,
    struct.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file, or a camera, is.

    Attributes:
        name: without its folder.
        kind: what kind of thing it is.
        format: "PNG", or FFmpeg's name of the container and the codec ("mov,mp4,... h264").
        width: px, upright.
        height: px.
        size_bytes: of the file; None for a camera.
        duration_s: as the file states it; None where it does not, and for stills.
        pictures: how many the file says it has; None where it does not say.
        fps: nominal pictures a second; None for a still.

    """

    name: str
    kind: Literal["still", "video", "live"]
    format: str
    width: int
    height: int
    size_bytes: int | None
    duration_s: float | None
    pictures: int | None
    fps: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, upright.
        time_s: from the start; grows strictly.
        part: number of the part of the clip that is looked at for faces; None between two parts.

    """

    pixels: Pixels
    time_s: float
    part: int | None


class Media(Protocol):
    """Something to look at, once."""

    @property
    def info(self) -> MediaInfo:
        """What it is."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was wrong with it, or left out, as far as it was read; sentences for people."""

    def looks(self) -> Iterator[Look]:
        """Its pictures, in order. A damaged file gives those it can."""

    def close(self) -> None:
        """Release it; idempotent."""


def open_media(path: str | Path) -> Media:
    """Open a PNG, JPEG or WebP, or any video that FFmpeg reads; told apart by what is in the file, not by its name.

    Raises:
        VerifyError: missing, a folder, empty, neither a picture nor a video, too large, or not one picture decodes.

    """
    path = Path(path).expanduser()
    try:
        check_file(path)
        with path.open("rb") as file:
            head = file.read(16)
        still = next((name for magic, name in _STILLS.items() if head.startswith(magic)), "")
        if still and (still != "WEBP" or head[8:12] == b"WEBP"):
            return Still(path, still)
        return Video(path)
    except (SourceError, OSError, ValueError) as error:
        # ValueError: a name with a zero byte in it.
        if isinstance(error, VerifyError):
            raise
        message, hint = (error.message, error.hint) if isinstance(error, SourceError) else (str(error), "")
        raise VerifyError(message, hint=hint) from error


class Still:
    """A picture. `kind` is Pillow's name of its format. Raises `VerifyError`."""

    def __init__(self, path: Path, kind: str) -> None:
        self.notes: tuple[str, ...] = ()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path, formats=(kind,)) as header:
                    _check_pixels(path.name, *header.size)
                    if getattr(header, "is_animated", False):
                        self.notes = ("It is animated; only its first picture was looked at.",)
                self._pixels = load_image(path)
        except VerifyError:
            raise
        except _DAMAGED as error:
            raise VerifyError(
                f"{path.name!r} begins as a {kind} picture and cannot be decoded: {_line(error)}.",
                hint="The file is cut off or damaged: get it again.",
            ) from error
        height, width = self._pixels.shape[:2]
        self.info = MediaInfo(path.name, "still", kind, width, height, path.stat().st_size, None, 1, None)

    def looks(self) -> Iterator[Look]:
        """The one picture."""
        yield Look(self._pixels, 0.0, 0)

    def close(self) -> None:
        """Nothing is held open."""


class Video:
    """A video file: every picture of its first `EVERY_PICTURE`, then parts of `PART_S`. Raises `SourceError`."""

    def __init__(self, path: Path) -> None:
        self._notes: list[str] = []
        self._convert = BgrConverter()
        self._schedule = Schedule(None)
        self._file: BinaryIO = path.open("rb")
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
        self.info = MediaInfo(path.name, "video", name, width, height, size, duration_s, count, opened.fps)
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
        time_s = None if stamp is None or packet.time_base is None else float(stamp * packet.time_base)
        return self._schedule.wants(time_s, packet.is_keyframe)

    def _tell(self, skipped: int, *, ended: bool) -> None:
        if skipped:
            self._notes.append(f"{skipped} pictures were left out: their size changed to one that is out of bounds.")
        if self._schedule.sampled:
            self._notes.append(
                f"It is long: every picture of the first {EVERY_PICTURE} was looked at, then {PART_S:.0f} s at a time."
            )
        elif not ended:
            self._notes.append(f"Only the first {MAX_PICTURES} pictures were looked at.")
        elif damage := self._pass.damage():
            self._notes.append(damage)


class Schedule:
    """Which packets of a video are decoded, and which pictures belong to a part that is looked at for faces.

    Args:
        duration_s: of the video; None where it is not known.

    """

    def __init__(self, duration_s: float | None) -> None:
        # Parts of `PART_S` that add up to `LOOKED_S`, spread over the clip.
        self._spacing_s = max(PART_S, PART_S * (duration_s or 0.0) / LOOKED_S)
        self._asked = 0
        self._next_s = self._until_s = 0.0
        #: Whether a packet was passed over.
        self.sampled = False

    def part(self, time_s: float) -> int | None:
        """The number of the part that a picture at `time_s` belongs to, or None."""
        number, offset_s = divmod(time_s, self._spacing_s)
        return int(number) if offset_s < PART_S else None

    def wants(self, time_s: float | None, keyframe: bool) -> bool:
        """Whether to decode the next packet, at `time_s`; a part begins at a key frame."""
        self._asked += 1
        if self._asked <= EVERY_PICTURE:
            return True
        if time_s is not None and keyframe and time_s >= self._next_s:
            self._until_s, self._next_s = time_s + PART_S, time_s + self._spacing_s
        inside = time_s is not None and time_s < self._until_s
        self.sampled = self.sampled or not inside
        return inside


class Live:
    """A camera or a stream, looked at for some seconds. Closes `source`."""

    notes: tuple[str, ...] = ()

    def __init__(self, source: Source, seconds: float) -> None:
        self._source, self._seconds = source, seconds
        info = source.info
        self.info = MediaInfo(info.name, "live", info.detail, info.width, info.height, None, None, None, info.fps)

    def looks(self) -> Iterator[Look]:
        """See `Media`."""
        first_ns: int | None = None
        while (frame := self._source.read()) is not None:
            first_ns = frame.media_ns if first_ns is None else first_ns
            time_s = (frame.media_ns - first_ns) / NS_PER_S
            if time_s > self._seconds:
                return
            yield Look(frame.pixels, time_s, int(time_s // PART_S))

    def close(self) -> None:
        """See `Media`."""
        self._source.close()


def _check_pixels(name: str, width: int, height: int) -> None:
    try:
        check_size(name, width, height)
    except SourceError as error:
        raise VerifyError(error.message) from error
    if width * height > MAX_STILL_PIXELS:
        raise VerifyError(
            f"{name!r} has {width}x{height} px; at most {MAX_STILL_PIXELS // 10**6} million are decoded.",
            hint="Look at a smaller copy; the mark is found in those too.",
        )


def _line(error: BaseException) -> str:
    """The first line of what a decoder says, bounded: it may quote the file."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
