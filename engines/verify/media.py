"""Opens a stranger's picture or video, or looks at a camera, and gives its pictures with their times.

The file is opened here and handed over open, so that its name is never taken for an address; the decoders see the
formats below and FFmpeg's, with a bound on pixels; and what cannot be decoded is skipped and told in one sentence.
"""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from mien.engines.verify.errors import VerifyError
from mien.engines.verify.looks import PART_S, Look, Media, MediaInfo
from mien.engines.verify.plain import plain
from mien.engines.verify.video import Video
from mien.realtime.clock import NS_PER_S
from mien.realtime.errors import SourceError
from mien.realtime.source.base import Source
from mien.realtime.source.container import check_file, check_size
from mien.realtime.source.image import load_image

#: Pixels of a still; a phone's has 12 to 50 million.
MAX_STILL_PIXELS = 64_000_000
#: What a still begins with, and Pillow's name of it. WebP has its name after the length.
_STILLS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"RIFF": "WEBP"}
#: How much longer than asked for a camera is waited for, seconds.
_GRACE_S = 10.0
#: What Pillow's readers raise for files that are cut off, damaged or made to hurt.
_DAMAGED = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, ZeroDivisionError,
    struct.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


def open_media(path: str | Path) -> Media:
    """Open a PNG, JPEG or WebP, or any video that FFmpeg reads; told apart by what is in the file, not by its name.

    Raises:
        VerifyError: missing, a folder, empty, neither a picture nor a video, too large, or not one picture decodes.

    """
    path = Path(path).expanduser()
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # A pipe would be waited for, and a device has no end.
            raise VerifyError(f"{path.name!r} is a pipe or a device, not a file.", hint="Write it to a file first.")
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
        if isinstance(error, SourceError):
            raise VerifyError(error.message, hint=error.hint) from error
        raise VerifyError(f"{path.name!r} cannot be read: {_line(error)}.") from error


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
        self.info = MediaInfo(plain(path.name), "still", kind, width, height, path.stat().st_size, None, 1, None)

    def looks(self) -> Iterator[Look]:
        """The one picture."""
        yield Look(self._pixels, 0.0, 0)

    def close(self) -> None:
        """Nothing is held open."""


class Live:
    """A camera or a stream, looked at for some seconds. Closes `source`."""

    def __init__(self, source: Source, seconds: float) -> None:
        self._source, self._seconds = source, seconds
        self.notes: tuple[str, ...] = ()
        info = source.info
        self.info = MediaInfo(
            plain(info.name), "live", plain(info.detail), info.width, info.height, None, None, None, info.fps
        )

    def looks(self) -> Iterator[Look]:
        """See `Media`. Raises `VerifyError` for a camera that gives no picture in its time."""
        first_ns: int | None = None
        time_s = 0.0
        # A camera that is lost meanwhile is waited for; not here, and not for ever.
        patience = threading.Timer(self._seconds + _GRACE_S, self._source.close)
        patience.daemon = True
        patience.start()
        try:
            while (frame := self._source.read()) is not None:
                first_ns = frame.media_ns if first_ns is None else first_ns
                if (frame.media_ns - first_ns) / NS_PER_S > self._seconds:
                    return
                time_s = (frame.media_ns - first_ns) / NS_PER_S
                yield Look(frame.pixels, time_s, int(time_s // PART_S))
        finally:
            patience.cancel()
        if first_ns is None:
            raise VerifyError(f"{self.info.name!r} gave no picture.", hint="`mien devices` lists the cameras.")
        self.notes = (f"It gave pictures for {time_s:.1f} s of {self._seconds:.1f} s only.",)

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
