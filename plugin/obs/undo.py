"""What was changed in OBS, put back: all that the journal has for the scene collection that is open."""

from __future__ import annotations

import contextlib
from typing import Final

from mien.plugin.obs.client import ObsClient
from mien.plugin.obs.errors import ObsRequestError
from mien.plugin.obs.journal import CameraParked, Change, ItemHidden, Journal, MicrophoneDelayed, SourceMade
from mien.plugin.obs.places import Tell, all_places, current_collection, show

#: RequestStatus of the protocol.
_NOT_FOUND: Final = 600


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
            await show(obs, change.scene, change.item, change.shown)
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
