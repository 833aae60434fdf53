"""A video file, in real time or as fast as it can be read."""

from __future__ import annotations

import logging
from pathlib import Path

import av

from mien.realtime.clock import NS_PER_S, Clock
from mien.realtime.errors import SourceError
from mien.realtime.frame import Frame
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.container import check_file, check_size
from mien.realtime.source.decode import BgrConverter
from mien.realtime.source.fit import fit
from mien.realtime.source.lease import Lease
from mien.realtime.source.pacing import Pacer, Timeline
from mien.realtime.source.video_pass import VideoPass

_LOG = logging.getLogger(__name__)


class FileSource:
    """A video file as a source.

    Paced, each picture comes when its presentation time is due (a variable frame rate keeps its rhythm), and one
    that is late comes at once: dropping is the mailbox's part. After a stall of more than a second the file goes
    on from where it was. Unpaced, pictures come as fast as they are read. The time that decoding takes lies behind
    a picture's capture time, so it counts as latency; the media time counts from the container's start and grows on
    from loop to loop.

    A damaged or cut-off file gives the pictures it can, then ends; `trouble` then says so in one sentence, which is
    also logged as a warning.

    Raises `SourceError` for a file that is missing, a folder, empty, not a video, without pictures, or in a format
    that cannot be decoded.
    """

    def __init__(self, path: str | Path, *, pace: bool, loop: bool, clock: Clock) -> None:
        self._path = Path(path)
        self._pace = pace
        self._loop = loop
        self._clock = clock
        self._convert = BgrConverter()
        check_file(self._path)
        self._aspect = 1.0
        self._info = self._probe()
        self._timeline = Timeline(round(NS_PER_S / self._info.fps))
        self._pass: VideoPass | None = None
        self._lease = Lease(self._end_pass)
        self._pacer = Pacer(clock, self._lease.stop)
        self._sequence = 0
        self._pass_begun_at = 0
        self._damage = ""

    @property
    def info(self) -> SourceInfo:
        """Size and rate of the pictures as they come out, upright."""
        return self._info

    @property
    def trouble(self) -> str:
        """What was wrong with the file as far as it was read; empty if nothing."""
        return self._damage

    def read(self) -> Frame | None:
        """The next picture; waits for its time if paced. None at the end or after `close`."""
        begun_ns = self._clock.now_ns()
        with self._lease.hold() as usable:
            found = self._next_picture() if usable else None
        if found is None:
            return None
        picture, media_ns = found
        # Only a decoded picture tells for sure when it is due (files with B-frames misstate durations). So it is
        # decoded first, and stamped as if decoding had ended just when it is due: the time that decoding took
        # counts as latency, the wait does not.
        decoding_ns = self._clock.now_ns() - begun_ns
        if self._pace and not self._pacer.wait(media_ns):
            return None
        capture_ns = self._clock.now_ns() - decoding_ns
        pixels = fit(self._convert(picture, self._aspect), self._info.width, self._info.height)
        frame = Frame(pixels, self._sequence, capture_ns, media_ns)
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Wake a waiting `read` and free the file; idempotent."""
        self._lease.close()

    def _next_picture(self) -> tuple[av.VideoFrame, int] | None:
        """Decode one picture and place it on the time line; begins the file again if it loops."""
        while True:
            if self._pass is None:
                self._pass = VideoPass(self._path, paced=self._pace)
                self._pass_begun_at = self._sequence
            picture = self._pass.next()
            if picture is not None:
                time_ns, duration_ns = self._pass.time_ns(picture), self._pass.duration_ns(picture)
                return picture, self._timeline.place(time_ns, duration_ns)
            self._note_damage(self._pass.damage())
            # A pass without one picture (the file was changed meanwhile) would be repeated for ever.
            if not self._loop or self._sequence == self._pass_begun_at:
                return None
            # The same length as the sound's laps have (see `sink.audio`), so that the two stay together.
            self._timeline.next_pass(self._pass.end_ns)
            self._end_pass()

    def _end_pass(self) -> None:
        if self._pass is not None:
            self._pass.close()
            self._pass = None

    def _note_damage(self, damage: str) -> None:
        if damage and not self._damage:
            self._damage = damage
            _LOG.warning("%s The pictures that could be read were given.", damage)

    def _probe(self) -> SourceInfo:
        """Decode one picture: only that shows the upright size, and whether the file can be decoded at all."""
        probe = VideoPass(self._path, paced=self._pace)
        try:
            opened = probe.opened
            codec = opened.stream.codec_context
            check_size(self._path.name, codec.width, codec.height)
            picture = probe.next()
            if picture is None:
                raise SourceError(
                    f"No picture of {self._path.name!r} could be decoded.", hint="The file is damaged: make it again."
                )
            self._aspect = opened.aspect
            height, width = self._convert(picture, self._aspect).shape[:2]
            check_size(self._path.name, width, height)
            count = opened.stream.frames or round((opened.duration_ns or 0) * opened.fps / NS_PER_S)
            return SourceInfo(
                name=self._path.name,
                width=width,
                height=height,
                fps=opened.fps,
                live=self._pace,
                frame_count=None if self._loop or not count else count,
                audio_path=str(self._path) if opened.has_audio else None,
                detail=f"{codec.name} {codec.width}x{codec.height} at {opened.fps:.4g} fps"
                + (", paced" if self._pace else ", as fast as it is read"),
            )
        finally:
            probe.close()
