from __future__ import annotations

import base64
import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from source_fakes import in_thread, make_video, read_all

from mien.realtime.clock import ManualClock, MonotonicClock
from mien.realtime.errors import SourceError, SourceLostError
from mien.realtime.source.stream import StreamSource, without_password


class Server:
    """Serves one connection after the other on the loopback: what each gets is a subclass's part."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.hang_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self.talk(connection)

    def talk(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.hang_up.set()
        # A listener that is only closed leaves accept() waiting.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


class HttpServer(Server):
    """One body over HTTP: with its length, or without one and kept open until `hang_up`."""

    def __init__(self, body: bytes, *, live: bool, head: str = "200 OK") -> None:
        self._body, self._live, self._head = body, live, head
        super().__init__()

    def talk(self, connection: socket.socket) -> None:
        self.requests.append(connection.recv(65536))
        length = "" if self._live else f"Content-Length: {len(self._body)}\r\n"
        head = f"HTTP/1.1 {self._head}\r\nContent-Type: video/mp2t\r\n{length}Connection: close\r\n\r\n"
        connection.sendall(head.encode() + self._body)
        if self._live:
            self.hang_up.wait(10)


class RtspServer(Server):
    """Just enough of RTSP (RFC 2326) with interleaved TCP: one MPEG-TS over RTP (RFC 2250, payload type 33)."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        super().__init__()

    def talk(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        while True:
            lines = [line.rstrip(b"\r\n") for line in iter(stream.readline, b"\r\n") if line]
            if not lines:
                return
            self.requests.append(lines[0])
            method = lines[0].split()[0]
            sequence = next(line for line in lines if line.lower().startswith(b"cseq"))
            connection.sendall(self._answer(method, sequence))
            if method == b"PLAY":
                self._send(connection)
                self.hang_up.wait(10)
                return

    def _answer(self, method: bytes, sequence: bytes) -> bytes:
        head = b"RTSP/1.0 200 OK\r\n" + sequence + b"\r\n"
        if method == b"OPTIONS":
            return head + b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"
        if method == b"DESCRIBE":
            sdp = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track\r\n"
            return head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(sdp) + sdp
        if method == b"SETUP":
            return head + b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n"
        return head + b"Session: 1\r\n\r\n"

    def _send(self, connection: socket.socket) -> None:
        for number, start in enumerate(range(0, len(self._body), 7 * 188)):
            payload = self._body[start : start + 7 * 188]
            packet = struct.pack(">BBHII", 0x80, 33, number & 0xFFFF, number * 3600, 1) + payload
            connection.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    opened: list[Server] = []
    yield opened
    for server in opened:
        server.close()


def transport_stream(tmp_path: Path, count: int = 40) -> bytes:
    return make_video(tmp_path / "a.ts", count=count, size=(320, 240)).read_bytes()


def test_a_live_stream_gives_frames_until_it_ends(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(server := HttpServer(transport_stream(tmp_path), live=True))
    source = StreamSource(f"http://127.0.0.1:{server.port}/live", clock=MonotonicClock())
    assert (source.info.width, source.info.height, source.info.live) == (320, 240, True)
    frames = [source.read() for _ in range(20)]
    assert [frame.sequence for frame in frames if frame] == list(range(20))
    stamps = [(frame.capture_ns, frame.media_ns) for frame in frames if frame]
    assert all(one[1] < two[1] for one, two in itertools.pairwise(stamps))
    assert frames[0] is not None
    assert frames[0].media_ns == 0
    server.hang_up.set()
    with pytest.raises(SourceLostError, match=r"The stream 'http://127.0.0.1:\d+/live' (ended|broke off)"):
        read_all(source)
    source.close()


def test_rtsp_over_tcp(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(server := RtspServer(transport_stream(tmp_path)))
    source = StreamSource(f"rtsp://127.0.0.1:{server.port}/cam", clock=MonotonicClock())
    assert (source.info.width, source.info.height) == (320, 240)
    frame = source.read()
    assert frame is not None
    assert frame.pixels[10, 10].tolist() == pytest.approx([0, 0, 255], abs=25)
    assert [line.split()[0] for line in server.requests][-2:] == [b"SETUP", b"PLAY"]
    source.close()


def test_silence_ends_at_the_read_timeout(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(server := HttpServer(transport_stream(tmp_path), live=True))
    source = StreamSource(f"http://127.0.0.1:{server.port}/live", clock=MonotonicClock(), read_timeout_s=0.4)
    with pytest.raises(SourceLostError, match="fell silent"):
        read_all(source)
    source.close()


def test_close_is_prompt_while_a_read_blocks(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(server := HttpServer(transport_stream(tmp_path), live=True))
    source = StreamSource(f"http://127.0.0.1:{server.port}/live", clock=MonotonicClock(), read_timeout_s=1.5)

    thread, out = in_thread(lambda: read_all(source))
    thread.join(0.3)
    source.close()  # returns, although the read is inside FFmpeg
    assert thread.is_alive()
    thread.join(5)
    assert not thread.is_alive()  # it gave up at its timeout, and freed the connection
    assert len(out) == 1
    assert source.read() is None


def test_a_video_of_known_length_is_paced_and_ends(tmp_path: Path, servers: list[Server]) -> None:
    path = make_video(tmp_path / "a.mp4", count=5, options={"movflags": "faststart"})
    servers.append(server := HttpServer(path.read_bytes(), live=False))
    clock = ManualClock()
    source = StreamSource(f"http://127.0.0.1:{server.port}/a.mp4", clock=clock)
    frames = read_all(source)
    assert len(frames) == 5
    np.testing.assert_allclose([frame.media_ns / 1e6 for frame in frames], [0, 40, 80, 120, 160], atol=0.1)
    assert clock.now_ns() == frames[-1].capture_ns == frames[-1].media_ns
    source.close()


def test_a_password_is_sent_but_never_shown(servers: list[Server]) -> None:
    servers.append(server := HttpServer(b"", live=False, head='401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"'))
    with pytest.raises(SourceError) as caught:
        StreamSource(f"http://me:hush@127.0.0.1:{server.port}/x?token=hush", clock=ManualClock())
    assert f"'http://127.0.0.1:{server.port}/x' cannot be opened" in caught.value.message
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert base64.b64encode(b"me:hush") in server.requests[-1]


def test_a_server_that_never_answers(servers: list[Server]) -> None:
    servers.append(server := HttpServer(b"", live=True))
    with pytest.raises(SourceError, match="no answer in time"):
        StreamSource(f"http://127.0.0.1:{server.port}/", clock=ManualClock(), open_timeout_s=0.3)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match="cannot be opened: Connection refused"):
        StreamSource(f"rtsp://127.0.0.1:{port}/x", clock=ManualClock())


def test_what_is_not_a_video(servers: list[Server]) -> None:
    servers.append(server := HttpServer(b"<html>hello</html>" * 200, live=False))
    with pytest.raises(SourceError, match="is not a video"):
        StreamSource(f"http://127.0.0.1:{server.port}/", clock=ManualClock())


def test_a_stream_cannot_reach_this_machines_files(tmp_path: Path, servers: list[Server]) -> None:
    path = make_video(tmp_path / "private.ts", count=10)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{path}\n#EXT-X-ENDLIST\n".encode()
    servers.append(server := HttpServer(playlist, live=False))
    with pytest.raises(SourceError):
        StreamSource(f"http://127.0.0.1:{server.port}/list.m3u8", clock=ManualClock())


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:pw@cam.local:554/a/b?key=1#x", "rtsp://cam.local:554/a/b"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://example.org", "https://example.org"),
    ],
)
def test_addresses_are_shown_without_secrets(address: str, shown: str) -> None:
    assert without_password(address) == shown
