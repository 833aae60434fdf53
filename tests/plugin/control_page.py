"""A live path and a page for the tests of the control server: a real server, a real client, no browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path as FilePath
from typing import Any

import aiohttp
import numpy as np

from mien.plugin.control.desk import Desk
from mien.plugin.recorder import RecordingState
from mien.realtime.calibration_recorder import CalibrationRecorder, Step
from mien.realtime.config import BadgeSettings, LiveConfig
from mien.realtime.errors import ConfigError, MienError, PersonaError
from mien.realtime.frame import Pixels
from mien.realtime.mark import MarkedFrame, Marker

#: Only a hang takes as long.
PATIENCE_S = 10.0
WIDTH, HEIGHT = 64, 48


class Changes:
    """What may be changed on a live path, noting what it is asked; raises what it is given in `fails`."""

    def __init__(self, calls: list[tuple[str, Any]]) -> None:
        self._calls = calls
        self.fails: dict[str, MienError] = {}
        self.sinks: tuple[str, ...] = ("preview",)
        self.recording = RecordingState()
        self.calibration_step: Step | None = None
        self.calibrated: Callable[[CalibrationRecorder], None] | None = None

    def _note(self, name: str, value: Any) -> None:
        if name in self.fails:
            raise self.fails[name]
        self._calls.append((name, value))

    def set_engine(self, kind: str, mode: str) -> None:
        self._note("engine", (kind, mode))

    def set_source(self, spec: str) -> None:
        self._note("source", spec)

    def add_sink(self, spec: str) -> None:
        self._note("add_sink", spec)
        self.sinks += (spec,)

    def remove_sink(self, spec: str) -> None:
        self._note("remove_sink", spec)
        self.sinks = tuple(each for each in self.sinks if each != spec)

    def set_badge(self, badge: BadgeSettings) -> None:
        self._note("badge", (badge.corner, badge.plate))

    def set_colour(self, strength: float) -> None:
        self._note("colour", strength)

    def set_background(self, kind: str) -> None:
        self._note("background", kind)

    def set_slate_picture(self, picture: FilePath | None, *, language: str) -> None:
        self._note("slate_picture", picture)

    def set_calibration(self, path: FilePath | None) -> None:
        self._note("calibration", path)

    def record_calibration(self, done: Callable[[CalibrationRecorder], None] | None) -> None:
        self._note("record_calibration", done is not None)
        self.calibrated = done

    def start_recording(self, path: FilePath) -> None:
        self._note("record", path)
        self.recording = RecordingState(on=True, file=path.name)

    def stop_recording(self) -> RecordingState:
        self._note("record", None)
        self.recording = RecordingState(file=self.recording.file)
        return self.recording

    def snapshot(self, path: FilePath) -> None:
        self._note("snapshot", path)


class Path:
    """The live path's side of the page, noting what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.changes = Changes(self.calls)
        self.camera: Pixels | None = np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
        self.numbers: dict[str, Any] = {
            "fps": 29.9,
            "latency_p50_ms": 18.0,
            "persona": "amara",
            "preview_url": "http://127.0.0.1/?token=secret",
        }
        self.befores = 0

    def stats(self) -> dict[str, Any]:
        return self.numbers

    def before(self) -> Pixels | None:
        self.befores += 1
        return None if self.camera is None else self.camera.copy()

    def set_slate(self, on: bool) -> None:
        self.calls.append(("slate", on))

    def relock(self) -> None:
        self.calls.append(("relock", True))

    def set_hold(self, on: bool) -> None:
        self.calls.append(("hold", on))

    def show_me(self, held: bool) -> None:
        self.calls.append(("show_me", held))

    def set_edit(self, changes: str) -> None:
        if changes == "smle=+0.2":
            raise ConfigError("There is no expression 'smle'.")
        self.numbers["edit"] = changes

    def set_morph(self, morph: float | None) -> None:
        self.calls.append(("morph", morph))

    def set_persona(self, name: str) -> None:
        if name == "opal":
            raise PersonaError("portrait.png has another hash than its pack says.", hint="Get the pack again.")
        if name == "linh":
            raise ZeroDivisionError("a defect")
        self.calls.append(("persona", name))

    def prepare_persona(self, name: str) -> None:
        self.calls.append(("prepare", name))


def desk_of(path: Path, **settings: Any) -> Desk:
    """The real desk over it; keeps nothing."""
    return Desk(path, LiveConfig.build(settings))


def frame(level: int, sequence: int = 0, *, width: int = WIDTH, height: int = HEIGHT) -> MarkedFrame:
    """A persona frame of one grey level."""
    return Marker(width, height).mark_persona(
        np.full((height, width, 3), level, np.uint8),
        label="modified",
        sequence=sequence,
        capture_ns=0,
        media_ns=0,
        now_ns=0,
    )


class Page:
    """What the page's scripts do, in Python."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of a kind that has these values; others are noted and passed over."""
        while True:
            message = await self.socket.receive(timeout=PATIENCE_S)
            assert message.type is aiohttp.WSMsgType.TEXT, message
            told: dict[str, Any] = json.loads(message.data)
            self.seen.append(told)
            if told["type"] == kind and all(told.get(key) == value for key, value in wanted.items()):
                return told

    async def picture(self) -> bytes:
        """The next picture with its header."""
        while True:
            message = await self.socket.receive(timeout=PATIENCE_S)
            if message.type is aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            assert message.type is aiohttp.WSMsgType.TEXT, message

    @property
    def transport(self) -> asyncio.Transport:
        """The connection itself, for a page that stops in the middle."""
        connection: Any = self.socket._conn
        return connection.transport

    async def close_code(self) -> int | None:
        """Read to the end; the code that the server gave."""
        while True:
            message = await self.socket.receive(timeout=PATIENCE_S)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                return self.socket.close_code


def split(url: str) -> tuple[str, str]:
    """(origin, token) of a page's address."""
    origin, _, token = url.partition("/?token=")
    return origin, token


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser's worth of cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@asynccontextmanager
async def page_at(url: str) -> AsyncIterator[Page]:
    """Load the page as a browser does, then open its socket."""
    origin, _ = split(url)
    async with client() as session:
        async with session.get(url) as response:
            assert response.status == 200
        async with session.ws_connect(f"{origin}/socket", origin=origin) as socket:
            yield Page(socket)


async def until(condition: Any) -> None:
    """Wait for something that another thread does."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)
