from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from importlib import resources

import aiohttp
import pytest
from control_page import Page, Path, client, desk_of, frame, page_at, split, until

from mien.plugin.control.gate import proof_of
from mien.plugin.control.place import Token
from mien.plugin.control.server import _FILES, MAX_MESSAGE_BYTES, MAX_PAGES, ControlServer
from mien.plugin.control.session import TOKEN_ENDED
from mien.realtime.clock import ManualClock
from mien.realtime.errors import SinkError


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server(path: Path, clock: ManualClock) -> Iterator[ControlServer]:
    served = ControlServer(desk_of(path), port=0, clock=clock)
    served.start()
    yield served
    served.close()


async def status(url: str, **options: object) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:  # type: ignore[arg-type]
        return response.status


# -- who may come in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["/", "/?token=", "/?token=wrong", "/app.js", "/socket", "/?token=ü%ff", "/nothing"])
def test_nothing_is_served_without_the_token(server: ControlServer, tail: str) -> None:
    origin, _ = split(server.url)
    assert asyncio.run(status(origin + tail)) == 403


def test_the_token_is_long_and_the_same_in_every_run_until_it_is_renewed(path: Path, server: ControlServer) -> None:
    other = ControlServer(desk_of(path), port=0)
    other.start()
    token = split(server.url)[1]
    assert len(token) == 43
    assert split(other.url)[1] == token
    place = Token()
    renewed = place.renew()
    # Both runs, though neither was told.
    for served in (server, other):
        origin = split(served.url)[0]
        assert asyncio.run(status(f"{origin}/?token={token}")) == 403
        assert asyncio.run(status(f"{origin}/?token={renewed}")) == 200
    other.close()


def test_a_server_proves_that_it_has_the_token_for_its_own_port_and_to_no_page(server: ControlServer) -> None:
    origin, token = split(server.url)
    nonce = "0123456789abcdef" * 2

    async def proof(query: str, **headers: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"{origin}/proof{query}", headers=headers) as given:
            return given.status, await given.text()

    assert asyncio.run(proof(f"?nonce={nonce}")) == (200, proof_of(token, server.port, nonce))
    assert proof_of(token, server.port, nonce) != proof_of(token, server.port + 1, nonce), "no use to another port"
    for query, headers in (
        (f"?nonce={nonce}", {"Host": "evil.example"}),
        (f"?nonce={nonce}", {"Origin": origin}),
        ("?nonce=short", {}),
        (f"?nonce={nonce * 3}", {}),
        ("", {}),
    ):
        assert asyncio.run(proof(query, **headers))[0] == 403


def test_a_page_that_is_open_ends_when_the_token_is_renewed(server: ControlServer) -> None:
    async def talk() -> int | None:
        async with page_at(server.url) as page:
            await page.hear("status")
            Token().renew()
            return await page.close_code()

    assert asyncio.run(talk()) == TOKEN_ENDED


def test_after_the_token_is_renewed_a_page_gets_no_picture_and_changes_nothing(
    server: ControlServer, path: Path
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as watching, page_at(server.url) as asking:
            await watching.say(type="ack", channel="after")
            await until(lambda: server._hub is not None and server._hub._waiting)
            Token().renew()
            server.offer(frame(40))
            await asking.say(type="hold", on=True)
            while (message := await watching.socket.receive(timeout=10.0)).type is not aiohttp.WSMsgType.CLOSE:
                assert message.type is aiohttp.WSMsgType.TEXT
            assert await asking.close_code() == message.data == TOKEN_ENDED

    asyncio.run(talk())
    assert path.calls == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": "Bearer {token}"}, 200),
        ({"Authorization": "Bearer wrong"}, 403),
        ({"Authorization": "Basic {token}"}, 403),
        ({"Authorization": "Bearer {token}", "Origin": "http://evil.example"}, 403),
        ({"Authorization": "Bearer {token}", "Origin": "null"}, 403),
        ({"Authorization": "Bearer {token}", "Host": "evil.example"}, 403),
        ({}, 403),
    ],
)
def test_a_script_comes_in_by_the_header_and_a_foreign_page_never(
    server: ControlServer, path: Path, headers: dict[str, str], expected: int
) -> None:
    async def post() -> int:
        origin, token = split(server.url)
        given = {name: value.format(token=token) for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{origin}/api/relock", headers=given) as response,
        ):
            return response.status

    assert asyncio.run(post()) == expected
    assert path.calls == ([("relock", True)] if expected == 200 else [])


