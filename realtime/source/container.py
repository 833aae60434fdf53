"""Opening a file or address with FFmpeg, and saying in words why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from mien.realtime.clock import NS_PER_S
from mien.realtime.errors import SourceError
from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX

#: Demuxers that turn plain text into "video" (ANSI art); a text file is not a video to anybody else.
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})

#: What a file may pull in: itself. A playlist on disk must not make the program call out to the network.
FILE_PROTOCOLS = "file,crypto,data"
#: For a file that is given open: nothing else, not even a file beside it.
NO_PROTOCOLS = "none"

_ALLOWED = (
    "Expected is a video file (mp4, mov, mkv, webm, avi, ...), a picture, a camera, or an rtsp:// or http:// address."
)
_CONVERT_HINT = "Convert it with: ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4"


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened container and the one video stream that is read from it."""

    container: InputContainer
    stream: VideoStream

    @property
    def fps(self) -> float:
        """Nominal pictures a second; 30 where nothing is known."""
        rate = self.stream.average_rate or self.stream.guessed_rate or self.stream.base_rate
        return float(rate) if rate else 30.0

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track beside the pictures."""
        return len(self.container.streams.audio) > 0

    @property
    def aspect(self) -> float:
        """Width of a stored pixel over its height; 1.0 where nothing sensible is written."""
        ratio = self.stream.sample_aspect_ratio
        value = float(ratio) if ratio else 1.0
        return value if 0.25 <= value <= 4.0 else 1.0

    @property
    def duration_ns(self) -> int | None:
        """How long the pictures say they last, ns, or None where the container does not tell for the pictures."""
        stated = []
        if self.stream.duration is not None and self.stream.time_base is not None:
            stated.append(round(float(self.stream.duration * self.stream.time_base) * NS_PER_S))
        # The container's own duration is that of its longest track; with an edit list it is the shorter one.
        if self.container.duration is not None and (stated or not self.has_audio):
            stated.append(int(self.container.duration) * 1000)
        return min(stated, default=None)


def open_container(
    address: str | BinaryIO,
    *,
    shown: str,
    options: dict[str, str],
    timeout_s: tuple[float, float] | None = None,
) -> Opened:
    """Open `address`, or an open file, and choose its video stream.

    `shown` stands for it in messages; `timeout_s` bounds opening and each read. Raises `SourceError`.
    """
    try:
        container = av.open(address, mode="r", options=options, timeout=timeout_s)
    except av.error.FFmpegError as error:
        # Without its cause, which quotes the address with its password.
        raise _open_error(shown, error) from None
    try:
        return Opened(container, _choose_stream(container, shown))
    except SourceError:
        container.close()
        raise


def check_file(path: Path) -> None:
    """Raise `SourceError` where `path` is missing, a directory, unreadable or empty."""
    if not path.exists():
        raise SourceError(f"There is no file {str(path)!r}.", hint="Check the spelling and the folder.")
    if path.is_dir():
        raise SourceError(f"{str(path)!r} is a folder, not a video file.", hint="Name one file inside it.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except PermissionError as error:
        raise SourceError(
            f"The file {str(path)!r} may not be read by this user.", hint="Change its permissions or copy it."
        ) from error
    if empty:
        raise SourceError(
            f"{str(path)!r} is empty (0 bytes).", hint="The recording or the download failed: make it again."
        )


def check_size(shown: str, width: int, height: int) -> None:
    """Raise `SourceError` for pictures too small or too large to work on."""
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in (width, height)):
        raise SourceError(
            f"{shown!r} has pictures of {width}x{height}; each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX} px.",
            hint="Scale it with: ffmpeg -i IN -vf scale=1280:-2 OUT.mp4",
        )


def _choose_stream(container: InputContainer, shown: str) -> VideoStream:
    if container.format.name in _TEXT_FORMATS:
        raise SourceError(f"{shown!r} is text, not a video.", hint=_ALLOWED)
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        if container.streams.audio:
            raise SourceError(f"{shown!r} has sound but no pictures.", hint="Name a file with a video track.")
        raise SourceError(f"{shown!r} has no video track.", hint=_ALLOWED)
    stream = streams[0]
    # Typed as always there, but None where FFmpeg knows no decoder for the track.
    codec: Any = stream.codec_context
    if codec is None:
        raise SourceError(f"{shown!r} is in a video format that no decoder here knows.", hint=_CONVERT_HINT)
    return stream


def _is_cover(stream: VideoStream) -> bool:
    """Whether a "video" is the cover picture of a piece of music."""
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def _open_error(shown: str, error: av.error.FFmpegError) -> SourceError:
    if isinstance(error, av.error.InvalidDataError):
        return SourceError(
            f"{shown!r} is not a video that can be read, or its end, where an mp4 keeps its index, is missing.",
            hint="If it is a recording that was cut off, take a repair tool (untrunc), and record to mkv next time.",
        )
    reason = "no answer in time" if isinstance(error, av.error.ExitError) else error.strerror or "unknown error"
    return SourceError(f"{shown!r} cannot be opened: {reason}.", hint=_ALLOWED)
