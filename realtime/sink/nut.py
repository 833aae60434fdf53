"""Raw pictures over TCP for OBS: NUT, the one container that OBS reads without a delay that grows.

OBS's Media Source: local file off, input `tcp://127.0.0.1:PORT`, input format `nut`, network buffering 0 MB,
reconnect delay 1 s, FFmpeg options `fflags=nobuffer use_wallclock_as_timestamps=1`.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import logging
import select
import socket
import threading
from fractions import Fraction

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from mien.realtime.background import with_alpha
from mien.realtime.clock import NS_PER_MS
from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import StreamFormat

log = logging.getLogger(__name__)

_TIME_BASE = Fraction(1, 1000)
#: A client that takes no byte for this long is dropped; it may come back. Also bounds how long `close` waits.
SEND_TIMEOUT_S = 1.0
#: What the system may hold for a slow client, bytes: less than one 720p frame, so that none grows old in there.
_SEND_BUFFER_BYTES = 1 << 18


class NutSink:
    """Serves `nut://127.0.0.1:PORT` to one client at a time, which may come and go.

    Frames that come while there is no client, or that a slow client cannot take, are lost and never queued. The
    pictures are BGR: OBS takes planes without a named matrix for BT.709 or BT.601 depending on its version. Once a
    frame is transparent in parts they are BGRA, for which a client that is there is sent away and comes back.

    A client of NUT says nothing. One that speaks is a browser or a mistake, and is dropped, as is a second client.

    Args:
        host: a loopback address or `localhost`; anything else raises `ConfigError`, for there is no password.
        port: 1 to 65535, or 0 for a free one (see `port` after `open`).

    """

    def __init__(self, host: str, port: int) -> None:
        self.name = f"nut://{host}:{port}"
        self._host = _loopback(host, self.name)
        if not 0 <= port <= 65535:
            raise ConfigError(f"{self.name}: a port is 0 to 65535, got {port}.")
        self._port = port
        self._listener: socket.socket | None = None
        self._client: _Client | None = None
        self._stream: StreamFormat | None = None
        # `wanted` is asked by other threads while `close` takes the socket away.
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that is served; after `open` never 0."""
        return self._port

    @property
    def connected(self) -> bool:
        """Whether a client is there."""
        return self._client is not None

    @property
    def wanted(self) -> bool:
        """Whether a client is there or waits at the door."""
        with self._lock:
            if self._client is not None:
                return True
            return self._listener is not None and _readable(self._listener)

    def open(self, stream: StreamFormat) -> None:
        """Listen. Raises `SinkError` when the port is taken or forbidden."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                # Elsewhere than on Windows this only skips the wait after an earlier run; two listeners stay refused.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listener.bind((self._host, self._port))
            listener.listen(2)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise SinkError(
                f"{self.name}: cannot listen there ({error.strerror}).",
                hint="End the program that holds the port, or choose another one.",
            ) from error
        with self._lock:
            self._listener, self._stream = listener, stream
            self._port = listener.getsockname()[1]

    def write(self, frame: MarkedFrame) -> None:
        """Send one frame to the client, if there is one; at most `SEND_TIMEOUT_S` without progress."""
        if self._listener is None or self._stream is None:
            raise SinkError(f"{self.name} is not open.")
        self._drop_if_gone()
        self._welcome(self._listener, self._stream, frame)
        if self._client is None:
            return
        if frame.alpha is not None and not self._client.transparent:
            # Its header, which comes first, promised another format.
            log.info("%s: from now on it is transparent", self.name)
            self._drop()
            return
        try:
            self._client.send(frame)
        except (OSError, av.error.FFmpegError) as error:
            log.info("%s: the client is gone (%s)", self.name, error)
            self._drop()

    def close(self) -> None:
        """Say goodbye to the client and stop listening."""
        self._drop()
        with self._lock:
            if self._listener is not None:
                self._listener.close()
            self._listener = None

    def _welcome(self, listener: socket.socket, stream: StreamFormat, frame: MarkedFrame) -> None:
        while _readable(listener):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # A client that spoke before it was answered gets no byte: its words are already there.
            if self._client is not None or _readable(connection):
                connection.close()
                continue
            log.info("%s: a client is there", self.name)
            client = _Client(connection, stream, frame.capture_ns, transparent=frame.alpha is not None)
            with self._lock:
                self._client = client

    def _drop_if_gone(self) -> None:
        # Readable means that it spoke, or that it closed.
        if self._client is not None and _readable(self._client.connection):
            self._drop()

    def _drop(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


class _Client:
    """One connection with its own muxer, so that each client gets a header first."""

    def __init__(self, connection: socket.socket, stream: StreamFormat, start_ns: int, *, transparent: bool) -> None:
        self.connection = connection
        self.transparent = transparent
        self._format = "bgra" if transparent else "bgr24"
        self._start_ns = start_ns
        self._last_ms = -1
        connection.settimeout(SEND_TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wire = _Wire(connection)
        self._output: OutputContainer = av.open(self._wire, "w", format="nut", options={"flush_packets": "1"})
        rate = Fraction(stream.fps).limit_denominator(1001)
        self._video: VideoStream = self._output.add_stream("rawvideo", rate=rate)
        self._video.width, self._video.height, self._video.pix_fmt = stream.width, stream.height, self._format
        self._video.codec_context.time_base = self._video.time_base = _TIME_BASE

    def send(self, frame: MarkedFrame) -> None:
        pixels = frame.pixels
        if self.transparent:
            # A slate among them is all there.
            alpha = np.full(pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
            pixels = with_alpha(pixels, alpha)
        picture = av.VideoFrame.from_ndarray(pixels, format=self._format)
        self._last_ms = max((frame.capture_ns - self._start_ns) // NS_PER_MS, self._last_ms + 1)
        picture.pts, picture.time_base = self._last_ms, _TIME_BASE
        self._output.mux(self._video.encode(picture))

    def close(self) -> None:
        # The rest of a frame would only block on a client that does not read; a live stream needs no trailer.
        self._wire.closed_for_good = True
        with contextlib.suppress(OSError, av.error.FFmpegError):
            self._output.close()
        self.connection.close()


class _Wire(io.RawIOBase):
    """A socket as the file that a muxer writes to; after `closed_for_good` what is written goes nowhere."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self.closed_for_good = False

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if not self.closed_for_good:
            self._connection.sendall(view)
        return len(view)

    def writable(self) -> bool:
        return True


def _readable(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def _loopback(host: str, name: str) -> str:
    bare = host.strip("[]")
    address = "127.0.0.1" if bare.lower() == "localhost" else bare
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigError(
            f"{name}: '{host}' is not this machine; the stream has no password and stays here.",
            hint="Use nut://127.0.0.1:PORT.",
        )
    return address