def test_the_page_comes_with_a_strict_cookie_and_its_files_with_the_cookie(server: ControlServer) -> None:
    async def load() -> None:
        origin, token = split(server.url)
        async with client() as session:
            async with session.get(server.url) as response:
                cookie = response.cookies[f"mien_{server.port}"]
                assert (cookie.value, cookie["samesite"], cookie["httponly"]) == (token, "Strict", True)
                assert "Mien" in await response.text()
            for file in _FILES:
                async with session.get(origin + file) as response:
                    assert response.status == 200
                    headers = response.headers
                    assert headers["X-Content-Type-Options"] == "nosniff"
                    assert headers["Cache-Control"] == "no-store"
                    policy = headers["Content-Security-Policy"]
                    assert "default-src 'none'; script-src 'self'" in policy
                    assert "unsafe" not in policy
                    assert token not in await response.text()

    asyncio.run(load())


def test_refusals_carry_the_headers_too(server: ControlServer) -> None:
    async def load() -> None:
        async with aiohttp.ClientSession() as session, session.get(split(server.url)[0]) as response:
            assert response.headers["X-Frame-Options"] == "DENY"
            assert "address that it printed" in await response.text()

    asyncio.run(load())


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_a_foreign_host_is_refused_even_with_the_token(server: ControlServer, host: str) -> None:
    headers = {"Host": host.format(port=server.port)}
    assert asyncio.run(status(server.url, headers=headers)) == 403


def test_localhost_is_the_same_place(server: ControlServer) -> None:
    assert asyncio.run(status(server.url, headers={"Host": f"LOCALHOST:{server.port}"})) == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_a_socket_from_a_foreign_page_is_refused_even_with_the_token(server: ControlServer, origin: str | None) -> None:
    async def connect() -> None:
        home, token = split(server.url)
        given = None if origin is None else origin.format(port=server.port)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{home}/socket?token={token}", origin=given)
            assert refused.value.status == 403

    asyncio.run(connect())
    assert server.pages == 0


def test_a_post_from_a_foreign_page_is_refused_and_from_the_own_page_unknown(server: ControlServer) -> None:
    async def post(origin: str) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(server.url, headers={"Origin": origin}) as response,
        ):
            return response.status

    assert asyncio.run(post("http://evil.example")) == 403
    assert asyncio.run(post(split(server.url)[0])) == 405


