"""obs-websocket 5, the part that Mien needs, on the WebSocket client that is there already.

Protocol: https://github.com/obsproject/obs-websocket/blob/master/docs/generated/protocol.md. A client of our own, as
obsws-python is GPL-3.0 and simpleobsws hides why a server closed the connection, which tells a wrong password from an
OBS that was closed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Final

import aiohttp

from mien.plugin.obs.errors import ObsClosedError, ObsError, ObsPasswordError, ObsRequestError

#: The host that is spoken to, always: obs-websocket has no encryption.
HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 4455
#: OBS 28 was the first with obs-websocket 5 inside.
LEAST_OBS: Final = 28
#: One picture of 4K as base64 PNG fits.
MAX_MESSAGE_BYTES: Final = 64 * 2**20
#: An OBS that renders without a GPU on a busy machine takes seconds for a screenshot.
TIMEOUT_S: Final = 20.0
#: An OBS that is ending may never answer a goodbye, seconds.
_GOODBYE_S: Final = 0.5
#: Events that wait for a slow reader; older ones fall out.
MAX_EVENTS: Final = 256

_HELLO, _IDENTIFY, _IDENTIFIED, _EVENT, _REQUEST, _RESPONSE = 0, 1, 2, 5, 6, 7
_AUTHENTICATION_FAILED, _UNSUPPORTED_RPC = 4009, 4010
_SERVER_OFF: Final = (
    "Start OBS; in Tools > WebSocket Server Settings tick 'Enable WebSocket server' and press OK, then try again."
)

Data = dict[str, Any]


class Events(IntFlag):
    """What OBS tells without being asked (`EventSubscription` of the protocol)."""

    NONE = 0
    GENERAL = 1 << 0
    CONFIG = 1 << 1
    SCENES = 1 << 2
    SCENE_ITEMS = 1 << 7
    SHOW_STATE = 1 << 18
    TRANSFORM = 1 << 19


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `kind` is the protocol's eventType."""

    kind: str
    data: Data


