"""A small HTTP server on this machine, for tests of what asks Mien's control API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mien.plugin.control.gate import proof_of


class Handler(BaseHTTPRequestHandler):
    """Proves to know `server.knows`, as Mien's server does; what else is asked, subclasses answer."""

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        if self.path.startswith("/proof?nonce="):
            knows: str = self.server.knows  # type: ignore[attr-defined]
            nonce = self.path.rpartition("=")[2]
            self.send(200, proof_of(knows, self.server.server_port, nonce).encode())  # type: ignore[attr-defined]
        else:
            self.answer()

    def answer(self) -> None:
        """Answer any other GET."""
        raise NotImplementedError

    def send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def served(handler: type[Handler], **attributes: Any) -> Iterator[ThreadingHTTPServer]:
    """The handler's server, with these attributes, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    vars(server).update(attributes)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
