"""Our source in OBS, raw webcams found and replaced: through obs-websocket alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mien.plugin.obs.client import Data, ObsClient
from mien.plugin.obs.errors import ObsError, ObsRequestError
from mien.plugin.obs.journal import CameraParked, ItemHidden, Journal, SourceMade
from mien.plugin.obs.places import Place, Tell, all_places, current_collection, show

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
    await show(obs, home.scene, item, True)


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
    await show(obs, scene, int(new), shown)
    await show(obs, scene, old, False)


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
