"""Looks at a file or a camera once, and gives the three answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from mien.engines.credentials.anchors import NOBODY, Anchors
from mien.engines.verify.looks import Media, MediaInfo
from mien.engines.verify.marked import MarkDetector
from mien.engines.verify.media import Live, open_media
from mien.engines.verify.report import Looked, Report
from mien.engines.verify.signals.observer import Observer
from mien.engines.verify.signed import Signed, read_signed
from mien.realtime.clock import MonotonicClock
from mien.realtime.errors import MissingExtraError
from mien.realtime.source.open import open_source
from mien.realtime.watermark.payload import Payload

#: How long a camera is looked at, seconds, unless told otherwise.
CAMERA_S = 5.0
#: What is asked of a camera.
_CAMERA_PX, _CAMERA_FPS = (1280, 720), 30.0

Progress = Callable[[int, int | None], None]
#: Asked for a mark's payload, when the user's own session began that made it.
Sessions = Callable[[Payload], datetime | None]


def verify(
    path: str | Path,
    *,
    progress: Progress | None = None,
    signals: bool = True,
    own: Anchors = NOBODY,
    sessions: Sessions | None = None,
) -> Report:
    """Look at a picture or video: a local file, never an address.

    Args:
        path: PNG, JPEG, WebP, or a video that FFmpeg reads.
        progress: told, for each picture, how many were looked at and how many there are (None where it is not known).
        signals: also measure the experimental signals; they need MediaPipe, and most of the time.
        own: whose signatures are the user's own.
        sessions: whose marks are, as `mien.plugin.sessions.own_session`.

    Raises:
        VerifyError: it cannot be looked at.

    """
    with closing(open_media(path)) as media:
        return _look(media, _signed(Path(path).expanduser(), own), progress, signals, sessions)


def verify_camera(
    spec: str = "camera",
    *,
    seconds: float = CAMERA_S,
    progress: Progress | None = None,
    signals: bool = True,
    sessions: Sessions | None = None,
) -> Report:
    """Look at a camera, a virtual one too, for some seconds.

    Args:
        spec: "camera", "camera:NUMBER" or "camera:NAME".
        seconds: how long.
        progress: as in `verify`.
        signals: as in `verify`.
        sessions: as in `verify`.

    Raises:
        SourceError: there is no such camera, or it gives no picture.

    """
    width, height = _CAMERA_PX
    source = open_source(
        spec, width=width, height=height, fps=_CAMERA_FPS, pace=True, loop=False, clock=MonotonicClock()
    )
    signed = Signed("unsupported", problems=("a live picture has no file that could carry content credentials",))
    with closing(Live(source, seconds)) as media:
        return _look(media, signed, progress, signals, sessions)


def _look(media: Media, signed: Signed, progress: Progress | None, signals: bool, sessions: Sessions | None) -> Report:
    info = media.info
    detector = MarkDetector(fps_hint=info.fps or _CAMERA_FPS)
    pictures, until_s = 0, 0.0
    with closing(Observer(_no_signals(info, signals))) as observer:
        for look in media.looks():
            detector.add(look.pixels, look.time_s)
            observer.add(look)
            pictures, until_s = pictures + 1, look.time_s
            if progress is not None:
                progress(pictures, info.pictures)
        measured = observer.finish()
    marked = detector.finish()
    own_since = None if sessions is None or marked.payload is None else sessions(marked.payload)
    return Report(Looked(info, pictures, until_s, media.notes), signed, marked, measured, own_since)


def _signed(path: Path, own: Anchors) -> Signed:
    try:
        return read_signed(path, own=own)
    except MissingExtraError as error:
        # The other answers need no such package.
        return Signed("unsupported", problems=(f"{error.message} {error.hint or ''}".strip().rstrip("."),))


def _no_signals(info: MediaInfo, wanted: bool) -> str:
    """Why no signals are measured; empty where they are."""
    if not wanted:
        return "they were not asked for"
    return "they need a video: one picture says too little" if info.kind == "still" else ""
