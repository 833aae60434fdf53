"""`mien obs`: into OBS Studio and out again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.plugin import settings
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.obs.client import ObsClient
from mien.plugin.obs.connection import installed_obs, open_obs
from mien.plugin.obs.errors import ObsClosedError, ObsError
from mien.plugin.obs.install import Webcam, find_webcams, make_source, replace, settle
from mien.plugin.obs.journal import Journal, Kept, ScriptAdded
from mien.plugin.obs.latency import measure_ages
from mien.plugin.obs.locate import Installation, current_collection, running_programs
from mien.plugin.obs.microphone import delay_microphone, running_latency_ms, undo_microphone
from mien.plugin.obs.scenes import our_places, visibility
from mien.plugin.obs.script_files import copy_script, is_listed, list_script, remove_script, unlist_script
from mien.plugin.obs.undo import describe, put_back
from mien.realtime.config import LiveConfig

_HELP = """OBS Studio: put Mien into your scenes in the place of your webcam, look after it, and take it out again.

[bold]Examples[/bold]

  mien obs install                          a source, in your webcam's place
  mien obs status                           what is bare, what hides the mark
  mien obs calibrate --microphone Mic/Aux   sound in step with the picture
  mien obs uninstall                        everything as it was
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help=_HELP,
)

Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="OBS's settings, or a portable OBS, where several are found."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Replace every webcam without a question.")]
_ANEW = "Close OBS and call this again; OBS writes its list of scripts when it ends, so it cannot be changed meanwhile."


