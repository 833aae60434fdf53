"""A recording: H.264 with the source's sound, in a file that a crash leaves playable."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from mien.realtime.clock import NS_PER_S
from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.audio import AudioTrack
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.partfile import RESERVE_BYTES, PartFile, free_bytes, mib
from mien.realtime.sink.timeline import Timeline
from mien.realtime.sink.yuv import to_i420

#: Ticks of the video's time line: the usual one, fine enough for capture times.
_TIME_BASE = Fraction(1, 90_000)
#: A crash loses at most one group of pictures.
_GROUP_S = 2
#: Constant quality: near transparent for a talking head, about 2 to 4 Mbit/s at 720p30.
_QUALITY = "20"
#: x264's: live, the encoder shares the machine with the tracker and the engine; offline, quality may take its time.
_LIVE_PRESET, _OFFLINE_PRESET = "veryfast", "fast"
#: More threads would take cores from the tracker and the engine.
_THREADS = "2"
_CHECK_DISK_EVERY = 30

#: Fragments while it is written, so that what a crash leaves plays; one index and no fragments once it is closed
#: (FFmpeg's movenc, "hybrid_fragmented"), because editors and old players dislike fragments.
_MOV_OPTIONS = {"movflags": "hybrid_fragmented+frag_keyframe+default_base_moof"}
_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
_MOV_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"})
_MKV_SOUND = _MP4_SOUND | {"vorbis", "dts", "pcm_s16le", "pcm_s24le"}
#: Suffix: FFmpeg's format, its options, sound that is copied.
FORMATS: dict[str, tuple[str, dict[str, str], frozenset[str]]] = {
    ".mp4": ("mp4", _MOV_OPTIONS, _MP4_SOUND),
    ".mov": ("mov", _MOV_OPTIONS, _MOV_SOUND),
    ".mkv": ("matroska", {"cluster_time_limit": "1000"}, _MKV_SOUND),
}
#: The tag "comment" of every recording, by which it is known again (`mien sign`).
COMMENT = "Contains AI-generated or AI-modified pictures, made with Mien."


class FileSink:
    """Records to `.mp4`, `.mov` or `.mkv`.

    Written as `name.part.mp4` beside the target and renamed by `close`. Live frames lie where they were captured
    (variable frame rate); offline ones, and all frames with sound, where the source's time line puts them.

    Args:
        path: the file to make.
        overwrite: replace a file that exists; otherwise `open` refuses.
        free: free bytes of a folder's disk.
        finished: told the path of a recording that got its name, on the sink's thread; returns soon and never raises.

    Raises `ConfigError` for a suffix that is none of `FORMATS`.

    """

    wanted = True

    def __init__(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        free: Callable[[Path], int] = free_bytes,
        finished: Callable[[Path], None] | None = None,
    ) -> None:
        self.path = Path(path).expanduser()
        self.name = f"file:{path}"
        self._overwrite = overwrite
        self._free = free
        self._finished = finished
        if self.path.suffix.lower() not in FORMATS:
            raise ConfigError(
                f"{self.name}: a recording cannot be '{self.path.suffix or 'without a suffix'}'.",
                hint=f"End it with {', '.join(FORMATS)}.",
            )
        self._part: PartFile | None = None
        self._writing: _Recording | None = None

    def open(self, stream: StreamFormat) -> None:
        """Create the file; raises `SinkError` if it exists, cannot be made, or the disk is all but full."""
        folder = self.path.parent
        if folder.is_dir() and self._free(folder) < RESERVE_BYTES:
            raise SinkError(f"{self.name}: {self._space()}.", hint="Free some, or choose another disk.")
        self._part = PartFile(self.path, overwrite=self._overwrite)
        self._writing = _Recording(self._part, self.path.suffix.lower(), stream)

    def write(self, frame: MarkedFrame) -> None:
        """Encode and write one frame; raises `SinkError` when the disk is full or the encoder fails."""
        if self._writing is None or self._part is None:
            raise SinkError(f"{self.name} is not open.")
        count, stream = self._writing.frames, self._writing.stream
        height, width = frame.pixels.shape[:2]
        if (width, height) != (stream.width, stream.height):
            raise SinkError(
                f"{self.name}: a recording keeps its size of {stream.width}x{stream.height} px, got {width}x{height}."
            )
        if count and count % _CHECK_DISK_EVERY == 0 and self._free(self.path.parent) < RESERVE_BYTES:
            raise SinkError(
                f"{self.name}: the recording ends here, {self._space()}.",
                hint="What was recorded is complete. Free some space to go on.",
            )
        try:
            self._writing.add(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise self._explain(error) from error

    def close(self) -> None:
        """Finish the file and give it its name; removes a file without a frame. Raises `SinkError` if that fails."""
        part, writing = self._part, self._writing
        self._part = self._writing = None
        if part is None:
            return
        if writing is None or writing.frames == 0:
            if writing is not None:
                writing.abandon(part)
            part.discard()
            return
        try:
            writing.finish(part)
        except (av.error.FFmpegError, OSError) as error:
            part.failure = part.failure or (error if isinstance(error, OSError) else OSError(str(error)))
            writing.abandon(part)
            self._name(part)
            raise self._explain(error) from error
        self._name(part)

    def _name(self, part: PartFile) -> None:
        part.finish()
        if self._finished is not None:
            self._finished(self.path)

    def _space(self) -> str:
        return f"only {mib(self._free(self.path.parent))} are free on the disk of {self.path.parent}"

    def _explain(self, error: Exception) -> SinkError:
        return SinkError(
            f"{self.name}: writing failed ({error.strerror if isinstance(error, OSError) else error}); "
            f"{mib(self._free(self.path.parent))} are free on the disk of {self.path.parent}.",
            hint="What was recorded up to here plays.",
        )


class _Recording:
    """A muxer with its two tracks."""

    def __init__(self, part: PartFile, suffix: str, stream: StreamFormat) -> None:
        container_format, options, copied = FORMATS[suffix]
        self._output = av.open(part, "w", format=container_format, options=options)
        self._output.metadata["comment"] = COMMENT
        self.stream = stream
        self._video = _add_video(self._output, stream)
        self._audio: AudioTrack | None = None
        if stream.audio_path is not None:
            self._audio = AudioTrack(stream.audio_path, self._output, copied=copied)
        self._timeline = Timeline(by_media=not stream.live or (self._audio is not None and self._audio.present))
        self._first_media_ns: int | None = None
        self._media_ns = 0
        self.frames = 0

    def add(self, frame: MarkedFrame) -> None:
        """Encode one frame, and write the sound that lies before it."""
        place_ns = self._timeline.place(frame)
        picture = av.VideoFrame.from_ndarray(to_i420(frame.pixels), format="yuv420p")
        picture.colorspace, picture.color_range = Colorspace.ITU601, ColorRange.MPEG
        picture.pts, picture.time_base = round(place_ns * _TIME_BASE.denominator / NS_PER_S), _TIME_BASE
        self._output.mux(self._video.encode(picture))
        self.frames += 1
        if self._first_media_ns is None:
            self._first_media_ns = frame.media_ns
        self._media_ns = frame.media_ns
        self._advance_audio(frame.media_ns)

    def finish(self, part: PartFile) -> None:
        """Write what the encoders keep and the index; after a failure of the disk, nothing."""
        if part.failure is not None:
            self.abandon(part)
            return
        self._output.mux(self._video.encode(None))
        self._advance_audio(self._media_ns + round(NS_PER_S / self.stream.fps))
        if self._audio is not None:
            self._audio.close(flush=True)
        self._output.close()

    def abandon(self, part: PartFile) -> None:
        """Free the muxer without touching the file any more."""
        part.failure = part.failure or OSError("abandoned")
        if self._audio is not None:
            self._audio.close(flush=False)
        # The muxer remembers the failure that brought us here and raises it once more.
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._output.close()

    def _advance_audio(self, until_ns: int) -> None:
        if self._audio is not None and self._first_media_ns is not None:
            self._audio.advance(self._first_media_ns, until_ns, self._timeline.offset_ns)


def _add_video(output: OutputContainer, stream: StreamFormat) -> VideoStream:
    rate = Fraction(stream.fps).limit_denominator(1001)
    # No B-frames: they begin a fragmented file with a delay that it has no place to take back.
    preset = _LIVE_PRESET if stream.live else _OFFLINE_PRESET
    # A short look-ahead: what it holds back must be finished within a second after Ctrl-C.
    options = {"preset": preset, "crf": _QUALITY, "threads": _THREADS, "bf": "0", "rc-lookahead": "10"}
    video = output.add_stream("libx264", rate=rate, options=options)
    video.width, video.height = stream.width + stream.width % 2, stream.height + stream.height % 2
    video.pix_fmt = "yuv420p"
    video.time_base = _TIME_BASE
    codec = video.codec_context
    codec.time_base = _TIME_BASE
    codec.gop_size = max(round(_GROUP_S * stream.fps), 1)
    # cv2 makes BT.601 planes (see `yuv`); primaries and transfer are those of every camera and screen.
    codec.colorspace, codec.color_range = Colorspace.ITU601, ColorRange.MPEG
    codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return video
