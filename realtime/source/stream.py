"""A network stream: rtsp:// or http(s)://."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import av
import av.error

from mien.realtime.clock import NS_PER_S, Clock
from mien.realtime.errors import SourceError, SourceLostError
from mien.realtime.frame import Frame
from mien.realtime.source.base import SourceInfo
from mien.realtime.source.container import check_size, open_container
from mien.realtime.source.decode import BgrConverter
from mien.realtime.source.fit import fit
from mien.realtime.source.lease import Lease
from mien.realtime.source.pacing import Pacer, Timeline

#: Seconds that connecting and that one read may take. A read that takes longer raises `SourceLostError`.
OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 5.0

#: What an address may lead to: the network, not this machine's files.
_PROTOCOLS = "http,https,tls,tcp,udp,rtp,rtsp,crypto,data,httpproxy"

#: Packets in a row that may fail to decode (a stream joined between key frames) before it counts as lost.
_MAX_BAD_PACKETS = 300

#: `rtsp_transport=tcp` is added for RTSP: over UDP a lost packet smears the face until the next key frame. A short
#: analysis starts soon. Not `fflags=nobuffer`: it throws the first key frame away, so nothing is seen until the
#: next one, and what was queued while analysing is drained at once anyway.
_LOW_LATENCY = {
    "flags": "low_delay",
    "analyzeduration": "1000000",
    "probesize": "500000",
    "protocol_whitelist": _PROTOCOLS,
}


class StreamSource:
    """A network stream as a source.

    A stream without an end is live: frames come as they arrive, and its end or silence raises `SourceLostError`. A
    video of known length behind http(s) is paced by its presentation times, and ends with None.

    Raises `SourceError` where nothing that can be shown is found at the address. User name and password in an
    address are used, and never shown.
    """

    def __init__(
        self,
        address: str,
        *,
        clock: Clock,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._shown = without_password(address)
        self._clock = clock
        self._convert = BgrConverter()
        options = dict(_LOW_LATENCY)
        if urlsplit(address).scheme.lower() in ("rtsp", "rtsps"):
            options["rtsp_transport"] = "tcp"
        self._opened = open_container(
            address, shown=self._shown, options=options, timeout_s=(open_timeout_s, read_timeout_s)
        )
        try:
            self._finite = bool(self._opened.container.duration)
            self._info = self._describe()
        except SourceError:
            self._opened.container.close()
            raise
        self._pictures = self._decode()
        self._lease = Lease(self._opened.container.close)
        self._pacer = Pacer(clock, self._lease.stop)
        self._timeline = Timeline(round(NS_PER_S / self._info.fps))
        self._sequence = 0
        self._origin_ns: int | None = None

    @property
    def info(self) -> SourceInfo:
        """Size and rate as the stream states them."""
        return self._info

    @property
    def trouble(self) -> str:
        """Nothing: what goes wrong is raised."""
        return ""

    def read(self) -> Frame | None:
        """The next frame; None after `close` or at the end of a video. Raises `SourceLostError`."""
        begun_ns = self._clock.now_ns()
        with self._lease.hold() as usable:
            found = next(self._pictures, None) if usable else None
        if found is None:
            return None
        capture_ns, picture = found
        media_ns = self._media_ns(capture_ns, picture)
        if self._finite:
            decoding_ns = self._clock.now_ns() - begun_ns
            if not self._pacer.wait(media_ns):
                return None
            capture_ns = self._clock.now_ns() - decoding_ns
        pixels = fit(self._convert(picture, self._opened.aspect), self._info.width, self._info.height)
        frame = Frame(pixels, self._sequence, capture_ns, media_ns)
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Disconnect; a blocked `read` gives up at its timeout at the latest. Idempotent."""
        self._lease.close()

    def _media_ns(self, capture_ns: int, picture: av.VideoFrame) -> int:
        # A live stream's own times jump when its sender restarts or has no clock; arrival is what counts there.
        if self._finite:
            time_s = picture.time
            return self._timeline.place(None if time_s is None else round(time_s * NS_PER_S))
        if self._origin_ns is None:
            self._origin_ns = capture_ns
        return self._timeline.place(capture_ns - self._origin_ns)

    def _decode(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Give (time of arrival, picture): stamped when a packet is here, before it is decoded."""
        packets = self._opened.container.demux(self._opened.stream)
        bad = 0
        while True:
            try:
                packet = next(packets, None)
                arrived_ns = self._clock.now_ns()
                pictures = [] if packet is None else packet.decode()
            except av.error.InvalidDataError:
                bad += 1
                if bad > _MAX_BAD_PACKETS:
                    raise self._lost("sends nothing that can be decoded") from None
                continue
            except av.error.ExitError:  # PyAV's word for a timeout
                raise self._lost("fell silent") from None
            except av.error.FFmpegError as error:
                # Without its cause, which quotes the address with its password.
                raise self._lost(f"broke off ({error.strerror or 'unknown error'})") from None
            if packet is None:
                if self._finite:
                    return
                raise self._lost("ended")
            bad = 0
            yield from ((arrived_ns, picture) for picture in pictures)

    def _lost(self, what: str) -> SourceLostError:
        return SourceLostError(f"The stream {self._shown!r} {what}.", hint="It is connected again when it is back.")

    def _describe(self) -> SourceInfo:
        codec = self._opened.stream.codec_context
        codec.thread_type = "SLICE"  # frame threads would hold pictures back
        codec.thread_count = min(os.cpu_count() or 1, 2)
        width, height = round(codec.width * self._opened.aspect), codec.height
        check_size(self._shown, width, height)
        return SourceInfo(
            name=self._shown,
            width=width,
            height=height,
            fps=self._opened.fps,
            live=True,
            detail=f"{codec.name} {width}x{height} at {self._opened.fps:.4g} fps, {self._opened.container.format.name}",
        )


def without_password(address: str) -> str:
    """The address without user name, password and query, for messages and reports."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
