"""Our source in OBS, raw webcams found and replaced, and all of it put back: through obs-websocket alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mien.plugin.obs.client import Data, ObsClient
from mien.plugin.obs.errors import ObsError, ObsRequestError
from mien.plugin.obs.journal import (
    CameraParked,
    Change,
    ItemHidden,
    Journal,
    MicrophoneDelayed,
    SourceMade,
)

#: The setting that names the device, by the kind of a raw webcam's source (without its version).
CAMERAS: Final = {
    "v4l2_input": "device_id",
    "dshow_input": "video_device_id",
    "av_capture_input": "device",
    "macos-avcapture": "device",
    "macos-avcapture-fast": "device",
    "pipewire-camera-source": "device_id",
}
#: Devices that are written by Mien or by OBS, and so show no bare face of themselves: parts of their names.
_WRITTEN: Final = ("mien", "obs virtual camera", "obs-virtual", "unity video capture")
SOURCE_KIND: Final = "ffmpeg_source"
#: RequestStatus of the protocol.
_NOT_FOUND: Final = 600

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webcam stands: the scene, the item's number in it, and what OBS says of the item."""

    scene: str
    item: Data


@dataclass(frozen=True, slots=True)
class Webcam:
    """A source that shows a bare camera.

    Attributes:
        name: of the source.
        kind: of the source, without its version.
        device: what its device setting holds.
        places: where it stands in scenes.
        groups: groups that hold it; obs-websocket cannot put a source into a group.

    """

    name: str
    kind: str
    device: str
    places: tuple[Place, ...]
    groups: tuple[str, ...]


def source_settings(port: int) -> Data:
    """Settings of the Media Source that reads `nut://127.0.0.1:PORT` with the least delay."""
    return {
        "is_local_file": False,
        "input": f"tcp://127.0.0.1:{port}",
        "input_format": "nut",
        "buffering_mb": 0,
        "reconnect_delay_sec": 1,
        "ffmpeg_options": "fflags=nobuffer use_wallclock_as_timestamps=1",
        "hw_decode": False,
        # The stream goes on while the source is hidden, so that it is there at once when it is shown again.
        "restart_on_activate": False,
        "close_when_inactive": False,
        # The last marked picture stays while Mien starts anew, in the versions of OBS that hold it then.
        "clear_on_media_end": False,
    }


async def current_collection(obs: ObsClient) -> str:
    """Name of the scene collection that is open."""
    return str((await obs.call("GetSceneCollectionList"))["currentSceneCollectionName"])


async def find_webcams(obs: ObsClient) -> list[Webcam]:
    """Every source that shows a camera as it is, with its places in all scenes; parked ones are not among them."""
    inputs = (await obs.call("GetInputList"))["inputs"]
    places, groups = await all_places(obs)
    found = []
    for entry in inputs:
        name, kind = str(entry["inputName"]), str(entry["unversionedInputKind"])
        if kind not in CAMERAS:
            continue
        settings = (await obs.call("GetInputSettings", inputName=name))["inputSettings"]
        device = settings.get(CAMERAS[kind])
        if device == "" or any(word in str(device).lower() for word in _WRITTEN):
            continue
        found.append(
            Webcam(
                name, kind, str(device or "the default one"), tuple(places.get(name, ())), tuple(groups.get(name, ()))
            )
        )
    return found


async def make_source(obs: ObsClient, journal: Journal) -> Place | None:
    """Make our Media Source, or set an earlier one right.

    Returns its first place, switched off, in the scene that is on air, for OBS makes no source without one; None when
    the source was there already. Give it to `settle`. Raises `ObsError` if another source has the name.
    """
    name, settings = journal.source, source_settings(journal.port)
    inputs = {str(e["inputName"]): str(e["unversionedInputKind"]) for e in (await obs.call("GetInputList"))["inputs"]}
    made = SourceMade(collection=await current_collection(obs), name=name)
    if name in inputs:
        if inputs[name] != SOURCE_KIND or made not in journal.changes:
            raise ObsError(f"OBS has a source '{name}' already, which is not Mien's.", hint="Use another: --name NAME")
        await obs.call("SetInputSettings", inputName=name, inputSettings=settings)
        return None
    scene = str((await obs.call("GetCurrentProgramScene"))["currentProgramSceneName"])
    journal.add(made)
    answer = await obs.call(
        "CreateInput", sceneName=scene, inputName=name, inputKind=SOURCE_KIND, inputSettings=settings,
        sceneItemEnabled=False,
    )  # fmt: skip
    return Place(scene, answer)


