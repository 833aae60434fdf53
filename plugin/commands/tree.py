"""All commands of `mien`; each is loaded when it is called, so that help does not wait for the live path."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from mien.plugin.commands.session import Session
from mien.plugin.interrupts import end_in_order
from mien.realtime.errors import MienError

#: Each command's line in the help, in the order of the help: the first line of what the command says of itself.
COMMANDS = {
    "run": "Become a persona, live.",
    "studio": "Everything on one page: personas, camera, outputs, looks, recording; it stays until you end it.",
    "convert": "Convert a file: every frame, nothing dropped, the sound kept.",
    "sign": "Sign a recording: content credentials (C2PA) that say it is made with AI, and show any later change.",
    "demo": "See it on the shipped clip: a marked video, a picture of before and after, and this machine's numbers.",
    "verify": "Say what a file says about itself: signed, marked, and experimental signals.",
    "obs": "OBS Studio: put Mien into your scenes in the place of your webcam, look after it, and take it out again.",
    "devices": "List the cameras with their formats; virtual ones last.",
    "calibrate": "Learn your face at rest and a few expressions, in about 20 seconds.",
    "bench": "Measure frame rate, latency and memory, and write them down with the machine and the versions.",
    "doctor": "Look at what a run needs: packages, model, cameras, virtual camera, codecs, GPU, disk.",
    "persona": "Personas: list them, make one from a portrait with consent, look at one, check one.",
    "consent": "Consent: ask for it, record it before a camera, look at it, say whose records are believed.",
    "plan": "Networks compiled by TensorRT for this machine's NVIDIA GPU: compile, list, check, delete.",
    "train": "Train a persona's network, so that it follows you closer than its portrait can.",
    "cast": "People who do not exist: render a persona, a portrait, a clip, training pairs or a sheet, from a seed.",
}
_HELP = """
A webcam becomes a persona, live, and every frame says so.

[bold]Start[/bold]

  mien demo                        see it on a clip, no camera needed
  mien studio                      your camera, everything on one page
  mien run                         the same as a command, with options
  mien run --sink virtualcam       as a camera for Zoom, Teams and OBS
  mien run --persona NAME          as somebody else
  mien convert in.mp4 out.mp4      every frame of a file, with its sound
  mien verify out.mp4              what a file says about itself

[bold]When something does not work[/bold]

  mien doctor                      what is missing, and what mends it
  mien devices                     which cameras there are

What leaves is always marked: AI MODIFIED, AI GENERATED, or CAMERA while you
hold "show me".
"""
_EPILOG = (
    "Exit status: 0 done · 1 a check failed · 2 a wrong option or setting · 3 source · 4 model file · 5 persona · "
    "6 engine · 7 sink · 8 a package is missing · 9 could not be checked · 10 signing · 70 a mistake of Mien's · "
    "130 stopped by Ctrl-C · 143 terminated."
)


class MienGroup(TyperGroup):
    """The group of all commands, and the one place where a failure becomes a message and an exit status."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**settings)
        # What the help shows of each; `resolve_command` loads the command itself.
        for name, text in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=text, rich_markup_mode="rich")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Load the command that `args` begin with."""
        name, listed, rest = super().resolve_command(ctx, args)
        command = listed if listed is None else _load(str(listed.name))
        # From here on there is something to finish and to release.
        end_in_order()
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's Context, whose module is private to typer
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            raise typer.Exit(_session(ctx).interrupted(str(stopped))) from stopped
        except BrokenPipeError:
            # The reader of a pipe went away (`mien ... | head`); typer ends such a call quietly.
            raise
        except MienError as error:
            raise typer.Exit(_session(ctx).fail(error)) from error
        except Exception as error:
            # What the command line's own parser raises is no failure of a command.
            if _belongs_to_typer(error):
                raise
            raise typer.Exit(_session(ctx).fail(error)) from error


app = typer.Typer(
    name="mien",
    cls=MienGroup,
    help=_HELP,
    epilog=_EPILOG,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"mien {importlib.metadata.version('mien')}")
        raise typer.Exit


@app.callback()
def _common(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    ctx.obj = Session(debug=debug)


def _session(ctx: Any) -> Session:  # noqa: ANN401 - see MienGroup.invoke
    return ctx.obj if isinstance(ctx.obj, Session) else Session()


def _belongs_to_typer(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] in ("typer", "click")


def _load(name: str) -> Any:  # noqa: ANN401 - a command or a group of typer's
    loaded: Any
    module = importlib.import_module(f"mien.plugin.commands.{name}")
    if name in ("persona", "cast", "consent", "plan", "obs"):
        loaded = typer.main.get_group(module.app)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(name)(getattr(module, name))
        loaded = typer.main.get_command(alone)
    loaded.name = name
    return loaded
