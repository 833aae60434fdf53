"""One open page: what it is sent, and what it may do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import WSMsgType, web

from mien.plugin.control.doors import Doors
from mien.plugin.control.held import KEEP_ALIVE_S, HeldButton
from mien.plugin.control.hub import MAX_SIDE_PX, FrameHub, encode, packet_of
from mien.realtime.errors import MienError
from mien.realtime.frame import Pixels

log = logging.getLogger(__name__)

#: How long "show me" must be held before the camera is shown, seconds.
SHOW_ME_HOLD_S = 1.0
#: Between two statuses, seconds.
STATUS_S = 1.0
#: Messages that wait for a page; one that lets more pile up has stopped reading.
_OUTBOX = 64
#: Between two looks for a newer camera picture while "before" is held, seconds.
_LOOK_S = 0.015
#: The token was renewed while the page was open.
TOKEN_ENDED = 4003

Message = dict[str, Any]


class BadMessageError(MienError, ValueError):
    """A page sent what no page of ours sends."""


class Session:
    """Serves one WebSocket until it ends. Runs on the server's one thread.

    A picture is sent only after the page has said that it has shown the one before, so that a slow page sees
    fewer pictures and never old ones. What is told to it waits in an outbox of its own: a page that reads nothing
    holds up no other, and is cut off once the outbox is full.

    Args:
        socket: prepared.
        doors: what may be asked, and what is told to all.
        hub: where the marked frames come from.
        now_ns: a monotonic clock.
        admitted: whether the token that it came with still opens the door.
        cut: ends the connection at once; a polite close would wait for somebody who does not read.

    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        doors: Doors,
        hub: FrameHub,
        *,
        now_ns: Callable[[], int],
        admitted: Callable[[], bool],
        cut: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._doors = doors
        self._live = doors.desk.live
        self._hub = hub
        self._admitted = admitted
        self._cut = cut
        self._show_me = HeldButton(now_ns, hold_s=SHOW_ME_HOLD_S)
        self._before = HeldButton(now_ns)
        self._shown = False
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self._acks = {"after": asyncio.Event(), "before": asyncio.Event()}
        #: Longer side of the pictures as the page shows them, px.
        self._side_px = MAX_SIDE_PX
        self._outbox: asyncio.Queue[str] = asyncio.Queue(_OUTBOX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._before_task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the page goes; whatever it held is released then."""
        try:
            for work in (self._send_messages(), self._send_pictures(), self._send_statuses()):
                self._start(work)
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    break
                if not self._admitted():
                    await self._shut_out()
                    break
                try:
                    self._handle(_parse(message.data))
                except BadMessageError as error:
                    # Straight away, past the outbox: nothing is sent after it.
                    await self._socket.send_str(json.dumps({"type": "said", "level": "bad", "text": str(error)}))
                    break
        except ConnectionError:
            log.debug("a page went away while it was written to")
        finally:
            self._release_show_me()
            self._release_before()
            for timer in self._expiry.values():
                timer.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell(self, message: Message) -> None:
        """Send JSON when the page takes it; a page that takes nothing is cut off."""
        try:
            self._outbox.put_nowait(json.dumps(message))
        except asyncio.QueueFull:
            log.warning("a page has stopped reading and is cut off")
            self._cut()

    # -- from the page

    def _handle(self, message: Message) -> None:
        match message:
            case {"type": "ack", "channel": "after" | "before" as channel, **rest}:
                self._side_px = _side(rest.get("side", self._side_px))
                self._acks[channel].set()
            case {"type": "show_me", "held": bool(held)}:
                self._on_show_me(held)
            case {"type": "before", "held": bool(held)}:
                self._on_before(held)
            case {"type": "slate" | "hold" as name, "on": bool(on)}:
                self._doors.switch(name, on)
            case {"type": "relock"}:
                self._live.relock()
            case {"type": "prepare", "persona": str(name)}:
                self._start(self._doors.prepare(name))
            case {"type": "change", "settings": dict(values)}:
                self._start(self._change(values))
            case {"type": "status"}:
                self.tell(self._doors.status())
            case _:
                raise BadMessageError("this page is of another version.", hint="Load it again.")

    async def _change(self, values: Message) -> None:
        try:
            await self._doors.change(values)
        except MienError as error:
            self.tell({"type": "said", "level": "bad", "text": str(error)})

    def _on_show_me(self, held: bool) -> None:
        if not held:
            self._release_show_me()
            return
        self._expire_later("show_me", self._release_show_me)
        if self._show_me.pulse():
            self._shown = True
            self._live.show_me(True)

    def _release_show_me(self) -> None:
        self._show_me.release()
        if self._shown:
            self._shown = False
            self._live.show_me(False)

    def _on_before(self, held: bool) -> None:
        if not held:
            self._release_before()
            return
        self._expire_later("before", self._release_before)
        self._before.pulse()
        if self._before_task is None or self._before_task.done():
            self._acks["before"].set()
            self._before_task = self._start(self._send_before())

    def _release_before(self) -> None:
        self._before.release()
        if self._before_task is not None:
            self._before_task.cancel()

    def _expire_later(self, button: str, release: Callable[[], None]) -> None:
        if button in self._expiry:
            self._expiry[button].cancel()
        self._expiry[button] = asyncio.get_running_loop().call_later(KEEP_ALIVE_S, release)

    # -- to the page

    async def _send_messages(self) -> None:
        while True:
            await self._socket.send_str(await self._outbox.get())

    async def _send_pictures(self) -> None:
        while True:
            await self._acks["after"].wait()
            self._acks["after"].clear()
            picture = await self._hub.next(self._side_px)
            if not self._admitted():
                await self._shut_out()
                return
            await self._socket.send_bytes(picture)

    async def _send_before(self) -> None:
        loop, sent = asyncio.get_running_loop(), None
        while self._before.acting():
            await self._acks["before"].wait()
            pixels: Pixels | None = self._live.before()
            if pixels is None or pixels is sent:
                await asyncio.sleep(_LOOK_S)
                continue
            jpeg = await loop.run_in_executor(None, encode, pixels, self._side_px)
            if not self._before.acting() or not self._admitted():
                return
            sent = pixels
            self._acks["before"].clear()
            await self._socket.send_bytes(packet_of("before", jpeg))

    async def _send_statuses(self) -> None:
        while self._admitted():
            self.tell(self._doors.status())
            await asyncio.sleep(STATUS_S)
        await self._shut_out()

    async def _shut_out(self) -> None:
        await self._socket.close(code=TOKEN_ENDED, message=b"the token was renewed")

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    """A page that goes away while it is written to is no error."""
    with contextlib.suppress(ConnectionError):
        await work


def _side(given: object) -> int:
    # True is an int, and no length.
    if type(given) is not int or given < 1:
        raise BadMessageError("this is no side of a picture.")
    return given


def _parse(text: str) -> Message:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("this is no message of the page.") from error
    if not isinstance(message, dict):
        raise BadMessageError("this is no message of the page.")
    return message