async def settle(obs: ObsClient, home: Place, *, size: tuple[int, int], needed: bool) -> None:
    """Show the source at its first place, filling the canvas, or take that place away.

    Args:
        obs: connected.
        home: of `make_source`.
        size: (width, height) px of the stream.
        needed: whether it stands nowhere else.

    """
    item = int(home.item["sceneItemId"])
    if not needed:
        await obs.call("RemoveSceneItem", sceneName=home.scene, sceneItemId=item)
        return
    video = await obs.call("GetVideoSettings")
    canvas = int(video["baseWidth"]), int(video["baseHeight"])
    await obs.call(
        "SetSceneItemTransform", sceneName=home.scene, sceneItemId=item, sceneItemTransform=filling(size, canvas)
    )
    await _show(obs, home.scene, item, True)


def filling(size: tuple[int, int], canvas: tuple[int, int]) -> Data:
    """The transform that shows all of a `size` picture as large as the `canvas` allows, in its middle; px."""
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    return {
        "alignment": 0,
        "positionX": canvas[0] / 2,
        "positionY": canvas[1] / 2,
        "scaleX": scale,
        "scaleY": scale,
    }


async def replace(obs: ObsClient, journal: Journal, webcam: Webcam, *, size: tuple[int, int], tell: Tell) -> None:
    """Put our source in a webcam's places, with its placement and filters; the webcam is hidden and parked.

    Args:
        obs: connected.
        journal: gets each change before it is made.
        webcam: of `find_webcams`.
        size: (width, height) px of the stream.
        tell: gets a sentence for what could not be kept.

    """
    collection = await current_collection(obs)
    for place in webcam.places:
        await _take_place(obs, journal, webcam, place, collection, size)
    await _copy_filters(obs, journal.source, webcam.name, tell)
    for group in webcam.groups:
        tell(f"'{webcam.name}' also stands in the group '{group}', where OBS lets nobody add a source from outside: "
             f"add '{journal.source}' there by hand.")  # fmt: skip
    key = CAMERAS[webcam.kind]
    settings = (await obs.call("GetInputSettings", inputName=webcam.name))["inputSettings"]
    journal.add(CameraParked(collection=collection, name=webcam.name, key=key, device=settings.get(key)))
    # Hidden is not enough: one click would show the bare face, and the device would stay taken.
    await obs.call("SetInputSettings", inputName=webcam.name, inputSettings={key: ""})


async def put_back(obs: ObsClient, journal: Journal, *, tell: Tell) -> list[Change]:
    """Undo what the journal has for the scene collection that is open, newest first; gives what is left of it."""
    collection = await current_collection(obs)
    for change in reversed(journal.changes):
        if getattr(change, "collection", None) != collection:
            continue
        await undo(obs, change, tell=tell)
        journal.remove(change)
    return list(journal.changes)


def describe(change: Change) -> str:
    """A change, in a few words."""
    match change:
        case SourceMade():
            return f"source '{change.name}'"
        case ItemHidden():
            return f"'{change.source}' in scene '{change.scene}'"
        case CameraParked():
            return f"device of '{change.name}'"
        case MicrophoneDelayed():
            return f"sync offset of '{change.name}' ({change.before_ms} ms, set to {change.set_ms} ms)"
        case _:
            return f"script {change.path.name}"


async def undo(obs: ObsClient, change: Change, *, tell: Tell) -> None:
    """Put one change back, unless what it changed is gone; `tell` hears which. The journal is the caller's."""
    try:
        said = await _undo(obs, change)
    except ObsRequestError as error:
        if error.code != _NOT_FOUND:
            raise
        said = "not there any more"
    tell(f"{describe(change)}: {said}")


async def _undo(obs: ObsClient, change: Change) -> str:
    match change:
        case SourceMade():
            await take_out(obs, change.name)
            return "taken out"
        case ItemHidden():
            await _show(obs, change.scene, change.item, change.shown)
        case CameraParked():
            settings = (await obs.call("GetInputSettings", inputName=change.name))["inputSettings"]
            settings.pop(change.key, None)
            if change.device is not None:
                settings[change.key] = change.device
            await obs.call("SetInputSettings", inputName=change.name, inputSettings=settings, overlay=False)
        case MicrophoneDelayed():
            now_ms = (await obs.call("GetInputAudioSyncOffset", inputName=change.name))["inputAudioSyncOffset"]
            if int(now_ms) != change.set_ms:
                return f"somebody set {now_ms} ms since, which stays"
            await obs.call("SetInputAudioSyncOffset", inputName=change.name, inputAudioSyncOffset=change.before_ms)
        case _:
            raise TypeError(f"{change} is no change of a scene collection")
    return "put back"


async def take_out(obs: ObsClient, name: str) -> None:
    """Remove an input and its places; what is not there is not missed."""
    # RemoveInput alone would leave it in every scene that is not on air, until that is shown.
    for place in (await all_places(obs))[0].get(name, []):
        await obs.call("RemoveSceneItem", sceneName=place.scene, sceneItemId=place.item["sceneItemId"])
    with contextlib.suppress(ObsRequestError):
        # Most often it went with its last place.
        await obs.call("RemoveInput", inputName=name)


