"""Objects before the face: microphone, hand, cup, controller, a loose lock of hair; each with its exact mask."""

from mien.engines.cast.parts.occluders.draw import KINDS, Kind, Owner, draw_occluder, plan_occluder
from mien.engines.cast.parts.occluders.place import Occluder, Path

__all__ = ["KINDS", "Kind", "Occluder", "Owner", "Path", "draw_occluder", "plan_occluder"]
