from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from obs_server import FakeObs, serving

from mien.plugin.obs.client import Events, answer_to, connect
from mien.plugin.obs.errors import ObsClosedError, ObsError, ObsPasswordError, ObsRequestError


def test_the_proof_is_that_of_the_protocol() -> None:
    # The example of the protocol's documentation.
    salt, challenge = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=", "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
    assert answer_to("supersecretpassword", salt, challenge) == "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="


async def _asked(obs: FakeObs, password: str, request: str = "GetVersion", **data: Any) -> dict[str, Any]:
    async with serving(obs), connect(obs.port, password) as client:
        return await client.call(request, **data)


@pytest.mark.parametrize("password", ["", "correct horse", "pässwört"])
def test_who_knows_the_password_is_answered(password: str) -> None:
    assert asyncio.run(_asked(FakeObs(password=password), password))["obsVersion"] == "29.0.2"


def test_a_wrong_password_is_told_from_a_closed_obs_and_is_not_repeated() -> None:
    with pytest.raises(ObsPasswordError, match="refused the password") as refused:
        asyncio.run(_asked(FakeObs(password="right"), "hunter2"))
    assert "hunter2" not in str(refused.value)


def test_nobody_there() -> None:
    async def run() -> None:
        async with serving(FakeObs()) as obs:
            port = obs.port
        async with connect(port, ""):
            pass

    with pytest.raises(ObsClosedError, match="Enable WebSocket server"):
        asyncio.run(run())


@pytest.mark.parametrize("version", ["27.2.4", "", "unknown"])
def test_an_old_obs_is_refused(version: str) -> None:
    with pytest.raises(ObsError, match="Mien needs OBS 28"):
        asyncio.run(_asked(FakeObs(version=version), ""))


def test_what_obs_refuses_names_the_request_and_the_reason() -> None:
    with pytest.raises(ObsRequestError, match="refused GetInputSettings: No source was found by the name of `x`"):
        asyncio.run(_asked(FakeObs(), "", "GetInputSettings", inputName="x"))


@pytest.mark.parametrize("said", ['{"update-type": "Heartbeat"}', "[]", "not json", '{"op": 0}', '{"op": 9, "d": {}}'])
def test_another_program_on_the_port_is_recognised(said: str) -> None:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(said)
        async for _ in socket:
            pass
        return socket

    with pytest.raises(ObsError, match="does not speak obs-websocket 5"):
        asyncio.run(_connected_to(serve))


def test_a_web_server_on_the_port_is_recognised() -> None:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    with pytest.raises(ObsError, match="is not OBS's WebSocket server"):
        asyncio.run(_connected_to(serve))


def test_a_program_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.obs.client.TIMEOUT_S", 0.2)

    async def run() -> None:
        end = asyncio.Event()

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await end.wait()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            try:
                async with asyncio.timeout(20), connect(server.sockets[0].getsockname()[1], ""):
                    pass
            finally:
                end.set()

    with pytest.raises(ObsError, match="says nothing"):
        asyncio.run(run())


async def _connected_to(serve: Any) -> None:
    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with connect(runner.addresses[0][1], ""):
            pass
    finally:
        await runner.cleanup()


def test_an_obs_that_goes_away_amid_a_call_ends_the_call() -> None:
    class Silent(FakeObs):
        def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
            if asked["requestType"] == "GetSceneList":
                raise ConnectionResetError
            return super()._answer(asked)

    with pytest.raises(ObsClosedError):
        asyncio.run(_asked(Silent(), "", "GetSceneList"))


def test_events_come_in_order_until_obs_goes() -> None:
    async def run() -> list[tuple[str, Any]]:
        heard = []
        async with serving(FakeObs()) as obs, connect(obs.port, "", events=Events.SCENES) as client:
            for number in range(3):
                await obs.tell("CurrentProgramSceneChanged", sceneName=f"{number}")
            await client.call("GetVersion")
            await obs.hang_up()
            async for event in client.events():
                heard.append((event.kind, event.data["sceneName"]))
        return heard

    assert asyncio.run(run()) == [("CurrentProgramSceneChanged", f"{number}") for number in range(3)]


def test_events_that_nobody_reads_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.plugin.obs.client.MAX_EVENTS", 4)

    async def run() -> list[Any]:
        async with serving(FakeObs()) as obs, connect(obs.port, "") as client:
            for number in range(20):
                await obs.tell("SceneItemTransformChanged", number=number)
            await client.call("GetVersion")
            await obs.hang_up()
            return [event.data["number"] async for event in client.events()]

    # The newest ones.
    assert asyncio.run(run()) == [16, 17, 18, 19]
