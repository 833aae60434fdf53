"""Who may speak to the server: somebody with the token, on this machine, and no page of another site."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

from aiohttp import web

#: Where a client asks for a proof before it sends its token.
PROOF_PATH: Final = "/proof"
_NONCE: Final = re.compile(r"[0-9a-f]{32,64}")
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_BEARER = "Bearer "
_REFUSED = (
    "This page belongs to a running Mien and opens with the address that it printed, token and all.\n"
    "Copy that address from the terminal.\n"
)


class Gate:
    """Checks every request before anything else looks at it.

    Three things at once: the token (header, query or cookie, compared in constant time), since other users of this
    machine reach the port too; the Host, since a foreign name may be pointed at 127.0.0.1 (DNS rebinding); the Origin
    of whatever changes something and of WebSockets, since browsers let any page open those. A script sends no Origin
    and brings the token in a header, which no page can add to a request to another site; an Origin that is there must
    be the server's own all the same.

    Args:
        port: of the server.
        token: gives the one that is valid now.

    """

    def __init__(self, port: int, token: Callable[[], str]) -> None:
        self._port, self._token = port, token
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        # The port in the name: cookies do not tell ports apart, and two runs must not overwrite each other's.
        self._cookie = f"mien_{port}"
        sockets = " ".join(f"ws://{host}" for host in sorted(self._hosts))
        self._headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
                f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request that may not pass, or None."""
        if request.headers.get("Host", "").lower() not in self._hosts:
            return _refuse()
        token = self._token()
        header = request.headers.get("Authorization", "")
        by_header = header.startswith(_BEARER) and _same(header.removeprefix(_BEARER).strip(), token)
        if not self._may_ask(request, by_header=by_header):
            return _refuse()
        given = (request.query.get("token", ""), request.cookies.get(self._cookie, ""))
        return None if by_header or any(_same(value, token) for value in given) else _refuse()

    def proof(self, request: web.Request) -> web.Response:
        """Show a program that this server has the token, too, before it sends its own.

        The port that a script finds in a note may be somebody else's by now. The proof holds for this port alone, so
        that whoever listens on another cannot fetch it here and pass it on.
        """
        nonce = request.query.get("nonce", "")
        by_page = "Origin" in request.headers or request.headers.get("Host", "").lower() not in self._hosts
        if request.method != "GET" or by_page or not _NONCE.fullmatch(nonce):
            return _refuse()
        return web.Response(text=proof_of(self._token(), self._port, nonce))

    def welcome(self, response: web.Response) -> None:
        """Give the page the cookie that its scripts and socket come with; the token then leaves the address bar."""
        response.set_cookie(self._cookie, self._token(), httponly=True, samesite="Strict", path="/")

    async def protect(self, _: web.Request, response: web.StreamResponse) -> None:
        """Put the security headers on every answer, refusals and errors too (an `on_response_prepare` signal)."""
        response.headers.update(self._headers)

    def _may_ask(self, request: web.Request, *, by_header: bool) -> bool:
        origin = request.headers.get("Origin")
        if origin is not None:
            return origin in self._origins
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        return by_header or (request.method in _SAFE_METHODS and not is_socket)


def proof_of(token: str, port: int, nonce: str) -> str:
    """What only somebody with the token can answer: HMAC-SHA256 of the port and the nonce, hex."""
    return hmac.new(token.encode(), f"mien control {port} {nonce}".encode(), hashlib.sha256).hexdigest()


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def _refuse() -> web.Response:
    return web.Response(status=403, text=_REFUSED)
