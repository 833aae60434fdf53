"""What may be chosen on the page: which sources and sinks there are, and which words for them come in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mien.plugin.sources import CLIP, own_devices
from mien.realtime.devices import list_cameras
from mien.realtime.errors import ConfigError
from mien.realtime.source.open import STREAM_SCHEMES

#: Where OBS finds the stream; a Media Source is set to it.
NUT_SINK: Final = "nut://127.0.0.1:9000"
_HINT = "A source is camera, camera:NAME, pattern, clip, rtsp://... or http://..."


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list on the page: the words for it, what it is called, and a remark."""

    value: str
    label: str
    remark: str = ""


def sources(sinks: tuple[str, ...]) -> list[Choice]:
    """Cameras first, then what is always there. Asks the system, which may take a second."""
    cameras = [camera for camera in list_cameras(own_devices(sinks)) if not camera.own]
    found = [
        Choice(f"camera:{camera.name}" if _alone(camera.name, [c.name for c in cameras]) else f"camera:{camera.index}",
               camera.name, "virtual" if camera.virtual else "")
        for camera in cameras
    ]  # fmt: skip
    return [*found, Choice("pattern", "Test picture"), Choice(CLIP, "Demo clip", "a rendered person, with speech")]


def sinks() -> list[Choice]:
    """What can be switched on beside the page."""
    return [
        Choice("virtualcam", "Virtual camera", "for Zoom, Teams, Discord and OBS"),
        Choice(NUT_SINK, "OBS", "a Media Source reads it from this machine"),
    ]


def check_source(spec: str) -> None:
    """Raise `ConfigError` for what does not come in by the page: the path of a file, above all."""
    head = spec.partition(":")[0].lower()
    scheme = spec.partition("://")[0].lower() if "://" in spec else ""
    if scheme:
        if scheme not in STREAM_SCHEMES or not urlsplit(spec).hostname:
            raise ConfigError(f"'{spec}' is no network stream.", hint=_HINT)
    elif spec not in ("pattern", CLIP) and head != "camera":
        raise ConfigError(f"'{spec}' cannot be chosen here.", hint=_HINT)
    elif "/" in spec or "\\" in spec:
        raise ConfigError("a camera is chosen by its name or number here.", hint=_HINT)


def check_sinks(specs: Iterable[str]) -> None:
    """Raise `ConfigError` for a sink that the page does not open: the path of a file, above all."""
    for spec in specs:
        if not is_choice(spec):
            raise ConfigError(f"the sink '{spec}' cannot be chosen here.", hint="Choose virtualcam or nut://...")


def is_choice(spec: str) -> bool:
    """Whether a sink is one that comes and goes by the page; what it records, and files of the run, are none."""
    return spec == "preview" or spec.partition(":")[0] in ("virtualcam", "nut")


def shown(spec: str) -> str:
    """A file's name without its folder; what is no file as it is, its password left out."""
    if "://" in spec:
        return re.sub(r"//[^/@]*@", "//", spec)
    if spec.partition(":")[0] == "camera":
        return spec
    return Path(spec).name if os.sep in spec or "/" in spec else spec


def _alone(name: str, names: list[str]) -> bool:
    return names.count(name) == 1 and "/" not in name and "\\" not in name
