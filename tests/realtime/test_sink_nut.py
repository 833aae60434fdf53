from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import av
import numpy as np
import pytest
from sink_frames import Frames

from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.frame import Pixels
from mien.realtime.sink import nut
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.nut import NutSink

WIDTH, HEIGHT = 64, 48
STREAM = StreamFormat(WIDTH, HEIGHT, 30.0)
PATIENCE_S = 10.0


@pytest.fixture
def sink() -> Iterator[NutSink]:
    opened = NutSink("127.0.0.1", 0)
    opened.open(STREAM)
    yield opened
    opened.close()


class Reader:
    """A real client: FFmpeg's NUT demuxer on a TCP connection, as OBS has it.

    Without OBS's `nobuffer`, which throws away the pictures that were read to learn the format.
    """

    def __init__(self, port: int, count: int, layout: str = "bgr24") -> None:
        self.pictures: list[Pixels] = []
        self.times_ms: list[int] = []
        self.done = threading.Event()
        self._count, self._layout = count, layout
        self._thread = threading.Thread(target=self._read, args=(port,), daemon=True)
        self._thread.start()

    def _read(self, port: int) -> None:
        url = f"tcp://127.0.0.1:{port}"
        with av.open(url, format="nut", timeout=PATIENCE_S) as container:
            for picture in container.decode(video=0):
                self.pictures.append(picture.to_ndarray(format=self._layout))
                self.times_ms.append(round(picture.time * 1000))
                if len(self.pictures) >= self._count:
                    break
        self.done.set()


def serve(sink: NutSink, frames: Frames, readers: list[Reader], picture: Pixels | None = None) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if all(reader.done.is_set() for reader in readers):
            return
        sink.write(frames(picture))
        pause.wait(0.002)
    pytest.fail("the client got no frames")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def ended(connection: socket.socket) -> bool:
    """Read to the end of a connection; True where there is one."""
    connection.settimeout(PATIENCE_S)
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def test_a_client_gets_exactly_the_pixels_that_were_written(sink: NutSink) -> None:
    picture = np.random.default_rng(7).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    frames = Frames(WIDTH, HEIGHT)
    reader = Reader(sink.port, 5)
    serve(sink, frames, [reader], picture)
    assert frames.last is not None
    # The badge is part of what was written; it differs only where it grows small, which takes ten seconds.
    np.testing.assert_array_equal(reader.pictures[0][HEIGHT // 2 :], frames.last.pixels[HEIGHT // 2 :])
    steps = np.diff(reader.times_ms)
    assert reader.times_ms[0] == 0
    assert np.all((steps >= 33) & (steps <= 34))


def test_a_picture_that_becomes_transparent_is_so_for_a_client_that_comes_back(sink: NutSink) -> None:
    picture = np.random.default_rng(7).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, WIDTH // 2 :] = 255
    frames = Frames(WIDTH, HEIGHT)
    first = connect(sink.port)
    sink.write(frames(picture))
    assert sink.connected
    sink.write(frames(picture, alpha=alpha))
    assert not sink.connected
    assert ended(first)
    first.close()
    reader = Reader(sink.port, 4, layout="bgra")
    # A slate among them is all there.
    for number in range(2000):
        if reader.done.is_set():
            break
        sink.write(frames(picture, alpha=None if number % 2 and sink.connected else alpha))
        threading.Event().wait(0.002)
    # Below the badge.
    below = np.s_[HEIGHT // 2 :]
    found = [shown[below][..., 3] for shown in reader.pictures]
    # Which of them a busy client misses is left to chance.
    assert {bool((each == alpha[below]).all()) for each in found} == {True, False}
    assert all((each == alpha[below]).all() or (each == 255).all() for each in found)
    assert frames.last is not None
    np.testing.assert_array_equal(reader.pictures[0][below][..., :3], frames.last.pixels[below])


def test_clients_come_and_go(sink: NutSink) -> None:
    frames = Frames(WIDTH, HEIGHT)
    assert not sink.wanted
    for _ in range(3):
        reader = Reader(sink.port, 3)
        serve(sink, frames, [reader])
        assert len(reader.pictures) == 3
        for _ in range(2000):
            if not sink.connected:
                break
            sink.write(frames())
        assert not sink.wanted


def test_a_client_at_the_door_is_noticed_before_a_frame_is_written(sink: NutSink) -> None:
    with connect(sink.port):
        for _ in range(1000):
            if sink.wanted:
                break
        assert sink.wanted
        assert not sink.connected


def test_a_second_client_is_turned_away_and_the_first_goes_on(sink: NutSink) -> None:
    frames = Frames(WIDTH, HEIGHT)
    reader = Reader(sink.port, 40)
    pause = threading.Event()
    while len(reader.pictures) < 3:
        sink.write(frames())
        pause.wait(0.002)
    with connect(sink.port) as second:
        for _ in range(20):
            sink.write(frames())
        assert ended(second)
    serve(sink, frames, [reader])
    assert len(reader.pictures) == 40


def test_a_client_that_speaks_is_no_client(sink: NutSink) -> None:
    frames = Frames(WIDTH, HEIGHT)
    with connect(sink.port) as browser:
        # Less than the system's buffers hold, so that it is not dropped for not reading.
        pause = threading.Event()
        for _ in range(10):
            sink.write(frames())
            pause.wait(0.005)
        assert sink.connected
        browser.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        for _ in range(10):
            sink.write(frames())
            pause.wait(0.005)
        assert not sink.connected
        assert ended(browser)
    reader = Reader(sink.port, 2)
    serve(sink, frames, [reader])


def test_a_client_that_speaks_first_gets_no_byte(sink: NutSink) -> None:
    frames = Frames(WIDTH, HEIGHT)
    with connect(sink.port) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        for _ in range(1000):
            if sink.wanted:
                break
        for _ in range(3):
            sink.write(frames())
        assert not sink.connected
        with contextlib.suppress(ConnectionError):
            assert browser.recv(100) == b""


def test_a_client_that_does_not_read_is_dropped_and_the_next_is_served(
    sink: NutSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nut, "SEND_TIMEOUT_S", 0.05)
    frames = Frames(WIDTH, HEIGHT)
    with connect(sink.port):
        for _ in range(100_000):
            sink.write(frames())
            if not sink.connected:
                break
        assert not sink.connected
        reader = Reader(sink.port, 2)
        serve(sink, frames, [reader])
        assert len(reader.pictures) == 2


def test_a_taken_port_is_named(sink: NutSink) -> None:
    with pytest.raises(SinkError, match=rf"nut://127\.0\.0\.1:{sink.port}: cannot listen there"):
        NutSink("127.0.0.1", sink.port).open(STREAM)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "example.com", "::", "127.0.0.1.example.com"])
def test_nothing_but_this_machine_is_served(host: str) -> None:
    with pytest.raises(ConfigError, match=r"is not this machine.*nut://127\.0\.0\.1:PORT"):
        NutSink(host, 9000)


def test_only_loopback_listens(sink: NutSink) -> None:
    assert sink._listener is not None
    assert sink._listener.getsockname()[0] == "127.0.0.1"


def test_closing_ends_the_client_and_frees_the_port(sink: NutSink) -> None:
    frames, port = Frames(WIDTH, HEIGHT), sink.port
    with connect(port) as client:
        for _ in range(1000):
            sink.write(frames())
            if sink.connected:
                break
        sink.close()
        sink.close()
        assert ended(client)
    again = NutSink("127.0.0.1", port)
    again.open(STREAM)
    again.close()
    with pytest.raises(SinkError, match="is not open"):
        sink.write(frames())