class ObsClient:
    """One connection, made by `connect`. Used from one event loop."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Data]] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._ended = False
        self.obs_version = ""

    async def call(self, request: str, **data: object) -> Data:
        """Ask OBS and give its answer's data.

        Raises `ObsRequestError` when it refuses, `ObsClosedError` when it goes away or takes longer than `TIMEOUT_S`.
        """
        if self._ended:
            raise _gone()
        number = str(next(self._numbers))
        answer: asyncio.Future[Data] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await _send(self._socket, _REQUEST, {"requestType": request, "requestId": number, "requestData": data})
            # Not wait_for, which up to Python 3.11 may lose a cancellation that comes with the answer.
            async with asyncio.timeout(TIMEOUT_S):
                answered = await answer
        except TimeoutError as error:
            raise ObsClosedError(f"OBS did not answer {request} within {TIMEOUT_S:g} s.", hint="Is it busy?") from error
        except (ConnectionError, aiohttp.ClientError) as error:
            raise _gone() from error
        finally:
            del self._waiting[number]
        status = answered["requestStatus"]
        if not status["result"]:
            raise ObsRequestError(request, int(status["code"]), str(status.get("comment", "")))
        return dict(answered.get("responseData") or {})

    async def events(self) -> AsyncIterator[Event]:
        """What OBS tells, until it goes away."""
        while (event := await self._events.get()) is not None:
            yield event

    async def read(self) -> None:
        """Take in what OBS sends until the connection ends; `connect` runs it."""
        try:
            async for message in self._socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                self._take(message.json())
        finally:
            self._ended = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_gone())
            self._events.put_nowait(None)

    def _take(self, message: Data) -> None:
        data = message["d"]
        if message["op"] == _EVENT:
            if self._events.qsize() >= MAX_EVENTS:
                self._events.get_nowait()
            self._events.put_nowait(Event(str(data["eventType"]), dict(data.get("eventData") or {})))
        elif message["op"] == _RESPONSE:
            waiting = self._waiting.get(str(data["requestId"]))
            if waiting is not None and not waiting.done():
                waiting.set_result(data)


@asynccontextmanager
async def connect(port: int, password: str, *, events: Events = Events.NONE) -> AsyncIterator[ObsClient]:
    """Connect to the OBS on this machine.

    Args:
        port: of its WebSocket server.
        password: of its WebSocket server; not looked at where the server wants none.
        events: what it is to tell.

    Raises:
        ObsClosedError: nobody listens there.
        ObsPasswordError: the password is wrong.
        ObsError: what listens is no obs-websocket 5, or OBS is older than `LEAST_OBS`.

    """
    limit = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=limit) as session:
        try:
            # The session's own limit is for the connection alone: whoever listens there may never answer.
            async with asyncio.timeout(TIMEOUT_S):
                socket = await session.ws_connect(
                    f"ws://{HOST}:{port}", protocols=("obswebsocket.json",), max_msg_size=MAX_MESSAGE_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_GOODBYE_S),
                )  # fmt: skip
        except TimeoutError as error:
            raise _silent() from error
        except aiohttp.WSServerHandshakeError as error:
            raise ObsError(f"what listens on port {port} is not OBS's WebSocket server.", hint=_SERVER_OFF) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ObsClosedError(f"no OBS answers on {HOST}:{port}.", hint=_SERVER_OFF) from error
        async with socket:
            await _identify(socket, password, events)
            client = ObsClient(socket)
            reader = asyncio.create_task(client.read())
            try:
                version = await client.call("GetVersion")
                client.obs_version = str(version.get("obsVersion", ""))
                _check_version(client.obs_version)
                yield client
            finally:
                reader.cancel()
                # Not awaited itself: its cancellation could not be told from one of this task.
                await asyncio.wait((reader,))
                if not reader.cancelled():
                    reader.exception()


async def _identify(socket: aiohttp.ClientWebSocketResponse, password: str, events: Events) -> None:
    hello = await _receive(socket, _HELLO)
    identify: Data = {"rpcVersion": 1, "eventSubscriptions": int(events)}
    asked = hello.get("authentication")
    if asked:
        identify["authentication"] = answer_to(password, str(asked["salt"]), str(asked["challenge"]))
    try:
        await _send(socket, _IDENTIFY, identify)
    except (ConnectionError, aiohttp.ClientError) as error:
        raise _gone() from error
    await _receive(socket, _IDENTIFIED)


async def _receive(socket: aiohttp.ClientWebSocketResponse, wanted: int) -> Data:
    try:
        message = await socket.receive(TIMEOUT_S)
    except TimeoutError as error:
        raise _silent() from error
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise _refused(socket.close_code)
    try:
        parsed = message.json()
        if parsed["op"] == wanted:
            return dict(parsed["d"])
    except (ValueError, KeyError, TypeError):
        pass
    raise ObsError(
        "what listens there does not speak obs-websocket 5.", hint=f"OBS {LEAST_OBS} or newer has it built in."
    )


def answer_to(password: str, salt: str, challenge: str) -> str:
    """The proof that the password is known: base64(sha256(base64(sha256(password + salt)) + challenge))."""
    secret = base64.b64encode(hashlib.sha256((password + salt).encode()).digest()).decode()
    return base64.b64encode(hashlib.sha256((secret + challenge).encode()).digest()).decode()


def _refused(code: int | None) -> ObsError:
    if code == _AUTHENTICATION_FAILED:
        return ObsPasswordError(
            "OBS's WebSocket server refused the password.",
            hint="It stands in OBS under Tools > WebSocket Server Settings > Show Connect Info. Another OBS of yours "
            "may be the one that answers.",
        )
    if code == _UNSUPPORTED_RPC:
        return ObsError("this OBS speaks another version of obs-websocket.", hint="Update OBS, or Mien.")
    return _gone()


def _silent() -> ObsError:
    return ObsError("what listens there says nothing: it is no OBS.", hint=_SERVER_OFF)


def _gone() -> ObsClosedError:
    return ObsClosedError("OBS closed the connection.", hint="Start OBS, then try again.")


def _check_version(version: str) -> None:
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < LEAST_OBS:
        raise ObsError(f"this is OBS {version or 'of no version'}.", hint=f"Mien needs OBS {LEAST_OBS} or newer.")


async def _send(socket: aiohttp.ClientWebSocketResponse, op: int, data: Data) -> None:
    await socket.send_json({"op": op, "d": data})
