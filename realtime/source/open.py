"""From what a user writes after `--source` to a source."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Final

from mien.realtime.clock import Clock
from mien.realtime.devices import CameraDevice, list_cameras
from mien.realtime.errors import SourceError
from mien.realtime.source.base import Source
from mien.realtime.source.camera import CameraSource
from mien.realtime.source.file import FileSource
from mien.realtime.source.image import IMAGE_SUFFIXES, ImageSource
from mien.realtime.source.pattern import PatternSource
from mien.realtime.source.resilient import ResilientSource
from mien.realtime.source.stream import OPEN_TIMEOUT_S, READ_TIMEOUT_S, StreamSource

#: The forms of a source, for messages and help.
FORMS: Final = (
    "camera", "camera:NUMBER", "camera:NAME", "pattern", "a video file", "a picture", "rtsp://...", "http://..."
)  # fmt: skip

STREAM_SCHEMES: Final = frozenset({"rtsp", "rtsps", "http", "https"})

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def open_source(
    spec: str,
    *,
    width: int,
    height: int,
    fps: float,
    pace: bool,
    loop: bool,
    clock: Clock,
    own_devices: frozenset[str] = frozenset(),
) -> Source:
    """Open what `spec` names (see `FORMS`).

    `width`, `height` (px) and `fps` are asked of cameras and make the pattern; `fps` also repeats a picture. `pace`
    and `loop` are for files; `pace` also for pictures and the pattern. Cameras and streams are wrapped in
    a `ResilientSource`. `own_devices` are names or paths of cameras that Mien itself writes: they are refused.

    Raises `SourceError`, with the nearest form for one that is unknown.
    """
    scheme = _SCHEME.match(spec)
    if scheme:
        if scheme[1].lower() not in STREAM_SCHEMES:
            raise _unknown(spec)
        return _open_stream(spec, clock)
    head, _, selector = spec.partition(":")
    if head.lower() == "camera" and not Path(spec).exists():
        return _open_camera(selector.strip(), width=width, height=height, fps=fps, clock=clock, own=own_devices)
    if spec.lower() == "pattern":
        return PatternSource(width=width, height=height, fps=fps, pace=pace, clock=clock)
    path = Path(spec).expanduser()
    if not path.exists() and not _looks_like_path(spec):
        raise _unknown(spec)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource(path, fps=fps, pace=pace, clock=clock)
    return FileSource(path, pace=pace, loop=loop, clock=clock)


def choose_camera(selector: str, cameras: list[CameraDevice]) -> CameraDevice:
    """The camera that `selector` names: a number, a part of a name, a path, or nothing for the first real one.

    Raises `SourceError` where none or several match, where only virtual ones are left to an empty selector, and for
    one that Mien itself writes.
    """
    if not selector:
        return _first_real(cameras)
    camera = _named(selector, cameras)
    if camera.own:
        raise SourceError(
            f"The camera {camera.name!r} is one that Mien itself writes, so it would see its own picture.",
            hint=f"Choose another one. {_listing([other for other in cameras if not other.own])}",
        )
    return camera


def _first_real(cameras: list[CameraDevice]) -> CameraDevice:
    real = [camera for camera in cameras if not camera.virtual and not camera.own]
    if not real:
        others = [camera for camera in cameras if not camera.own]
        if others:
            raise SourceError(
                "There is no camera but virtual ones, and those are never picked by themselves.",
                hint=f"Name the one you mean. {_listing(others)}",
            )
        raise SourceError(
            "There is no camera.", hint="Plug one in, or try `--source pattern`; `mien devices` lists the cameras."
        )
    return next((camera for camera in real if not camera.infrared), real[0])


def _named(selector: str, cameras: list[CameraDevice]) -> CameraDevice:
    wanted = selector.casefold()
    if selector.isdecimal():
        matches = [camera for camera in cameras if camera.index == int(selector)]
    else:
        matches = [camera for camera in cameras if wanted in (camera.name.casefold(), camera.path.casefold())]
        matches = matches or [camera for camera in cameras if wanted in camera.name.casefold()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise SourceError(
            f"{len(matches)} cameras are called {selector!r}.", hint=f"Choose by number. {_listing(matches)}"
        )
    near = difflib.get_close_matches(selector, [camera.name for camera in cameras], n=1)
    guess = f"Did you mean camera:{near[0]}? " if near else ""
    raise SourceError(f"There is no camera {selector!r}.", hint=f"{guess}{_listing(cameras)}")


def _listing(cameras: list[CameraDevice]) -> str:
    if not cameras:
        return "No camera is there."
    entries = (f"camera:{camera.index} ({camera.name}{', virtual' if camera.virtual else ''})" for camera in cameras)
    return f"There are: {', '.join(entries)}."


def _open_camera(
    selector: str, *, width: int, height: int, fps: float, clock: Clock, own: frozenset[str]
) -> ResilientSource:
    pinned: list[CameraDevice] = []

    def open_it() -> Source:
        # A camera keeps its name when it comes back, but often not its number; and after a loss "the first camera"
        # must not turn into another one, which may look somewhere private.
        cameras = list_cameras(own)
        camera = _same(pinned[0], cameras) if pinned else choose_camera(selector, cameras)
        source = CameraSource(
            camera.index, width=width, height=height, fps=fps, clock=clock, name=f"camera:{camera.index}", known=True
        )
        pinned[:] = [camera]
        return source

    return ResilientSource(open_it, clock=clock)


def _same(camera: CameraDevice, cameras: list[CameraDevice]) -> CameraDevice:
    """The camera that was opened first, where it is now."""
    alike = [other for other in cameras if other.name == camera.name and not other.own]
    if not alike:
        raise SourceError(f"The camera {camera.name!r} is not there.", hint="Plug it in again.")
    return next((other for other in alike if other.path == camera.path), alike[0])


def _open_stream(address: str, clock: Clock) -> ResilientSource:
    def open_it() -> Source:
        return StreamSource(address, clock=clock)

    # Segmented streams (HLS) come in bursts some seconds apart; the source's own read timeout is what bounds a loss.
    return ResilientSource(open_it, clock=clock, stall_s=READ_TIMEOUT_S + 1.0, open_s=OPEN_TIMEOUT_S + READ_TIMEOUT_S)


def _looks_like_path(spec: str) -> bool:
    return "/" in spec or "\\" in spec or bool(Path(spec).suffix)


def _unknown(spec: str) -> SourceError:
    words = ["camera", "pattern", *(f"{scheme}://" for scheme in sorted(STREAM_SCHEMES))]
    scheme = _SCHEME.match(spec)
    near = difflib.get_close_matches((scheme[0] if scheme else spec.partition(":")[0]).lower(), words, n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return SourceError(f"The source {spec!r} is unknown.", hint=f"{guess}Allowed are: {', '.join(FORMS)}.")
