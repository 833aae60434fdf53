"""`mien devices`: which cameras there are."""

from __future__ import annotations

import dataclasses

import typer
from rich.table import Table

from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.realtime.devices import CameraDevice, list_cameras

#: More formats than this fill a terminal; `--json` has all.
_SHOWN_FORMATS = 6


def devices(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """List the cameras with their formats; virtual ones last.

    [bold]Examples[/bold]

      mien devices
      mien run --source camera:2
      mien run --source "camera:Logitech"
    """
    session: Session = ctx.obj
    session.json = as_json
    cameras = list_cameras()
    if cameras:
        session.console.print(_table(cameras))
    else:
        session.say("No camera was found. Plug one in, or try a file: mien run --source talk.mp4")
        session.say("mien doctor says what may be missing.")
    session.document([{**dataclasses.asdict(camera), "infrared": camera.infrared} for camera in cameras])


def _table(cameras: list[CameraDevice]) -> Table:
    table = Table("--source", "name", "kind", "formats", box=None)
    for camera in cameras:
        more = len(camera.formats) - _SHOWN_FORMATS
        formats = [*camera.formats[:_SHOWN_FORMATS], *([f"and {more} more"] if more > 0 else [])]
        table.add_row(f"camera:{camera.index}", camera.name, _kind(camera), "\n".join(formats) or "not told")
    return table


def _kind(camera: CameraDevice) -> str:
    if camera.own:
        return "written by Mien: never a source"
    if camera.virtual:
        return "virtual: only when named"
    return "infrared: only when named" if camera.infrared else "camera"
