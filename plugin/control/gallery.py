"""The personas as the page shows them: their kinds, until when they may be used, and their portraits."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import simplejpeg

from mien.engines.personas.library import Library, PersonaInfo
from mien.engines.personas.pack import read_consent, read_portrait
from mien.realtime.errors import PersonaError

#: Longer side of a portrait on the page, px.
_SIDE_PX = 256
_QUALITY = 85


class UnknownPersonaError(PersonaError):
    """A name that no persona of the list has."""


@dataclass(frozen=True, slots=True)
class Card:
    """One persona on the page.

    Attributes:
        name: for `set_persona`.
        kind: "synthetic", "consented" or "".
        state: "ready", "unverified" or "broken".
        problem: why it cannot be worn; else empty.
        description: as in the manifest.
        trained: whether it has a network of its own.
        valid_until: the day a consent ends, as 2026-11-30; else empty.

    """

    name: str
    kind: str
    state: str
    problem: str
    description: str
    trained: bool
    valid_until: str


def cards() -> list[Card]:
    """Every persona of this user, those that ship with Mien first. Reads manifests and consents from the disk."""
    library = Library()
    return [_card(library, info) for info in library.list()]


def ready() -> list[str]:
    """The names that can be worn, in the page's order."""
    return [info.name for info in Library().list() if info.state == "ready"]


def after(name: str, step: int) -> str:
    """The name `step` places after `name` among those that are ready, round and round."""
    names = ready()
    if not names:
        raise PersonaError("there is no persona that can be worn.", hint="mien persona list says why.")
    return names[(names.index(name) + step) % len(names)] if name in names else names[0]


def portrait(name: str) -> bytes:
    """A small JPEG of a persona's portrait; of one that may not be worn, nothing is shown.

    Raises:
        UnknownPersonaError: no such persona.
        PersonaError: it has no picture that can be shown.

    """
    info = next((info for info in Library().list() if info.name == name), None)
    if info is None:
        raise UnknownPersonaError(f"there is no persona '{name}'.")
    if info.state != "ready":
        raise PersonaError(info.problem)
    pixels = read_portrait(info.path)
    scale = min(_SIDE_PX / max(pixels.shape[:2]), 1.0)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    jpeg: bytes = simplejpeg.encode_jpeg(small, quality=_QUALITY, colorspace="BGR")
    return jpeg


def check_known(name: str) -> None:
    """Raise `UnknownPersonaError` for what is no name of the list: no path of a pack comes in by the page."""
    if not any(info.name == name for info in Library().list()):
        raise UnknownPersonaError(f"there is no persona '{name}' any more.")


def _card(library: Library, info: PersonaInfo) -> Card:
    until = ""
    if info.kind == "consented" and info.state == "ready":
        try:
            until = read_consent(info.path, library.trust).expires.date().isoformat()
        except PersonaError as error:
            return Card(info.name, info.kind, "unverified", str(error), info.description, False, "")
    trained = info.engine == "swapnet"
    return Card(info.name, info.kind, info.state, info.problem, info.description, trained, until)
