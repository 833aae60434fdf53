"""`mien run`: the live path, until the source ends or somebody stops it."""

from __future__ import annotations

import time
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.plugin import settings
from mien.plugin.app import Live
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.commands.status import StatusView
from mien.plugin.interrupts import EXIT_INTERRUPTED
from mien.realtime.errors import SinkError

#: How often the end of the source and the sinks are looked at, seconds; also the longest that Ctrl-C waits here.
_TICK_S = 0.2
#: Settings that may hold a file's path.
_PATHS = frozenset({"persona", "slate", "calibration"})


def run(
    ctx: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="INPUT",
            help="camera, camera:N, camera:NAME, a video, a picture, rtsp://..., http://... or pattern.",
        ),
    ] = None,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            "--sink",
            metavar="OUTPUT",
            help="preview, virtualcam, file:OUT.mp4, nut://127.0.0.1:PORT or null; may be given several times.",
        ),
    ] = None,
    persona: options.Persona = None,
    engine: options.Engine = None,
    device: options.Device = None,
    mode: options.Mode = None,
    background: options.Background = None,
    edit: options.Edit = None,
    morph: options.Morph = None,
    faces: options.Faces = None,
    bystanders: options.Bystanders = None,
    occluders: options.Occluders = None,
    slate: options.Slate = None,
    calibration: options.Calibration = None,
    width: Annotated[int | None, typer.Option("--width", help="Asked of a camera, px.")] = None,
    height: Annotated[int | None, typer.Option("--height", help="Asked of a camera, px.")] = None,
    fps: Annotated[float | None, typer.Option("--fps", help="Asked of a camera, frames a second.")] = None,
    pace: Annotated[
        bool | None,
        typer.Option(
            "--pace/--no-pace",
            help="Play a file in real time, or as fast as the machine can, dropping nothing.",
            show_default=False,
        ),
    ] = None,
    loop: Annotated[bool | None, typer.Option("--loop/--no-loop", help="Play a file again and again.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="Stop after this time.")] = None,
    preview_port: Annotated[int | None, typer.Option("--preview-port", help="Port of the page.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in your browser.")] = False,
    badge_corner: options.BadgeCorner = None,
    badge_plate: options.BadgePlate = None,
    badge_language: options.BadgeLanguage = None,
    overwrite: options.Overwrite = False,
    config: options.Config = None,
    remember: Annotated[
        bool, typer.Option("--remember/--no-remember", help="Keep what you set here for the next run.")
    ] = True,
    reset_settings: Annotated[
        bool, typer.Option("--reset-settings", help="Set your kept settings aside and start from the defaults.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Become a persona, live.

    [bold]Examples[/bold]

      mien studio                               everything on one page
      mien run                                  first camera, page in the browser
      mien run --sink virtualcam                a camera for Zoom and OBS
      mien run --sink virtualcam --sink preview both at once
      mien run --source camera:1 --persona NAME another camera, another persona
      mien run --source talk.mp4 --loop         a clip instead of a camera
      mien run --sink nut://127.0.0.1:9000      a media source for OBS
      mien run --mode portrait                  the persona's own portrait moves

    What you set is there again next time. Ctrl-C stops, finishes files and
    releases the camera.
    """
    session: Session = ctx.obj
    session.json = as_json
    if reset_settings:
        aside = settings.reset()
        session.say("your settings start anew" + (f"; the old ones are kept as {aside.name}" if aside else ""))
    flags = options.collect(
        source=source,
        sinks=tuple(sink) if sink else None,
        persona=persona,
        engine=engine,
        device=device,
        mode=mode,
        background=background,
        edit=edit,
        morph=morph,
        faces=faces,
        bystanders=bystanders,
        occluders=occluders,
        slate=slate,
        calibration=calibration,
        width=width,
        height=height,
        fps=fps,
        pace=pace,
        loop=loop,
        overwrite=overwrite or None,
        preview_port=preview_port,
        badge_corner=badge_corner,
        badge_plate=badge_plate,
        badge_language=badge_language,
    )
    chosen = settings.resolve(flags, file=config)
    view = StatusView(session)
    keeps = remember and config is None
    with Live(chosen, on_event=view.event, remember=settings.remember if keeps else None) as live:
        if keeps:
            tell_remembered(session, flags)
        if live.preview_url is not None:
            # Once above the live lines too, where it stays and no narrow window cuts it.
            session.say(f"page: {live.preview_url}")
            if open_page:
                webbrowser.open(live.preview_url)
        begin = time.monotonic()
        interrupted = watch(live, view, seconds)
        stats = live.stats() | {"seconds": round(time.monotonic() - begin, 3), "interrupted": interrupted}
    stats["unsigned"] = live.unsigned
    view.summary(stats)
    _check_sinks(stats)
    session.document(stats)
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


def watch(live: Live, view: StatusView, seconds: float | None) -> bool:
    """Show what happens until the end; returns whether it came by Ctrl-C."""
    until_s = None if seconds is None else time.monotonic() + seconds
    try:
        with view:
            # At once, so that even the shortest run says what it ran on.
            view.show(live.stats())
            while not live.wait(_TICK_S):
                stats = live.stats()
                view.show(stats)
                states = [sink["state"] for sink in stats["sinks"]]
                all_dead = bool(states) and all(state == "dead" for state in states)
                if all_dead or (until_s is not None and time.monotonic() >= until_s):
                    break
    except KeyboardInterrupt:
        return True
    return False


def _check_sinks(stats: dict[str, Any]) -> None:
    for sink in stats["sinks"]:
        if sink["state"] == "dead":
            raise SinkError(f"{sink['name']} stopped: {sink['last_error'] or 'no reason was given.'}")


def tell_remembered(session: Session, flags: dict[str, Any]) -> None:
    """Keep what was set on the command line, and say so."""
    kept = settings.remember(flags)
    if kept:
        names = ", ".join(f"{key} = {_shown(key, value)}" for key, value in sorted(kept.items()))
        session.say(f"kept for next time: {names} (--no-remember leaves it, --reset-settings forgets all)")


def _shown(key: str, value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    if isinstance(value, list):
        return " + ".join(str(item) for item in value)
    # People stream their screen: the folder of a file is nobody's business.
    return Path(str(value)).name if key in _PATHS else str(value)