@app.command()
def install(
    ctx: typer.Context,
    folder: Folder = None,
    name: Annotated[str, typer.Option("--name", help="What the source is called in OBS.")] = "Mien",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Of the stream from Mien to OBS.")] = 9000,
    yes: Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Put Mien into OBS: a source, in the place of your webcam if you like, and a script with hotkeys.

    Each webcam is asked about. A replaced one is hidden and its device set free, so that Mien can open it; placement,
    crop and filters are kept. `mien obs uninstall` puts all of it back.
    """
    session = _session(ctx, as_json)
    place = installed_obs(folder)
    journal = Journal.load()
    if journal is None:
        journal = Journal(Kept(folder=place.folder, source=name, port=port))
    elif (journal.folder, journal.source, journal.port) != (place.folder, name, port):
        raise ObsError(
            f"Mien is in OBS already: in {journal.folder}, as '{journal.source}', by port {journal.port}.",
            hint="Take it out first: mien obs uninstall",
        )
    running = bool(running_programs())
    script, listed = _add_script(session, journal, place, running=running)
    replaced: list[str] = []
    if running:
        replaced = asyncio.run(_into_scenes(session, journal, yes=yes))
        if script is not None and not listed:
            session.say(f"hotkeys: in OBS, Tools > Scripts > + > {script} (or close OBS and call this once more)")
        session.say(f"now start Mien: mien run --sink nut://127.0.0.1:{port} --sink preview")
    else:
        session.say("OBS is closed: start it and call this once more, for the source and the webcams")
    session.document({"folder": str(place.folder), "script": None if script is None else str(script),
                      "listed": listed, "source": name, "in_scenes": running, "replaced": replaced})  # fmt: skip


@app.command()
def uninstall(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """Put everything back that `mien obs install` and `mien obs calibrate` changed in OBS."""
    session = _session(ctx, as_json)
    journal = Journal.load()
    if journal is None:
        session.say("nothing of Mien's is in OBS")
        session.document({"left": []})
        return
    scripts = [change for change in journal.changes if isinstance(change, ScriptAdded)]
    if running_programs():
        asyncio.run(_out_of_scenes(session, journal))
        if scripts:
            session.say(f"the script is still there. {_ANEW}")
    else:
        for change in scripts:
            unlist_script(journal.folder / "basic" / "scenes", change.path)
            remove_script(change.path)
            journal.remove(change)
            session.say("script: taken out")
    left = [describe(change) for change in journal.changes]
    if not left:
        journal.forget()
        session.say("OBS is as it was")
    elif not running_programs():
        session.say(f"still to be put back, once OBS runs: {', '.join(left)}; start it and call this once more")
    session.document({"left": left})


@app.command()
def status(ctx: typer.Context, folder: Folder = None, as_json: options.AsJson = False) -> None:
    """Say what of Mien is in OBS, which cameras are still bare, and whether the mark can be seen and read."""
    session = _session(ctx, as_json)
    journal = Journal.load()
    place = installed_obs(folder) if journal is None else None
    at = journal.folder if journal is not None else place.folder if place is not None else Path()
    found: dict[str, Any] = {"folder": str(at), "installed": journal is not None, "connected": False}
    try:
        found |= asyncio.run(_look(session, at, journal))
    except ObsClosedError as error:
        found["problem"] = str(error)
    _tell_status(session, found)
    session.document(found)


@app.command()
def calibrate(
    ctx: typer.Context,
    seconds: Annotated[float, typer.Option("--seconds", min=2.0, max=3600.0, help="How long to look.")] = 10.0,
    microphone: Annotated[
        str | None,
        typer.Option("--microphone", metavar="NAME", help="Delay this source of OBS by what was measured."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Give the microphone its own offset again, and end.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Measure how late the picture is in OBS, and delay the microphone by as much if you name it.

    Numbered cards go to OBS beside the stream, into a hidden source; what is on air goes on. The microphone's offset
    is put back when Mien ends, by --undo and by `mien obs uninstall`. Your camera's own delay cannot be seen from
    here, and comes on top (20 to 60 ms).
    """
    session = _session(ctx, as_json)
    journal = Journal.load()
    if journal is None:
        raise ObsError("Mien is not in OBS yet.", hint="First: mien obs install")
    session.document(asyncio.run(_calibrate(session, journal, seconds, microphone, undo=undo)))


def _add_script(session: Session, journal: Journal, place: Installation, *, running: bool) -> tuple[Path | None, bool]:
    """Bring the script into OBS; gives its path and whether OBS has it in a list. The picture does without it."""
    try:
        script = copy_script(journal)
        collection = None if running else current_collection(place.folder)
        if collection is not None and list_script(collection, script):
            session.say(f"the script with hotkeys is in OBS's list ({collection.stem})")
    except ObsError as error:
        session.warn(f"no hotkeys: {error}")
        return None, False
    return script, is_listed(place.scenes, script)


def _session(ctx: typer.Context, as_json: bool) -> Session:
    session: Session = ctx.obj
    session.json = as_json
    return session


def _stream() -> LiveConfig:
    return settings.resolve({})


def _asking(session: Session) -> Callable[[], str] | None:
    """How to ask for the password; None where nobody sits at a terminal: a pipe would show it."""
    if not _at_terminal():
        return None

    def ask() -> str:
        return str(typer.prompt("Password of OBS's WebSocket server", hide_input=True, err=session.json))

    return ask


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _agreed(session: Session, webcam: Webcam) -> bool:
    scenes = ", ".join(place.scene for place in webcam.places)
    try:
        return typer.confirm(
            f"Replace the webcam '{webcam.name}' in {scenes} by Mien?", default=False, err=session.json
        )
    except typer.Abort:
        return False


async def _into_scenes(session: Session, journal: Journal, *, yes: bool) -> list[str]:
    stream, replaced = _stream(), []
    size = stream.width, stream.height
    async with open_obs(journal.folder, ask=_asking(session)) as obs:
        home = await make_source(obs, journal)
        for webcam in await find_webcams(obs):
            if not webcam.places:
                session.say(f"the webcam '{webcam.name}' stands in no scene of its own and is left alone")
            elif yes or _agreed(session, webcam):
                await replace(obs, journal, webcam, size=size, tell=session.say)
                replaced.append(webcam.name)
                session.say(f"'{webcam.name}' is replaced; its device is free for Mien")
            else:
                session.say(f"'{webcam.name}' stays: it shows your bare face where it is shown")
        if home is not None:
            await settle(obs, home, size=size, needed=not replaced)
        session.say(f"the source '{journal.source}' is in OBS")
    return replaced


async def _out_of_scenes(session: Session, journal: Journal) -> None:
    async with open_obs(journal.folder, ask=_asking(session)) as obs:
        await put_back(obs, journal, tell=session.say)
    elsewhere = sorted({change.collection for change in journal.changes if not isinstance(change, ScriptAdded)})
    if elsewhere:
        session.say(f"changes are left in the scene collections {', '.join(elsewhere)}: open each, and call this again")


async def _look(session: Session, folder: Path, journal: Journal | None) -> dict[str, Any]:
    async with open_obs(folder, ask=_asking(session)) as obs:
        found: dict[str, Any] = {
            "connected": True,
            "obs": obs.obs_version,
            "bare_cameras": [webcam.name for webcam in await find_webcams(obs)],
        }
        if journal is not None:
            found |= await _look_at_source(obs, journal)
        return found


async def _look_at_source(obs: ObsClient, journal: Journal) -> dict[str, Any]:
    places = await our_places(obs, journal.source)
    return {
        "source": journal.source,
        "port": journal.port,
        "scenes": [place.scene for place in places],
        "warnings": list((await visibility(obs, places, _stream().badge)).warnings),
        "changes": [describe(change) for change in journal.changes],
    }


def _tell_status(session: Session, found: dict[str, Any]) -> None:
    session.say(f"{' '.join(('OBS', found.get('obs', ''))).strip()}: {found['folder']}")
    if problem := found.get("problem"):
        session.say(f"not connected: {problem}")
    if not found["installed"]:
        session.say("Mien is not installed in it: mien obs install")
    elif "source" in found:
        scenes = ", ".join(found["scenes"]) or "no scene"
        session.say(f"source '{found['source']}' (port {found['port']}) in {scenes}")
    for camera in found.get("bare_cameras", []):
        session.say(f"bare: the webcam '{camera}' is still in OBS")
    for warning in found.get("warnings", []):
        session.say(f"warn: {warning}")
    for change in found.get("changes", []):
        session.say(f"changed: {change}")


async def _calibrate(
    session: Session, journal: Journal, seconds: float, microphone: str | None, *, undo: bool
) -> dict[str, Any]:
    stream = _stream()
    async with open_obs(journal.folder, ask=_asking(session)) as obs:
        if undo:
            await undo_microphone(obs, journal, tell=session.say)
            return {"undone": True}
        ages = await measure_ages(obs, journal, size=(stream.width, stream.height), fps=stream.fps, seconds=seconds)
        inside = running_latency_ms()
        session.say(f"hand-over to picture in OBS: {ages.request_median_ms:.0f} ms when asked, "
                    f"{ages.reply_median_ms:.0f} ms at the reply ({len(ages.at_s)} pictures)")  # fmt: skip
        session.say("Mien itself: " + ("not running, so it is not counted" if inside is None else f"{inside:.0f} ms"))
        total = ages.estimate_ms + (inside or 0.0)
        session.say(f"capture to picture in OBS: {total:.0f} ms")
        found: dict[str, Any] = {
            "request_ms": ages.request_median_ms, "reply_ms": ages.reply_median_ms, "samples": len(ages.at_s),
            "drift_ms_per_minute": ages.drift_ms_per_minute, "mien_ms": inside, "total_ms": total,
        }  # fmt: skip
        if microphone is not None:
            if inside is None:
                raise ObsError("Mien is not running, so its part of the delay is not known.", hint="Start it first.")
            found["microphone"] = await delay_microphone(obs, journal, microphone, round(total), tell=session.say)
        return found
