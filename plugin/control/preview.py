"""The sink called `preview`: the page in a browser on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mien.plugin.control.desk import Desk
from mien.plugin.control.server import DEFAULT_PORT, ControlServer
from mien.realtime.clock import Clock
from mien.realtime.errors import SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import StreamFormat

log = logging.getLogger(__name__)


class PreviewSink:
    """Shows the marked frames on the page, with the numbers and the buttons.

    Args:
        desk: the live path, for the numbers and the buttons.
        port: wanted port; the next free one is taken if it is not free.
        clock: times the held buttons.
        on_event: told one sentence of what a user should know.

    """

    name = "preview"

    def __init__(
        self,
        desk: Desk,
        *,
        port: int = DEFAULT_PORT,
        clock: Clock | None = None,
        on_event: Callable[[str], None] = log.info,
    ) -> None:
        self._desk = desk
        self._port = port
        self._clock = clock
        self._on_event = on_event
        self._server: ControlServer | None = None

    @property
    def url(self) -> str | None:
        """The page's address with its token, while the sink is open."""
        return None if self._server is None else self._server.url

    @property
    def wanted(self) -> bool:
        """Whether a page is open."""
        return self._server is not None and self._server.pages > 0

    def open(self, stream: StreamFormat) -> None:
        """Serve the page; raises `SinkError` when no port is free."""
        server = ControlServer(self._desk, port=self._port, clock=self._clock, on_event=self._on_event)
        server.start()
        self._server = server

    def write(self, frame: MarkedFrame) -> None:
        """Show one frame to the pages that have shown the one before."""
        if self._server is None:
            raise SinkError("preview is not open.")
        self._server.offer(frame)

    def close(self) -> None:
        """End the pages and free the port."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
