"""A stand-in for OBS: a server that speaks obs-websocket 5 (hello, identify, requests, events) over recorded state.

It stands for OBS alone: what it does to its sources and scenes is what OBS 29 did when it was asked the same.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from mien.plugin.obs.client import answer_to

Data = dict[str, Any]
PATIENCE_S = 20.0
NOT_FOUND, EXISTS = 600, 601
#: As GetSceneItemTransform gave it for a camera of 1920x1080 px.
TRANSFORM: Data = {
    "alignment": 5, "boundsAlignment": 0, "boundsHeight": 0.0, "boundsType": "OBS_BOUNDS_NONE", "boundsWidth": 0.0,
    "cropBottom": 0, "cropLeft": 0, "cropRight": 0, "cropTop": 0, "height": 1080.0, "positionX": 0.0,
    "positionY": 0.0, "rotation": 0.0, "scaleX": 1.0, "scaleY": 1.0, "sourceHeight": 1080.0, "sourceWidth": 1920.0,
    "width": 1920.0,
}  # fmt: skip


class RefusedError(Exception):
    def __init__(self, code: int, comment: str) -> None:
        super().__init__(comment)
        self.code = code


def item(number: int, source: str, kind: str, **transform: Any) -> Data:
    return {
        "sceneItemId": number, "sourceName": source, "inputKind": kind, "sceneItemEnabled": True,
        "sceneItemLocked": False, "sceneItemBlendMode": "OBS_BLEND_NORMAL",
        "sceneItemTransform": TRANSFORM | transform,
    }  # fmt: skip


class FakeObs:
    """State of an OBS, and the requests that Mien makes of it."""

    def __init__(self, *, password: str = "", version: str = "29.0.2") -> None:
        self.password = password
        self.version = version
        self.port = 0
        self.asked: list[str] = []
        self.collection = "Stream"
        self.on_air = "Talk"
        self.inputs: dict[str, Data] = {
            "Webcam": {"kind": "v4l2_input", "settings": {"device_id": "/dev/video0", "input": 0}, "filters": [
                {"filterName": "Warm", "filterKind": "color_filter_v2", "filterSettings": {"saturation": 0.4},
                 "filterEnabled": False, "filterIndex": 0},
            ], "sync": 0},
            "Mic": {"kind": "pulse_input_capture", "settings": {}, "filters": [], "sync": 20},
        }  # fmt: skip
        self.scenes: dict[str, list[Data]] = {
            "Talk": [item(1, "Webcam", "v4l2_input"), item(2, "Mic", "pulse_input_capture")],
            "Game": [item(3, "Webcam", "v4l2_input", cropLeft=300, positionX=900.0, scaleX=0.5, scaleY=0.5)],
        }
        self.groups: dict[str, list[Data]] = {}
        self.showing = True
        self.picture = b""
        self.actions: list[str] = []
        self._next = 10
        self._sockets: list[web.WebSocketResponse] = []

    # -- what the tests look at

    def places(self, source: str) -> list[tuple[str, Data]]:
        return [(scene, held) for scene, items in self.scenes.items() for held in items if held["sourceName"] == source]

    def state(self) -> Data:
        return copy.deepcopy({"inputs": self.inputs, "scenes": self.scenes})

    async def tell(self, kind: str, **data: Any) -> None:
        for socket in self._sockets:
            await socket.send_json({"op": 5, "d": {"eventType": kind, "eventIntent": 1, "eventData": data}})

    async def hang_up(self) -> None:
        for socket in list(self._sockets):
            await socket.close()

    # -- the protocol

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("obswebsocket.json",))
        await socket.prepare(request)
        hello: Data = {"obsWebSocketVersion": "5.1.0", "rpcVersion": 1}
        if self.password:
            hello["authentication"] = {"challenge": secrets.token_hex(16), "salt": secrets.token_hex(16)}
        await socket.send_json({"op": 0, "d": hello})
        said = (await socket.receive_json())["d"]
        if self.password:
            asked = hello["authentication"]
            if said.get("authentication") != answer_to(self.password, asked["salt"], asked["challenge"]):
                await socket.close(code=4009, message=b"Authentication failed.")
                return socket
        await socket.send_json({"op": 2, "d": {"negotiatedRpcVersion": 1}})
        self._sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_json({"op": 7, "d": self._answer(json.loads(message.data)["d"])})
        self._sockets.remove(socket)
        return socket

    def _answer(self, asked: Data) -> Data:
        kind, data = asked["requestType"], asked.get("requestData") or {}
        self.asked.append(kind)
        answer: Data = {"requestType": kind, "requestId": asked["requestId"]}
        try:
            # An unknown request is a mistake of the test's, so it ends the connection.
            found = getattr(self, f"_{kind}")(**data)
        except RefusedError as error:
            return answer | {"requestStatus": {"result": False, "code": error.code, "comment": str(error)}}
        return answer | {"requestStatus": {"result": True, "code": 100}, "responseData": found}

    def _input(self, name: str) -> Data:
        if name not in self.inputs:
            raise RefusedError(NOT_FOUND, f"No source was found by the name of `{name}`.")
        return self.inputs[name]

    def _item(self, scene: str, number: int) -> Data:
        for held in self.scenes.get(scene, []):
            if held["sceneItemId"] == number:
                return held
        raise RefusedError(NOT_FOUND, "No scene items were found in the specified scene by that ID.")

    def _GetVersion(self) -> Data:
        return {"obsVersion": self.version, "obsWebSocketVersion": "5.1.0", "rpcVersion": 1}

    def _GetSceneCollectionList(self) -> Data:
        return {"currentSceneCollectionName": self.collection}

    def _GetInputList(self) -> Data:
        return {"inputs": [
            {"inputName": name, "inputKind": held["kind"], "unversionedInputKind": held["kind"]}
            for name, held in self.inputs.items()
        ]}  # fmt: skip

    def _GetSceneList(self) -> Data:
        return {"scenes": [{"sceneName": name} for name in self.scenes], "currentProgramSceneName": self.on_air}

    def _GetGroupList(self) -> Data:
        return {"groups": list(self.groups)}

    def _GetGroupSceneItemList(self, sceneName: str) -> Data:
        return {"sceneItems": self.groups[sceneName]}

    def _GetSceneItemList(self, sceneName: str) -> Data:
        return {"sceneItems": copy.deepcopy(self.scenes[sceneName])}

    def _GetCurrentProgramScene(self) -> Data:
        return {"currentProgramSceneName": self.on_air}

    def _GetVideoSettings(self) -> Data:
        return {"baseWidth": 1920, "baseHeight": 1080, "outputWidth": 1280, "outputHeight": 720}

    def _GetInputSettings(self, inputName: str) -> Data:
        return {"inputSettings": dict(self._input(inputName)["settings"])}

    def _SetInputSettings(self, inputName: str, inputSettings: Data, overlay: bool = True) -> Data:
        held = self._input(inputName)
        held["settings"] = (held["settings"] if overlay else {}) | inputSettings
        return {}

    def _CreateInput(
        self, sceneName: str, inputName: str, inputKind: str, inputSettings: Data, sceneItemEnabled: bool
    ) -> Data:
        if inputName in self.inputs:
            raise RefusedError(EXISTS, "A source already exists by that input name.")
        self.inputs[inputName] = {"kind": inputKind, "settings": inputSettings, "filters": [], "sync": 0}
        return self._CreateSceneItem(sceneName, inputName, sceneItemEnabled)

    def _RemoveInput(self, inputName: str) -> Data:
        self._input(inputName)
        del self.inputs[inputName]
        # OBS 29 takes it out of the scene on air at once, and out of the others when they are shown.
        self.scenes[self.on_air] = [held for held in self.scenes[self.on_air] if held["sourceName"] != inputName]
        return {}

    def _CreateSceneItem(self, sceneName: str, sourceName: str, sceneItemEnabled: bool) -> Data:
        self._next += 1
        made = item(self._next, sourceName, self._input(sourceName)["kind"], sourceWidth=0.0, sourceHeight=0.0)
        self.scenes[sceneName].append(made | {"sceneItemEnabled": sceneItemEnabled})
        return {"sceneItemId": self._next}

    def _RemoveSceneItem(self, sceneName: str, sceneItemId: int) -> Data:
        held = self._item(sceneName, sceneItemId)
        self.scenes[sceneName].remove(held)
        if not self.places(held["sourceName"]):
            self.inputs.pop(held["sourceName"], None)
        return {}

    def _SetSceneItemTransform(self, sceneName: str, sceneItemId: int, sceneItemTransform: Data) -> Data:
        for key in ("boundsWidth", "boundsHeight"):
            if sceneItemTransform.get(key, 1.0) < 1.0:
                raise RefusedError(402, f"The field `{key}` is below the minimum of `1.0`.")
        self._item(sceneName, sceneItemId)["sceneItemTransform"].update(sceneItemTransform)
        return {}

    def _SetSceneItemBlendMode(self, sceneName: str, sceneItemId: int, sceneItemBlendMode: str) -> Data:
        self._item(sceneName, sceneItemId)["sceneItemBlendMode"] = sceneItemBlendMode
        return {}

    def _GetSceneItemIndex(self, sceneName: str, sceneItemId: int) -> Data:
        return {"sceneItemIndex": self.scenes[sceneName].index(self._item(sceneName, sceneItemId))}

    def _SetSceneItemIndex(self, sceneName: str, sceneItemId: int, sceneItemIndex: int) -> Data:
        held = self._item(sceneName, sceneItemId)
        self.scenes[sceneName].remove(held)
        self.scenes[sceneName].insert(sceneItemIndex, held)
        return {}

    def _SetSceneItemLocked(self, sceneName: str, sceneItemId: int, sceneItemLocked: bool) -> Data:
        self._item(sceneName, sceneItemId)["sceneItemLocked"] = sceneItemLocked
        return {}

    def _SetSceneItemEnabled(self, sceneName: str, sceneItemId: int, sceneItemEnabled: bool) -> Data:
        self._item(sceneName, sceneItemId)["sceneItemEnabled"] = sceneItemEnabled
        return {}

    def _GetSourceFilterList(self, sourceName: str) -> Data:
        return {"filters": copy.deepcopy(self._input(sourceName)["filters"])}

    def _CreateSourceFilter(self, sourceName: str, filterName: str, filterKind: str, filterSettings: Data) -> Data:
        held = self._input(sourceName)["filters"]
        held.append({"filterName": filterName, "filterKind": filterKind, "filterSettings": filterSettings,
                     "filterEnabled": True, "filterIndex": len(held)})  # fmt: skip
        return {}

    def _SetSourceFilterEnabled(self, sourceName: str, filterName: str, filterEnabled: bool) -> Data:
        for held in self._input(sourceName)["filters"]:
            if held["filterName"] == filterName:
                held["filterEnabled"] = filterEnabled
        return {}

    def _GetInputAudioSyncOffset(self, inputName: str) -> Data:
        return {"inputAudioSyncOffset": self._input(inputName)["sync"]}

    def _SetInputAudioSyncOffset(self, inputName: str, inputAudioSyncOffset: int) -> Data:
        self._input(inputName)["sync"] = inputAudioSyncOffset
        return {}

    def _GetSourceActive(self, sourceName: str) -> Data:
        self._input(sourceName)
        return {"videoActive": self.showing, "videoShowing": self.showing}

    def _TriggerMediaInputAction(self, inputName: str, mediaAction: str) -> Data:
        self._input(inputName)
        self.actions.append(mediaAction)
        return {}

    def _GetSourceScreenshot(self, sourceName: str, imageFormat: str, imageWidth: int = 0) -> Data:
        return {"imageData": "data:image/jpg;base64," + base64.b64encode(self.picture).decode()}


@asynccontextmanager
async def serving(obs: FakeObs) -> AsyncIterator[FakeObs]:
    """Let it listen on a free port (`obs.port`)."""
    app = web.Application()
    app.router.add_get("/", obs.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    obs.port = runner.addresses[0][1]
    try:
        yield obs
    finally:
        await obs.hang_up()
        await runner.cleanup()


class Running:
    """The stand-in on a thread of its own, so that it can be closed and started again beside the watch."""

    def __init__(self, obs: FakeObs) -> None:
        self.obs = obs
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    def __enter__(self) -> FakeObs:
        self._thread.start()
        assert self._up.wait(PATIENCE_S)
        return self.obs

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def tell(self, kind: str, **data: Any) -> None:
        asyncio.run_coroutine_threadsafe(self.obs.tell(kind, **data), self._loop).result(PATIENCE_S)

    async def _serve(self) -> None:
        async with serving(self.obs):
            self._up.set()
            await self._end.wait()


def configure(folder: Path, obs: FakeObs, password: str = "secret") -> None:
    """Write the settings of its WebSocket server as OBS does."""
    own = folder / "plugin_config" / "obs-websocket" / "config.json"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(json.dumps({"server_enabled": True, "server_port": obs.port, "auth_required": True,
                               "server_password": password}))  # fmt: skip
