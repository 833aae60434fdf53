from __future__ import annotations

import asyncio
from typing import Any

import pytest
from obs_server import TRANSFORM, FakeObs, item, serving

from mien.plugin.obs.client import connect
from mien.plugin.obs.scenes import Canvas, Visibility, hard_to_read, our_places, seen_corners, visibility
from mien.realtime.config import BadgeSettings

CANVAS = Canvas(1280, 720, 720)
STREAM = TRANSFORM | {"sourceWidth": 1280.0, "sourceHeight": 720.0, "width": 1280.0, "height": 720.0}
ALL = {"top-left", "top-right", "bottom-left", "bottom-right"}
LEFT = {"top-left", "bottom-left"}
CENTRE, TOP_LEFT = 0, 5


def corners(**transform: Any) -> set[str]:
    return set(seen_corners(STREAM | transform, CANVAS, BadgeSettings()))


def test_a_whole_picture_shows_every_corner() -> None:
    assert corners() == ALL


@pytest.mark.parametrize(
    ("crop", "seen"),
    [
        ({"cropTop": 100}, {"bottom-left", "bottom-right"}),
        ({"cropBottom": 100}, {"top-left", "top-right"}),
        ({"cropLeft": 300}, {"top-right", "bottom-right"}),
        # The badge keeps to the 4:3 part, so this much is free.
        ({"cropLeft": 160, "cropRight": 160}, ALL),
        ({"cropTop": 200, "cropBottom": 200}, set()),
    ],
)
def test_a_crop_takes_corners_away(crop: dict[str, int], seen: set[str]) -> None:
    assert corners(**crop) == seen


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        ({"positionX": 900.0, "positionY": 400.0, "scaleX": 0.5, "scaleY": 0.5}, {"top-left"}),
        ({"positionX": -300.0}, {"top-right", "bottom-right"}),
        ({"positionX": 640.0, "positionY": 360.0, "alignment": CENTRE}, ALL),
        ({"positionX": 640.0, "positionY": 360.0, "alignment": TOP_LEFT}, {"top-left"}),
        ({"positionX": 5000.0}, set()),
        # Mirrored, it is drawn to the left of its position.
        ({"scaleX": -1.0, "positionX": 1280.0}, ALL),
        ({"scaleX": -1.0, "positionX": 0.0}, set()),
        ({"boundsType": "OBS_BOUNDS_SCALE_INNER", "boundsWidth": 640.0, "boundsHeight": 640.0}, ALL),
        ({"boundsType": "OBS_BOUNDS_STRETCH", "boundsWidth": 2560.0, "boundsHeight": 720.0}, LEFT),
        ({"boundsType": "OBS_BOUNDS_SCALE_OUTER", "boundsWidth": 1280.0, "boundsHeight": 1440.0}, set()),
    ],
)  # fmt: skip
def test_the_canvas_takes_corners_away(place: dict[str, Any], seen: set[str]) -> None:
    assert corners(**place) == seen


@pytest.mark.parametrize("unknown", [{"sourceWidth": 0.0, "sourceHeight": 0.0}, {"rotation": 30.0}])
def test_what_is_not_known_is_not_claimed(unknown: dict[str, float]) -> None:
    assert corners(cropTop=300, cropBottom=300, **unknown) == ALL


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ({}, ""),
        ({"scaleX": 0.25, "scaleY": 0.25}, ""),
        ({"scaleX": 0.15, "scaleY": 0.15}, "too small to read (capitals of 3.8 px)"),
        ({"scaleX": -1.0}, "mirrored"),
        ({"scaleY": -1.0}, "upside down"),
        ({"sourceWidth": 0.0, "sourceHeight": 0.0, "scaleX": 0.01, "scaleY": 0.01}, ""),
    ],
)
def test_what_makes_the_mark_hard_to_read(transform: dict[str, float], words: str) -> None:
    found = hard_to_read(STREAM | transform, CANVAS)
    assert words in found
    assert bool(words) == bool(found)


def test_what_is_sent_smaller_than_the_canvas_counts() -> None:
    small = {"scaleX": 0.25, "scaleY": 0.25}
    assert "too small" in hard_to_read(STREAM | small, Canvas(1280, 720, 360))


def looked_at(obs: FakeObs) -> Visibility:
    async def run() -> Visibility:
        async with serving(obs), connect(obs.port, "") as client:
            return await visibility(client, await our_places(client, "Mien"), BadgeSettings())

    return asyncio.run(run())


def shown(**transform: Any) -> dict[str, Any]:
    """A place on the stand-in's canvas of 1920x1080 px that our picture fills."""
    held = item(1, "Mien", "ffmpeg_source")
    held["sceneItemTransform"] = STREAM | {"scaleX": 1.5, "scaleY": 1.5} | transform
    return held


def test_the_mark_goes_where_every_scene_shows_it() -> None:
    obs = FakeObs()
    obs.scenes = {"Talk": [shown(cropTop=100)], "Game": [shown(cropLeft=300)]}
    assert looked_at(obs) == Visibility(frozenset({"bottom-right"}), ())


def test_where_no_corner_is_common_the_scene_on_air_counts_and_the_other_is_named() -> None:
    obs = FakeObs()
    obs.scenes = {"Talk": [shown(cropTop=100)], "Game": [shown(cropBottom=100)]}
    found = looked_at(obs)
    assert found.corners == {"bottom-left", "bottom-right"}
    (warning,) = found.warnings
    assert "in scene 'Game' the mark is cut off" in warning


def test_a_place_that_is_switched_off_counts_for_nothing() -> None:
    obs = FakeObs()
    obs.scenes = {"Talk": [shown()], "Game": [shown(cropTop=300, cropBottom=300) | {"sceneItemEnabled": False}]}
    assert looked_at(obs) == Visibility(frozenset(ALL), ())


def test_a_source_that_stands_twice_in_a_scene_is_looked_at_twice() -> None:
    obs = FakeObs()
    obs.scenes = {"Talk": [shown(cropTop=100), shown()]}
    assert looked_at(obs) == Visibility(frozenset({"bottom-left", "bottom-right"}), ())


def test_a_place_that_shows_no_mark_spoils_none_of_the_others() -> None:
    obs = FakeObs()
    obs.scenes = {"Talk": [shown(cropTop=300, cropBottom=300), shown(cropTop=100)], "Game": [shown(cropLeft=300)]}
    found = looked_at(obs)
    assert found.corners == {"bottom-right"}
    (warning,) = found.warnings
    assert "in scene 'Talk' the mark is cut off" in warning
