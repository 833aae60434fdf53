"""The server of the page and of the control API: loopback alone, on a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path

from aiohttp import web

from mien.plugin.control.api import MAX_BODY_BYTES, Api
from mien.plugin.control.desk import Desk
from mien.plugin.control.doors import Doors, Message
from mien.plugin.control.gate import PROOF_PATH, Gate
from mien.plugin.control.hub import FrameHub
from mien.plugin.control.place import Notice, Token
from mien.plugin.control.session import Session
from mien.plugin.loop import LoopWorker
from mien.realtime.clock import Clock, MonotonicClock
from mien.realtime.errors import SinkError
from mien.realtime.mark import MarkedFrame

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
DEFAULT_PORT = 8723
#: Ports tried after the wanted one when that is taken.
_PORT_TRIES = 20
#: Pages open at once; more are turned away.
MAX_PAGES = 8
#: The longest message of a page, bytes; a longer one ends its socket.
MAX_MESSAGE_BYTES = 4096
#: A page that answers no ping for this long is gone, seconds.
_HEARTBEAT_S = 5.0
#: A page that is told goodbye may answer for this long, seconds.
_GOODBYE_S = 0.5
_START_TIMEOUT_S = 5.0
_TOO_MANY_PAGES = 4001

_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
#: Every file that is served; a path that is none of these is 404, so there is no way out of the folder.
_FILES = {
    f"/{'' if name == 'index.html' else name}": (name, _KINDS[Path(name).suffix])
    for name in (
        "index.html", "style.css", "panels.css", "icon.svg", "chevron.svg", "app.js", "api.js", "calibration.js",
        "choices.js", "connection.js", "expression.js", "gallery.js", "graphs.js", "guide.js", "health.js", "held.js",
        "stage.js", "toast.js",
    )
}  # fmt: skip


class ControlServer:
    """Serves the page of one run. `start` it, `offer` frames from one thread, `close` it.

    Args:
        desk: what may be asked of the live path.
        port: wanted port; the next free one is taken, and told, if it is not free. 0 for any.
        clock: times the held buttons.
        on_event: told one sentence of what a user should know.

    """

    def __init__(
        self,
        desk: Desk,
        *,
        port: int = DEFAULT_PORT,
        clock: Clock | None = None,
        on_event: Callable[[str], None] = log.info,
    ) -> None:
        self._on_event = on_event
        self._token = Token()
        self._notice = Notice()
        self._doors = Doors(desk, self._broadcast)
        self._wanted_port = port
        self._clock = clock or MonotonicClock()
        self._worker = LoopWorker("page", self._serve)
        self._sessions: dict[Session, web.WebSocketResponse] = {}
        self._hub: FrameHub | None = None
        self._socket: socket.socket | None = None
        self._gate: Gate | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The page's address, with its token; after `start`."""
        if self._gate is None:
            raise SinkError("the page is not served yet.")
        return f"http://{HOST}:{self.port}/?token={self._token.value}"

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._sessions)

    def start(self) -> None:
        """Serve; raises `SinkError` when no port is free."""
        self._socket = _listen(self._wanted_port)
        self.port = self._socket.getsockname()[1]
        self._gate = Gate(self.port, lambda: self._token.value)
        if not self._worker.start(_START_TIMEOUT_S):
            self.close()
            raise SinkError("the page's server did not start.")
        self._worker.check()
        self._tell_port()

    def offer(self, frame: MarkedFrame) -> None:
        """Show a frame to the pages that wait for one; at once if none does."""
        if self._hub is not None:
            self._hub.offer(frame)

    def close(self) -> None:
        """Say goodbye to the pages and free the port; idempotent."""
        if not self._worker.stop():
            log.warning("the page's server did not end in time and is left behind")
        if self._socket is not None:
            self._socket.close()
        self._notice.take()

    def _tell_port(self) -> None:
        if self._wanted_port not in (0, self.port):
            text = f"port {self._wanted_port} is taken, so the page is on port {self.port}"
            if (other := self._notice.others_port()) is not None:
                text += f"; another Mien runs on port {other}"
            self._on_event(text)
        self._notice.put(self.port)

    async def _serve(self, ready: Callable[[], None], end: asyncio.Event) -> None:
        assert self._socket is not None
        assert self._gate is not None
        self._hub = FrameHub(asyncio.get_running_loop())
        runner = web.AppRunner(
            _application(self._gate, self._doors, self._serve_page), access_log=None, shutdown_timeout=0.5
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            ready()
            await end.wait()
            for page in list(self._sessions.values()):
                await page.close(code=1001, message=b"Mien has ended")
        finally:
            await runner.cleanup()

    async def _serve_page(self, request: web.Request) -> web.WebSocketResponse:
        page = web.WebSocketResponse(
            timeout=_GOODBYE_S, max_msg_size=MAX_MESSAGE_BYTES, heartbeat=_HEARTBEAT_S, compress=False
        )
        await page.prepare(request)
        if len(self._sessions) >= MAX_PAGES:
            await page.close(code=_TOO_MANY_PAGES, message=b"too many pages")
            return page
        assert self._hub is not None
        token = self._token.value
        session = Session(
            page,
            self._doors,
            self._hub,
            now_ns=self._clock.now_ns,
            admitted=lambda: self._token.value == token,
            cut=lambda: _abort(request),
        )
        self._sessions[session] = page
        try:
            await session.run()
        finally:
            del self._sessions[session]
        return page

    def _broadcast(self, message: Message) -> None:
        for session in list(self._sessions):
            session.tell(message)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _application(
    gate: Gate, doors: Doors, serve_page: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.Application:
    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path == PROOF_PATH:
            return gate.proof(request)
        return gate.refusal(request) or await handler(request)

    def file_handler(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        body = resources.files("mien.plugin").joinpath("web", name).read_bytes()

        async def answer(_: web.Request) -> web.StreamResponse:
            response = web.Response(body=body, content_type=kind, charset="utf-8")
            if name == "index.html":
                gate.welcome(response)
            return response

        return answer

    app = web.Application(middlewares=[guard], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(gate.protect)
    for path, (name, kind) in _FILES.items():
        app.router.add_get(path, file_handler(name, kind))
    app.router.add_get("/socket", serve_page)
    Api(doors).add_to(app)
    return app


def _listen(wanted: int) -> socket.socket:
    ports = [0] if wanted == 0 else range(wanted, min(wanted + _PORT_TRIES, 65536))
    for port in ports:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
            listener.listen(16)
        except OSError as error:
            listener.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            raise SinkError(f"the page cannot be served on {HOST}:{port}: {error.strerror}.") from error
        listener.setblocking(False)
        return listener
    raise SinkError(
        f"no port from {wanted} to {wanted + _PORT_TRIES - 1} is free for the page.",
        hint="Choose another: --preview-port",
    )