async def _take_place(
    obs: ObsClient, journal: Journal, webcam: Webcam, place: Place, collection: str, size: tuple[int, int]
) -> None:
    scene, old = place.scene, int(place.item["sceneItemId"])
    shown = bool(place.item["sceneItemEnabled"])
    hidden = ItemHidden(collection=collection, scene=scene, item=old, source=webcam.name, shown=shown)
    journal.add(hidden)
    new = (await obs.call("CreateSceneItem", sceneName=scene, sourceName=journal.source, sceneItemEnabled=False))[
        "sceneItemId"
    ]
    await obs.call(
        "SetSceneItemTransform", sceneName=scene, sceneItemId=new,
        sceneItemTransform=fitted(place.item["sceneItemTransform"], size),
    )  # fmt: skip
    await obs.call(
        "SetSceneItemBlendMode", sceneName=scene, sceneItemId=new,
        sceneItemBlendMode=place.item["sceneItemBlendMode"],
    )  # fmt: skip
    # Directly above the old one; what stood above both still does.
    index = (await obs.call("GetSceneItemIndex", sceneName=scene, sceneItemId=old))["sceneItemIndex"]
    await obs.call("SetSceneItemIndex", sceneName=scene, sceneItemId=new, sceneItemIndex=int(index) + 1)
    await obs.call(
        "SetSceneItemLocked", sceneName=scene, sceneItemId=new, sceneItemLocked=place.item["sceneItemLocked"]
    )
    await _show(obs, scene, int(new), shown)
    await _show(obs, scene, old, False)


def fitted(transform: Data, size: tuple[int, int]) -> Data:
    """A webcam's transform for a stream of another size, so that it fills the same part of the scene.

    Args:
        transform: as GetSceneItemTransform gives it; a camera that is not there has the size 0, and then the numbers
            are taken as they are.
        size: (width, height) px of the stream.

    """
    across = size[0] / transform["sourceWidth"] if transform.get("sourceWidth") else 1.0
    down = size[1] / transform["sourceHeight"] if transform.get("sourceHeight") else 1.0
    kept: dict[str, Any] = {
        key: transform[key]
        for key in ("alignment", "positionX", "positionY", "rotation", "boundsType", "boundsAlignment")
    }
    if transform["boundsType"] != "OBS_BOUNDS_NONE":
        kept |= {key: transform[key] for key in ("boundsWidth", "boundsHeight")}
    kept |= {"scaleX": transform["scaleX"] / across, "scaleY": transform["scaleY"] / down}
    for keys, factor in ((("cropLeft", "cropRight"), across), (("cropTop", "cropBottom"), down)):
        kept |= {key: round(transform[key] * factor) for key in keys}
    return kept


async def _copy_filters(obs: ObsClient, target: str, webcam: str, tell: Tell) -> None:
    there = {str(kept["filterName"]) for kept in await _filters(obs, target)}
    for kept in await _filters(obs, webcam):
        name = str(kept["filterName"])
        if name in there:
            continue
        try:
            await obs.call(
                "CreateSourceFilter", sourceName=target, filterName=name, filterKind=kept["filterKind"],
                filterSettings=kept["filterSettings"],
            )  # fmt: skip
            await obs.call(
                "SetSourceFilterEnabled", sourceName=target, filterName=name, filterEnabled=kept["filterEnabled"]
            )
        except ObsRequestError as error:
            tell(f"the filter '{name}' of '{webcam}' could not be copied: {error}")


async def _filters(obs: ObsClient, source: str) -> list[Data]:
    return list((await obs.call("GetSourceFilterList", sourceName=source))["filters"])


async def _show(obs: ObsClient, scene: str, item: int, shown: bool) -> None:
    await obs.call("SetSceneItemEnabled", sceneName=scene, sceneItemId=item, sceneItemEnabled=shown)


async def all_places(obs: ObsClient) -> tuple[dict[str, list[Place]], dict[str, list[str]]]:
    """Places of each source in scenes, and names of the groups that hold it."""
    places: dict[str, list[Place]] = {}
    groups: dict[str, list[str]] = {}
    for scene in [str(entry["sceneName"]) for entry in (await obs.call("GetSceneList"))["scenes"]]:
        for item in (await obs.call("GetSceneItemList", sceneName=scene))["sceneItems"]:
            places.setdefault(str(item["sourceName"]), []).append(Place(scene, item))
    for group in (await obs.call("GetGroupList"))["groups"]:
        for item in (await obs.call("GetGroupSceneItemList", sceneName=group))["sceneItems"]:
            groups.setdefault(str(item["sourceName"]), []).append(str(group))
    return places, groups
