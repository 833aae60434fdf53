"""The routes of the control API (docs/api.md): one table, of which the server and the OpenAPI document are made."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from mien.plugin.control import forms, gallery
from mien.plugin.control.desk import CHANGEABLE
from mien.plugin.control.doors import Doors
from mien.plugin.doctor import examine
from mien.realtime.config import LiveConfig
from mien.realtime.errors import MienError
from mien.realtime.slate import MAX_FILE_BYTES

#: The longest body, bytes; a slate's picture has a limit of its own.
MAX_BODY_BYTES: Final = 4096
_CHUNK_BYTES = 65536

Handler = Callable[[web.Request], Awaitable[web.Response]]
Answer = Callable[["Api", web.Request], Awaitable[web.Response]]


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """One line of the table.

    Attributes:
        method: of HTTP.
        path: with {name} where a name stands.
        summary: one sentence.
        answer: the method of `Api` that does it.
        body: what is taken, by name, each with its JSON type; empty for nothing; by "*" where the whole body is one.
        media: kind of the body.

    """

    method: str
    path: str
    summary: str
    answer: Answer
    body: dict[str, str] = dataclasses.field(default_factory=dict)
    media: str = "application/json"


class Api:
    """Answers the routes; on the server's one thread."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._desk = doors.desk

    def add_to(self, app: web.Application) -> None:
        """Register every route."""
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._handler(route))

    def _handler(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await route.answer(self, request)
            except gallery.UnknownPersonaError as error:
                return _failure(404, error)
            except MienError as error:
                return _failure(409, error)

        return handle

    # -- reading

    async def status(self, _: web.Request) -> web.Response:
        """Everything at once."""
        return web.json_response(self._desk.status())

    async def personas(self, _: web.Request) -> web.Response:
        """The gallery."""
        cards = await self._doors.run(gallery.cards)
        return web.json_response(
            [dataclasses.asdict(card) | {"portrait": f"/api/personas/{card.name}/portrait"} for card in cards]
        )

    async def portrait(self, request: web.Request) -> web.Response:
        """A picture of the gallery."""
        jpeg = await self._doors.run(gallery.portrait, request.match_info["name"])
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def devices(self, _: web.Request) -> web.Response:
        """What can be chosen."""
        sources = await self._doors.run(forms.sources, self._desk.live.changes.sinks)
        return web.json_response(
            {
                "sources": [dataclasses.asdict(choice) for choice in sources],
                "sinks": [dataclasses.asdict(choice) for choice in forms.sinks()],
            }
        )

    async def doctor(self, _: web.Request) -> web.Response:
        """`mien doctor`."""
        findings = await self._doors.run(examine)
        # This very server listens there.
        return web.json_response([dataclasses.asdict(each) for each in findings if each.name != "page"])

    async def openapi(self, _: web.Request) -> web.Response:
        """The table itself."""
        return web.json_response(openapi())

    # -- changing

    async def change(self, request: web.Request) -> web.Response:
        """Some of the settings."""
        await self._doors.change(await _body(request))
        return web.json_response(self._desk.status())

    async def restore(self, _: web.Request) -> web.Response:
        """Yesterday's."""
        failures = await self._doors.run(self._desk.restore)
        return web.json_response({"failures": failures, "status": self._desk.status()})

    async def persona(self, request: web.Request) -> web.Response:
        """One of them."""
        name = (await _body(request)).get("name")
        if not isinstance(name, str):
            raise _bad('send {"name": "..."}.')
        await self._doors.change({"persona": name})
        return web.json_response({"persona": name})

    async def next_persona(self, _: web.Request) -> web.Response:
        """One further."""
        return await self._step(1)

    async def previous_persona(self, _: web.Request) -> web.Response:
        """One back."""
        return await self._step(-1)

    async def _step(self, step: int) -> web.Response:
        await self._doors.run(self._desk.step_persona, step)
        return web.json_response({"persona": self._desk.status()["settings"]["persona"]})

    async def slate(self, request: web.Request) -> web.Response:
        """A switch."""
        self._doors.switch("slate", _on(await _body(request)))
        return web.json_response({"on": self._desk.status()["slate"]})

    async def hold(self, request: web.Request) -> web.Response:
        """A switch."""
        self._doors.switch("hold", _on(await _body(request)))
        return web.json_response({"on": self._desk.status()["hold"]})

    async def relock(self, _: web.Request) -> web.Response:
        """Another face."""
        self._desk.live.relock()
        return web.json_response({})

    async def record(self, request: web.Request) -> web.Response:
        """A switch that takes a while."""
        file = await self._doors.run(self._desk.record, _on(await _body(request)))
        return web.json_response({"on": self._desk.status()["recording"]["on"], "file": file})

    async def snapshot(self, _: web.Request) -> web.Response:
        """One picture."""
        return web.json_response({"file": await self._doors.run(self._desk.snapshot)})

    async def put_slate(self, request: web.Request) -> web.Response:
        """A picture comes in."""
        await self._doors.run(self._desk.set_slate_picture, await _picture(request))
        return web.json_response({})

    async def delete_slate(self, _: web.Request) -> web.Response:
        """And goes."""
        await self._doors.run(self._desk.remove_slate_picture)
        return web.json_response({})

    async def calibrate(self, request: web.Request) -> web.Response:
        """Begin or cancel."""
        on = _on(await _body(request))
        if on is None:
            raise _bad('send {"on": true} or {"on": false}.')
        self._desk.calibrate(on)
        return web.json_response({"on": on})


_SWITCH = {"on": "boolean"}
#: Every route there is, beside the page's own files and its socket.
ROUTES: Final = (
    Route("GET", "/api/status", "Everything at once", Api.status),
    Route("PATCH", "/api/settings", "Change settings while live, and keep them", Api.change, {"*": "Settings"}),
    Route("POST", "/api/restore", "Yesterday's set-up again", Api.restore),
    Route("GET", "/api/personas", "All personas", Api.personas),
    Route("GET", "/api/personas/{name}/portrait", "A persona's picture", Api.portrait),
    Route("POST", "/api/persona", "Wear a persona", Api.persona, {"name": "string"}),
    Route("POST", "/api/persona/next", "Wear the next persona", Api.next_persona),
    Route("POST", "/api/persona/previous", "Wear the persona before", Api.previous_persona),
    Route("POST", "/api/hold", "Freeze the last persona picture", Api.hold, _SWITCH),
    Route("POST", "/api/slate", "Show the slate", Api.slate, _SWITCH),
    Route("POST", "/api/relock", "Follow the most prominent face from now on", Api.relock),
    Route("POST", "/api/record", "Begin or end a recording", Api.record, _SWITCH),
    Route("POST", "/api/snapshot", "Keep one marked picture", Api.snapshot),
    Route("PUT", "/api/slate/picture", "Your own slate", Api.put_slate, {"*": "binary"}, "application/octet-stream"),
    Route("DELETE", "/api/slate/picture", "The built-in slate again", Api.delete_slate),
    Route("GET", "/api/devices", "Sources and sinks that can be chosen", Api.devices),
    Route("GET", "/api/doctor", "mien doctor's findings", Api.doctor),
    Route("POST", "/api/calibration", "Begin or cancel a calibration", Api.calibrate, _SWITCH),
    Route("GET", "/api/openapi.json", "This list", Api.openapi),
)


def openapi() -> dict[str, Any]:
    """The table as an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        operation: dict[str, Any] = {
            "summary": route.summary,
            "operationId": f"{route.method.lower()}_{route.path.strip('/').replace('/', '_')}",
            "responses": {
                "200": {"description": "done"},
                "403": {"description": "no token, or a foreign page"},
                "409": {"description": "it cannot be done now; the sentence says why"},
            },
        }
        if "{name}" in route.path:
            operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
        if route.body:
            operation["requestBody"] = {"content": {route.media: {"schema": _schema(route.body)}}}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mien's control API", "version": importlib.metadata.version("mien")},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _settings_schemas(),
        },
        "security": [{"token": []}],
        "paths": paths,
    }


def _settings_schemas() -> dict[str, Any]:
    """What `PATCH /api/settings` takes, from the settings themselves: names, values, limits."""
    whole = LiveConfig.model_json_schema(ref_template="#/components/schemas/{model}")
    properties = {key: whole["properties"][key] for key in CHANGEABLE}
    # Of a file the door only takes that there is to be none.
    properties |= {key: {"type": "null", "title": properties[key]["title"]} for key in ("slate", "calibration")}
    settings = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"Settings": settings, "BadgeSettings": whole["$defs"]["BadgeSettings"]}


def _schema(body: dict[str, str]) -> dict[str, Any]:
    if "*" in body:
        is_settings = body["*"] == "Settings"
        return {"$ref": "#/components/schemas/Settings"} if is_settings else {"type": "string", "format": "binary"}
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in body.items()}}


def _on(body: dict[str, Any]) -> bool | None:
    on = body.get("on")
    if on is not None and not isinstance(on, bool):
        raise _bad('"on" is true or false.')
    return on


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty one where nothing was."""
    data = await _limited(request, MAX_BODY_BYTES)
    if not data.strip():
        return {}
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise _bad("the body is no JSON.") from None
    if not isinstance(body, dict):
        raise _bad("the body is no JSON object.")
    return body


async def _picture(request: web.Request) -> bytes:
    return await _limited(request, MAX_FILE_BYTES)


async def _limited(request: web.Request, limit: int) -> bytes:
    """The body, of which no more than `limit` bytes are ever held, whatever its length is said to be."""
    data = bytearray()
    if (request.content_length or 0) <= limit:
        async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
            data += chunk
            if len(data) > limit:
                break
        else:
            return bytes(data)
    raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length or len(data))


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps(_error("BadRequest", text, "")), content_type="application/json")


def _failure(status: int, error: MienError) -> web.Response:
    return web.json_response(_error(type(error).__name__, error.message, error.hint), status=status)


def _error(kind: str, message: str, hint: str) -> dict[str, dict[str, str]]:
    return {"error": {"type": kind, "message": message, "hint": hint}}
