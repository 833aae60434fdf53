"""Where sources stand in OBS's scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mien.plugin.obs.client import Data, ObsClient

#: Takes a sentence for the user.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webcam stands: the scene, the item's number in it, and what OBS says of the item."""

    scene: str
    item: Data


async def current_collection(obs: ObsClient) -> str:
    """Name of the scene collection that is open."""
    return str((await obs.call("GetSceneCollectionList"))["currentSceneCollectionName"])


async def show(obs: ObsClient, scene: str, item: int, shown: bool) -> None:
    """Switch an item of a scene on or off."""
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
