from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path as FilePath
from typing import Any, get_args

import aiohttp
import pytest
from control_page import Path, desk_of, page_at, split

from mien.plugin.control.api import MAX_BODY_BYTES, ROUTES, openapi
from mien.plugin.control.desk import CHANGEABLE
from mien.plugin.control.place import Token
from mien.plugin.control.server import MAX_PAGES, ControlServer
from mien.realtime.config import Background
from mien.realtime.errors import SinkError

DOCUMENT = FilePath(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def server(path: Path, tmp_path: FilePath) -> Iterator[ControlServer]:
    served = ControlServer(desk_of(path, recordings=tmp_path / "recordings"), port=0)
    served.start()
    yield served
    served.close()


class Script:
    """A stream deck's worth of HTTP."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session = session
        self._origin = origin

    async def __call__(self, method: str, path: str, body: Any = None, *, data: Any = None) -> tuple[int, Any]:
        options = {"data": data} if data is not None else {"json": body} if body is not None else {}
        async with self._session.request(method, self._origin + path, **options) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else await response.read()


@asynccontextmanager
async def script(server: ControlServer) -> AsyncIterator[Script]:
    headers = {"Authorization": f"Bearer {Token().value}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Script(session, split(server.url)[0])


def ask(server: ControlServer, method: str, path: str, body: Any = None, *, data: Any = None) -> tuple[int, Any]:
    async def once() -> tuple[int, Any]:
        async with script(server) as call:
            return await call(method, path, body, data=data)

    return asyncio.run(once())


# -- the table, its document and its key


def test_the_document_and_the_program_know_the_same_routes() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    written = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/api/[^`]*)`", text))
    served = {(route.method, route.path.replace("{name}", "NAME")) for route in ROUTES}
    # Written as ".../previous" in the row of the next one.
    assert served - written == {("POST", "/api/persona/previous")}
    assert written <= served


def test_the_openapi_document_has_every_route_and_is_served(server: ControlServer) -> None:
    status, document = ask(server, "GET", "/api/openapi.json")
    assert (status, document) == (200, openapi())
    assert {(method.upper(), path) for path, each in document["paths"].items() for method in each} == {
        (route.method, route.path) for route in ROUTES
    }
    ids = [operation["operationId"] for each in document["paths"].values() for operation in each.values()]
    assert len(set(ids)) == len(ids)


def test_the_openapi_document_knows_every_setting_that_can_be_changed_and_no_path_of_a_file() -> None:
    document = openapi()
    schemas = document["components"]["schemas"]
    body = document["paths"]["/api/settings"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Settings"}
    properties = schemas["Settings"]["properties"]
    assert tuple(properties) == CHANGEABLE
    assert properties["background"]["enum"] == list(get_args(Background))
    assert (properties["slate"]["type"], properties["calibration"]["type"]) == ("null", "null")
    # What is referred to is there.
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert named == {"Settings", "BadgeSettings"} == set(schemas)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["no token", "wrong token"])
def test_no_route_answers_without_the_token(
    server: ControlServer, path: Path, route: Any, headers: dict[str, str]
) -> None:
    async def once() -> int:
        url = split(server.url)[0] + route.path.format(name="amara")
        async with aiohttp.ClientSession() as session, session.request(route.method, url, headers=headers) as response:
            return response.status

    assert asyncio.run(once()) == 403
    assert path.calls == []


# -- what each does


def test_switches_are_set_and_turned(server: ControlServer, path: Path) -> None:
    assert ask(server, "POST", "/api/slate", {"on": True}) == (200, {"on": True})
    assert ask(server, "POST", "/api/slate") == (200, {"on": False})
    assert ask(server, "POST", "/api/hold") == (200, {"on": True})
    assert ask(server, "POST", "/api/hold", {"on": True}) == (200, {"on": True})
    assert path.calls == [("slate", True), ("slate", False), ("hold", True), ("hold", True)]


def test_personas_are_listed_shown_and_worn(server: ControlServer, path: Path) -> None:
    status, cards = ask(server, "GET", "/api/personas")
    assert status == 200
    assert [card["name"] for card in cards] == ["amara", "linh", "mateo", "opal", "viggo"]
    assert {(card["kind"], card["state"], card["valid_until"]) for card in cards} == {("synthetic", "ready", "")}
    status, jpeg = ask(server, "GET", cards[0]["portrait"])
    assert (status, jpeg[:3]) == (200, b"\xff\xd8\xff")
    assert ask(server, "POST", "/api/persona", {"name": "viggo"}) == (200, {"persona": "viggo"})
    # Round and round: after the last one comes the first.
    assert ask(server, "POST", "/api/persona/next") == (200, {"persona": "amara"})
    assert ask(server, "POST", "/api/persona/previous") == (200, {"persona": "viggo"})
    # Whoever follows in the same direction is made ready.
    assert path.calls == [
        ("persona", "viggo"), ("persona", "amara"), ("prepare", "linh"), ("persona", "viggo"), ("prepare", "opal")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["nobody", "..", "<script>", "%2e%2e%2famara", "amara%00"])
def test_a_persona_that_is_not_there_is_no_file_either(server: ControlServer, path: Path, name: str) -> None:
    assert ask(server, "GET", f"/api/personas/{name}/portrait")[0] == 404
    status, answer = ask(server, "POST", "/api/persona", {"name": name})
    assert status == 404
    assert "there is no persona" in answer["error"]["message"]
    assert path.calls == []


def test_settings_are_changed_and_a_refusal_says_why(server: ControlServer, path: Path) -> None:
    status, answer = ask(server, "PATCH", "/api/settings", {"colour": 0.5})
    assert (status, answer["settings"]["colour"]) == (200, 0.5)
    status, answer = ask(server, "PATCH", "/api/settings", {"color": 0.5})
    assert status == 409
    assert answer["error"]["type"] == "ConfigError"
    assert "'colour'" in answer["error"]["message"]
    assert path.calls == [("colour", 0.5)]


def test_a_recording_and_a_picture_are_named(server: ControlServer, path: Path, tmp_path: FilePath) -> None:
    status, answer = ask(server, "POST", "/api/record")
    assert (status, answer["on"]) == (200, True)
    assert ask(server, "POST", "/api/record", {"on": False}) == (200, {"on": False, "file": answer["file"]})
    status, kept = ask(server, "POST", "/api/snapshot")
    assert path.calls[-1] == ("snapshot", tmp_path / "recordings" / kept["file"])
    path.changes.fails = {"snapshot": SinkError("the disk is full.", hint="Free some.")}
    assert ask(server, "POST", "/api/snapshot") == (
        409,
        {"error": {"type": "SinkError", "message": "the disk is full.", "hint": "Free some."}},
    )


def test_a_calibration_is_begun_and_cancelled(server: ControlServer, path: Path) -> None:
    assert ask(server, "POST", "/api/calibration", {"on": True}) == (200, {"on": True})
    assert ask(server, "GET", "/api/status")[1]["calibration"]["on"]
    assert ask(server, "POST", "/api/calibration", {"on": False}) == (200, {"on": False})
    assert ask(server, "POST", "/api/calibration")[0] == 400
    assert path.calls == [("record_calibration", True), ("record_calibration", False)]


def test_what_can_be_chosen_and_what_the_doctor_finds(server: ControlServer) -> None:
    status, devices = ask(server, "GET", "/api/devices")
    assert status == 200
    assert [choice["value"] for choice in devices["sources"]][-2:] == ["pattern", "clip"]
    assert [choice["value"] for choice in devices["sinks"]] == ["virtualcam", "nut://127.0.0.1:9000"]
    status, findings = ask(server, "GET", "/api/doctor")
    assert status == 200
    assert {"python", "cameras", "disk"} <= {finding["name"] for finding in findings}
    # Its port is taken by this very server.
    assert "page" not in {finding["name"] for finding in findings}


# -- bad input


@pytest.mark.parametrize(
    ("route", "data", "status"),
    [
        ("/api/slate", b"no json", 400),
        ("/api/slate", b"[]", 400),
        ("/api/slate", b'{"on": "yes"}', 400),
        ("/api/slate", b'{"on": 1}', 400),
        ("/api/slate", b"[" * 4000, 400),
        ("/api/slate", b"\xff\xfe", 400),
        ("/api/persona", b"{}", 400),
        ("/api/persona", b'{"name": 7}', 400),
        ("/api/slate", b" " * (MAX_BODY_BYTES + 1), 413),
        ("/api/nothing", b"", 404),
    ],
)
def test_what_cannot_be_read_is_refused(
    server: ControlServer, path: Path, route: str, data: bytes, status: int
) -> None:
    assert ask(server, "POST", route, data=data)[0] == status
    assert path.calls == []


def test_a_hundred_megabytes_are_refused_whatever_they_say_of_their_length(server: ControlServer, path: Path) -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(1600):
            yield bytes(65536)

    async def talk() -> list[int | None]:
        answers: list[int | None] = []
        async with script(server) as call:
            for data in (io.BytesIO(bytes(100 * 2**20)), flood()):
                try:
                    answers.append((await call("PUT", "/api/slate/picture", data=data))[0])
                except aiohttp.ClientError:
                    # Cut off in the middle of the sending, which says the same.
                    answers.append(None)
            answers.append((await call("POST", "/api/hold", {"on": True}))[0])
        return answers

    *refused, after = asyncio.run(talk())
    assert set(refused) <= {413, None}
    assert after == 200
    assert path.calls == [("hold", True)]


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_a_slate_that_is_no_picture_is_a_sentence(server: ControlServer, path: Path, data: bytes) -> None:
    from mien.realtime.slate import Slate

    def look(picture: FilePath, *, language: str) -> None:
        Slate(64, 48, picture, language=language)

    path.changes.set_slate_picture = look  # type: ignore[method-assign, assignment]
    status, answer = ask(server, "PUT", "/api/slate/picture", data=data or b" ")
    assert status == 409
    assert "cannot be read" in answer["error"]["message"]
    # The user's folder is nobody's business.
    assert "/" not in answer["error"]["message"]


def test_of_ten_clients_two_are_turned_away_and_the_rest_are_served(server: ControlServer, path: Path) -> None:
    async def crowd() -> list[int | None]:
        pages = [page_at(server.url) for _ in range(10)]
        opened = [await page.__aenter__() for page in pages]
        codes: list[int | None] = []
        for number, page in enumerate(opened):
            if number < MAX_PAGES:
                await page.hear("status")
            else:
                codes.append(await page.close_code())
        await opened[0].say(type="slate", on=True)
        for page in opened[:MAX_PAGES]:
            await page.hear("status", slate=True)
        for context in pages:
            await context.__aexit__(None, None, None)
        return codes

    assert asyncio.run(crowd()) == [4001, 4001]
    assert path.calls == [("slate", True)]


def test_two_runs_stand_side_by_side(server: ControlServer, path: Path) -> None:
    other = ControlServer(desk_of(Path()), port=0)
    other.start()
    assert other.port != server.port
    for each in (server, other):
        assert ask(each, "GET", "/api/status")[0] == 200
    other.close()
    assert ask(server, "POST", "/api/relock") == (200, {})
    assert json.dumps(path.calls) == '[["relock", true]]'
