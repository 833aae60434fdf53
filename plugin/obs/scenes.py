"""What OBS makes of the picture: where it stands, and whether the mark can be seen and read there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from mien.plugin.obs.client import Data, ObsClient
from mien.plugin.obs.places import Place, all_places
from mien.realtime.badge import CALM_HEIGHT, LEGIBLE_PX, Badge, Box, Corner
from mien.realtime.config import BadgeSettings
from mien.realtime.frame import MIN_SIDE_PX

#: Part of the badge's area that may be cut off: rounding, and no more.
_CUT: Final = 0.02
#: Bits of OBS's alignments.
_LEFT, _RIGHT, _TOP, _BOTTOM = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Canvas:
    """Size of OBS's canvas, and of what it sends, px."""

    width: int
    height: int
    output_height: int


async def our_places(obs: ObsClient, source: str) -> list[Place]:
    """Where our source stands, in all scenes, shown or not."""
    return (await all_places(obs))[0].get(source, [])


@dataclass(frozen=True, slots=True)
class Visibility:
    """How the mark fares in OBS.

    Attributes:
        corners: of the picture that are seen wherever any is, or, if there is no such corner, in the scene on air;
            empty: all, or nothing can be known.
        warnings: sentences for the places where the mark is cut off, turned round or too small.

    """

    corners: frozenset[Corner]
    warnings: tuple[str, ...]


async def visibility(obs: ObsClient, places: list[Place], badge: BadgeSettings) -> Visibility:
    """How the mark fares in these places; those that are switched off count for nothing."""
    video = await obs.call("GetVideoSettings")
    canvas = Canvas(int(video["baseWidth"]), int(video["baseHeight"]), int(video["outputHeight"]))
    on_air = str((await obs.call("GetCurrentProgramScene"))["currentProgramSceneName"])
    places = [place for place in places if place.item["sceneItemEnabled"]]
    seen = [seen_corners(place.item["sceneItemTransform"], canvas, badge) for place in places]
    there = [corners for place, corners in zip(places, seen, strict=True) if place.scene == on_air]
    corners = _in_all(seen) or _in_all(there)
    found = []
    for place, here in zip(places, seen, strict=True):
        transform = place.item["sceneItemTransform"]
        why = hard_to_read(transform, canvas)
        if not here & corners:
            why = "the mark is cut off: crop less, move the source, or make it smaller"
        if why:
            found.append(f"in scene '{place.scene}' {why}")
    return Visibility(corners, tuple(found))


def seen_corners(transform: Data, canvas: Canvas, badge: BadgeSettings) -> frozenset[Corner]:
    """Corners in which the badge is inside the crop and on the canvas.

    Args:
        transform: as GetSceneItemTransform gives it.
        canvas: of OBS.
        badge: how it is set.

    All four where nothing is known: before the first picture the source has no size, and a source that is turned is
    not followed.

    """
    width, height = round(transform["sourceWidth"]), round(transform["sourceHeight"])
    every: frozenset[Corner] = frozenset(get_args(Corner))
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX or transform["rotation"] % 360:
        return every
    left, top = transform["cropLeft"], transform["cropTop"]
    kept = (left, top, width - transform["cropRight"], height - transform["cropBottom"])
    (x, y), (across, down) = _drawn(transform, width, height)
    if across == 0 or down == 0:
        return frozenset()
    # The canvas in the picture's own pixels; a mirrored source is drawn from its right edge.
    sides_x = sorted(((0 - x) / across + left, (canvas.width - x) / across + left))
    sides_y = sorted(((0 - y) / down + top, (canvas.height - y) / down + top))
    shown = _common(kept, (sides_x[0], sides_y[0], sides_x[1], sides_y[1]))
    boxes = Badge(width, height, badge).boxes
    return frozenset(corner for corner, box in boxes.items() if _area(_common(box, shown)) >= (1 - _CUT) * _area(box))


def _in_all(seen: list[frozenset[Corner]]) -> frozenset[Corner]:
    """Corners that every place shows, of those that show any."""
    some = [corners for corners in seen if corners]
    return some[0].intersection(*some) if some else frozenset()


def hard_to_read(transform: Data, canvas: Canvas) -> str:
    """What makes the mark's words hard to read, in a few words; empty when nothing does, or nothing is known yet."""
    width, height = round(transform["sourceWidth"]), round(transform["sourceHeight"])
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX:
        return ""
    if transform["scaleX"] < 0:
        return "the picture is mirrored, so the mark reads backwards: undo Transform > Flip Horizontal"
    if transform["scaleY"] < 0:
        return "the picture is upside down, and the mark with it: undo Transform > Flip Vertical"
    down = _drawn(transform, width, height)[1][1]
    capitals = min(width, height) * CALM_HEIGHT * down * canvas.output_height / canvas.height
    if capitals < LEGIBLE_PX:
        return f"the mark is too small to read (capitals of {capitals:.1f} px): make the source larger"
    return ""


def _drawn(transform: Data, width: int, height: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """((x, y) px on the canvas of the cropped picture's upper left corner, (across, down) canvas px per px)."""
    w = max(1.0, width - transform["cropLeft"] - transform["cropRight"])
    h = max(1.0, height - transform["cropTop"] - transform["cropBottom"])
    at = transform["positionX"], transform["positionY"]
    kind = transform["boundsType"].removeprefix("OBS_BOUNDS_")
    if kind == "NONE":
        scale = transform["scaleX"], transform["scaleY"]
        return _aligned(at, (w * scale[0], h * scale[1]), transform["alignment"]), scale
    room = transform["boundsWidth"], transform["boundsHeight"]
    fits = room[0] / w, room[1] / h
    scale = {
        "STRETCH": fits,
        "SCALE_INNER": (min(fits),) * 2,
        "SCALE_OUTER": (max(fits),) * 2,
        "SCALE_TO_WIDTH": (fits[0],) * 2,
        "SCALE_TO_HEIGHT": (fits[1],) * 2,
        "MAX_ONLY": (min(1.0, *fits),) * 2,
    }.get(kind, (1.0, 1.0))
    box = _aligned(at, room, transform["alignment"])
    rest = room[0] - w * scale[0], room[1] - h * scale[1]
    return _within(box, rest, transform["boundsAlignment"]), scale


def _aligned(at: tuple[float, float], size: tuple[float, float], alignment: int) -> tuple[float, float]:
    """Upper left corner of a box whose point named by `alignment` lies `at`."""
    return (
        at[0] - size[0] * _share(alignment, _LEFT, _RIGHT),
        at[1] - size[1] * _share(alignment, _TOP, _BOTTOM),
    )


def _within(box: tuple[float, float], rest: tuple[float, float], alignment: int) -> tuple[float, float]:
    """Upper left corner of what leaves `rest` free in a box with that corner."""
    return (
        box[0] + rest[0] * _share(alignment, _LEFT, _RIGHT),
        box[1] + rest[1] * _share(alignment, _TOP, _BOTTOM),
    )


def _share(alignment: int, first: int, last: int) -> float:
    if alignment & first:
        return 0.0
    return 1.0 if alignment & last else 0.5


def _common(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
