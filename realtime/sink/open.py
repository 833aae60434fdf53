"""From what a user writes after `--sink` to a sink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from mien.realtime.config import nearest
from mien.realtime.errors import ConfigError
from mien.realtime.sink.base import Sink
from mien.realtime.sink.file import FORMATS, FileSink
from mien.realtime.sink.null import NullSink
from mien.realtime.sink.nut import NutSink

#: What may stand after `--sink`, for help texts.
KINDS = ("virtualcam", "file", "nut", "preview", "null")


def open_sink(
    spec: str,
    *,
    overwrite: bool = False,
    preview: Callable[[], Sink] | None = None,
    virtual_camera: Callable[[str | None], Sink] | None = None,
    finished: Callable[[Path], None] | None = None,
) -> Sink:
    """Make the sink that `spec` names; it is not opened yet (see `SinkRunner`).

    Args:
        spec: `virtualcam[:DEVICE]`, `file:PATH` or a path that ends in .mp4, .mov or .mkv,
            `nut://127.0.0.1:PORT`, `preview` or `null`.
        overwrite: whether a file may be replaced.
        preview: makes the page's sink, where there is a page.
        virtual_camera: makes the sink of the device of this name (None takes the first one), where cameras are written.
        finished: told the path of each recording that is whole and has its name; see `FileSink`.

    Raises `ConfigError` that names the nearest kind, or what is wrong behind it.

    """
    kind, _, rest = spec.partition(":")
    if kind == "file" and rest:
        return FileSink(rest, overwrite=overwrite, finished=finished)
    if kind == "nut":
        return _nut(spec)
    if kind == "virtualcam" and virtual_camera is not None:
        return virtual_camera(rest or None)
    if spec == "null":
        return NullSink()
    if spec == "preview" and preview is not None:
        return preview()
    # Last, so that a file called "null.mp4" is one. A drive's colon stands behind one letter; a longer word before
    # a colon is a kind misspelt, and must not become a file of that name.
    if Path(spec).suffix.lower() in FORMATS and ":" not in spec[2:]:
        return FileSink(spec, overwrite=overwrite, finished=finished)
    raise ConfigError(f"unknown sink '{spec}'. {_advice(kind, spec, has_page=preview is not None)}")


def _nut(spec: str) -> NutSink:
    try:
        parts = urlsplit(spec)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{spec}: {error}.", hint="Write nut://127.0.0.1:PORT.") from error
    if not host or not port or parts.path not in ("", "/"):
        raise ConfigError(f"{spec}: host or port is missing.", hint="Write nut://127.0.0.1:PORT.")
    return NutSink(host, port)


def _advice(kind: str, spec: str, *, has_page: bool) -> str:
    if kind == "virtualcam" or (spec == "preview" and not has_page):
        what = "A virtual camera" if kind == "virtualcam" else "The page"
        return f"{what} is part of the live path; here use file:out.mp4."
    if kind == "file":
        return "Write file:PATH, for example file:out.mp4."
    if kind in ("null", "preview"):
        return f"'{kind}' takes nothing behind it."
    return nearest(kind, list(KINDS))
