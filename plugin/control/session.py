"""One open page: what it is sent, and what it may do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import WSMsgType, web

from mien.plugin.control.controls import LiveControls, page_stats
from mien.plugin.control.held import KEEP_ALIVE_S, HeldButton
from mien.plugin.control.hub import FrameHub, encode, packet_of
from mien.realtime.errors import MienError
from mien.realtime.frame import Pixels

log = logging.getLogger(__name__)

#: How long "show me" must be held before the camera is shown, seconds.
SHOW_ME_HOLD_S = 1.0
#: Between two numbers, seconds.
STATS_S = 1.0
#: Between two looks for a newer camera picture while "before" is held, seconds.
_LOOK_S = 0.015

Message = dict[str, Any]


class BadMessageError(MienError, ValueError):
    """A page sent what no page of ours sends."""


class Switches:
    """What the pages have switched, for all of them to show; and the one change of persona at a time."""

    def __init__(self) -> None:
        self.slate = False
        self.hold = False
        self.persona = asyncio.Lock()

    def as_message(self) -> Message:
        """For the socket."""
        return {"type": "switches", "slate": self.slate, "hold": self.hold}


class Session:
    """Serves one WebSocket until it ends. Runs on the server's one thread.

    A picture is sent only after the page has said that it has shown the one before, so that a slow page sees
    fewer pictures and never old ones. The numbers come once a second.

    Args:
        socket: prepared.
        controls: the live path.
        hub: where the marked frames come from.
        switches: shared by all pages.
        broadcast: sends a message to every page.
        now_ns: a monotonic clock.

    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        controls: LiveControls,
        hub: FrameHub,
        switches: Switches,
        *,
        broadcast: Callable[[Message], Awaitable[None]],
        now_ns: Callable[[], int],
    ) -> None:
        self._socket = socket
        self._controls = controls
        self._hub = hub
        self._switches = switches
        self._broadcast = broadcast
        self._show_me = HeldButton(now_ns, hold_s=SHOW_ME_HOLD_S)
        self._before = HeldButton(now_ns)
        self._shown = False
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self._acks = {"after": asyncio.Event(), "before": asyncio.Event()}
        self._tasks: set[asyncio.Task[None]] = set()
        self._before_task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the page goes; whatever it held is released then."""
        try:
            await self.send({"type": "personas", "names": self._controls.personas()})
            await self.send(self._switches.as_message())
            self._start(self._send_pictures())
            self._start(self._send_stats())
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    break
                try:
                    await self._handle(_parse(message.data))
                except MienError as error:
                    await self.send({"type": "error", "message": str(error)})
                    if isinstance(error, BadMessageError):
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

    async def send(self, message: Message) -> None:
        """Send JSON."""
        await self._socket.send_str(json.dumps(message))

    # -- from the page

    async def _handle(self, message: Message) -> None:
        match message:
            case {"type": "ack", "channel": "after" | "before" as channel}:
                self._acks[channel].set()
            case {"type": "show_me", "held": bool(held)}:
                await self._on_show_me(held)
            case {"type": "before", "held": bool(held)}:
                self._on_before(held)
            case {"type": "slate", "on": bool(on)}:
                self._controls.set_slate(on)
                self._switches.slate = on
                await self._broadcast(self._switches.as_message())
            case {"type": "hold", "on": bool(on)}:
                self._controls.set_hold(on)
                self._switches.hold = on
                await self._broadcast(self._switches.as_message())
            case {"type": "relock"}:
                self._controls.relock()
            case {"type": "edit", "changes": str(changes)}:
                self._controls.set_edit(changes)
            case {"type": "persona", "name": str(name)}:
                self._start(self._change_persona(name))
            case {"type": "personas"}:
                await self.send({"type": "personas", "names": self._controls.personas()})
            case _:
                raise BadMessageError("this page is of another version.", hint="Load it again.")

    async def _on_show_me(self, held: bool) -> None:
        if not held:
            self._release_show_me()
            return
        self._expire_later("show_me", self._release_show_me)
        if self._show_me.pulse():
            self._shown = True
            self._controls.show_me(True)

    def _release_show_me(self) -> None:
        self._show_me.release()
        if self._shown:
            self._shown = False
            self._controls.show_me(False)

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

    async def _change_persona(self, name: str) -> None:
        known = self._controls.personas()
        if name not in known:
            await self._tell_persona(name, "failed", f"there is no persona '{name}' any more.")
            return
        async with self._switches.persona:
            await self._tell_persona(name, "loading", "")
            try:
                await asyncio.get_running_loop().run_in_executor(None, self._controls.set_persona, name)
            except MienError as error:
                await self._tell_persona(name, "failed", str(error))
            except Exception as error:
                log.exception("changing the persona failed")
                await self._tell_persona(name, "failed", f"{type(error).__name__}: {error}")
            else:
                await self._tell_persona(name, "ready", "")

    async def _tell_persona(self, name: str, state: str, message: str) -> None:
        await self._broadcast({"type": "persona", "name": name, "state": state, "message": message})

    # -- to the page

    async def _send_pictures(self) -> None:
        while True:
            await self._acks["after"].wait()
            self._acks["after"].clear()
            await self._socket.send_bytes(await self._hub.next())

    async def _send_before(self) -> None:
        loop, sent = asyncio.get_running_loop(), None
        while self._before.acting():
            await self._acks["before"].wait()
            pixels: Pixels | None = self._controls.before()
            if pixels is None or pixels is sent:
                await asyncio.sleep(_LOOK_S)
                continue
            jpeg = await loop.run_in_executor(None, encode, pixels)
            if not self._before.acting():
                return
            sent = pixels
            self._acks["before"].clear()
            await self._socket.send_bytes(packet_of("before", jpeg))

    async def _send_stats(self) -> None:
        while True:
            await self.send({"type": "stats", **page_stats(self._controls.stats())})
            await asyncio.sleep(STATS_S)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    """A page that goes away while it is written to is no error."""
    with contextlib.suppress(ConnectionError):
        await work


def _parse(text: str) -> Message:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("this is no message of the page.") from error
    if not isinstance(message, dict):
        raise BadMessageError("this is no message of the page.")
    return message