@pytest.mark.parametrize(
    "tail",
    [
        "/../server.py",
        "/%2e%2e/control/server.py",
        "/..%2f..%2fpyproject.toml",
        "//etc/passwd",
        "/web/index.html",
        "/app.js/",
    ],
)
def test_there_is_no_way_out_of_the_folder(server: ControlServer, tail: str) -> None:
    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        _, token = split(server.url)
        writer.write(
            f"GET {tail}?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    assert asyncio.run(ask()).startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


def test_only_this_machine_is_listened_to(server: ControlServer) -> None:
    assert server._socket is not None
    assert server._socket.getsockname()[0] == "127.0.0.1"


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() -> None:
    folder = resources.files("mien.plugin").joinpath("web")
    html = folder.joinpath("index.html").read_text(encoding="utf-8")
    assert html.count("<script") == html.count('<script type="module" src="/')
    assert "style=" not in html
    assert " on" + "click" not in html
    for name, _ in _FILES.values():
        text = folder.joinpath(name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text


def test_every_file_of_the_page_is_served() -> None:
    folder = resources.files("mien.plugin").joinpath("web")
    assert {entry.name for entry in folder.iterdir()} == {name for name, _ in _FILES.values()}


# -- ports and life -------------------------------------------------------------------------------------------------


def test_a_taken_port_gives_way_to_the_next(path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        wanted = holder.getsockname()[1]
        told: list[str] = []
        served = ControlServer(desk_of(path), port=wanted, on_event=told.append)
        served.start()
        assert wanted < served.port < wanted + 20
        assert told == [f"port {wanted} is taken, so the page is on port {served.port}"]
        assert asyncio.run(status(served.url)) == 200
        served.close()


def test_no_free_port_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.control.server._PORT_TRIES", 1)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        wanted = holder.getsockname()[1]
        with pytest.raises(SinkError, match=rf"no port from {wanted} to {wanted} is free.*--preview-port"):
            ControlServer(desk_of(path), port=wanted).start()


def test_closing_ends_pages_thread_and_port(path: Path) -> None:
    served = ControlServer(desk_of(path), port=0)
    served.start()

    async def stay() -> int | None:
        async with page_at(served.url) as page:
            await page.hear("status")
            closing = threading.Thread(target=served.close)
            closing.start()
            code = await page.close_code()
            await asyncio.to_thread(closing.join)
            return code

    assert asyncio.run(stay()) == 1001
    assert not any(thread.name == "mien-page" for thread in threading.enumerate())
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", served.port))
    served.close()


def test_an_address_is_known_only_while_it_is_served(path: Path) -> None:
    with pytest.raises(SinkError, match="not served yet"):
        _ = ControlServer(desk_of(path), port=0).url


# -- many pages, bad pages --------------------------------------------------------------------------------------------


def test_a_second_page_sees_what_the_first_switched(server: ControlServer, path: Path) -> None:
    async def two() -> None:
        async with page_at(server.url) as first, page_at(server.url) as second:
            await second.hear("status", slate=False, hold=False)
            await first.say(type="slate", on=True)
            await second.hear("status", slate=True, hold=False)
            await second.say(type="hold", on=True)
            await first.hear("status", slate=True, hold=True)
            async with page_at(server.url) as third:
                await third.hear("status", slate=True, hold=True)

    asyncio.run(two())
    assert path.calls == [("slate", True), ("hold", True)]


def test_too_many_pages_are_turned_away_and_a_place_is_free_again(server: ControlServer) -> None:
    async def crowd() -> None:
        pages = [page_at(server.url) for _ in range(MAX_PAGES)]
        for page in pages:
            await (await page.__aenter__()).hear("status")
        async with page_at(server.url) as late:
            assert await late.close_code() == 4001
        for page in pages:
            await page.__aexit__(None, None, None)
        await until(lambda: server.pages == 0)
        async with page_at(server.url) as again:
            await again.hear("status")

    asyncio.run(crowd())


async def _bad(page: Page, text: str) -> None:
    await page.socket.send_str(text)
    assert (await page.hear("said"))["level"] == "bad"
    await page.close_code()


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "null",
        "{}",
        '{"type": "reboot"}',
        '{"type": "slate", "on": "yes"}',
        '{"type": "show_me", "held": 1}',
        '{"type": "prepare", "persona": 7}',
        '{"type": "change", "settings": 7}',
        '{"type": "ack", "channel": "elsewhere"}',
        '{"type": "ack", "channel": "after", "side": "large"}',
        '{"type": "ack", "channel": "after", "side": true}',
        '{"type": "ack", "channel": "after", "side": 0}',
        "[" * 2000,
    ],
)
def test_a_message_that_is_not_the_pages_ends_its_socket_alone(server: ControlServer, path: Path, text: str) -> None:
    async def talk() -> None:
        async with page_at(server.url) as good, page_at(server.url) as bad:
            await _bad(bad, text)
            await good.say(type="hold", on=True)
            await good.hear("status", hold=True)

    asyncio.run(talk())
    assert path.calls == [("hold", True)]


def test_an_oversize_message_ends_its_socket(server: ControlServer, path: Path) -> None:
    async def talk() -> int | None:
        async with page_at(server.url) as page:
            await page.hear("status")
            await page.socket.send_str(json.dumps({"type": "change", "settings": {"edit": "x" * MAX_MESSAGE_BYTES}}))
            return await page.close_code()

    assert asyncio.run(talk()) == 1009
    assert path.calls == []


def test_binary_from_a_page_ends_its_socket(server: ControlServer) -> None:
    async def talk() -> int | None:
        async with page_at(server.url) as page:
            await page.hear("status")
            await page.socket.send_bytes(b"\x00" * 10)
            return await page.close_code()

    assert asyncio.run(talk()) is not None
