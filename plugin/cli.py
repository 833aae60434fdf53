"""The command line: `mien`. Each command lives in `mien.plugin.commands`."""

from __future__ import annotations

import importlib.metadata
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mien.plugin.commands.bench import bench
from mien.plugin.commands.calibrate import calibrate
from mien.plugin.commands.convert import convert
from mien.plugin.commands.demo import demo
from mien.plugin.commands.devices import devices
from mien.plugin.commands.doctor import doctor
from mien.plugin.commands.persona import app as persona_app
from mien.plugin.commands.run import run
from mien.plugin.commands.session import EXIT_INTERRUPTED, EXIT_TERMINATED, Session
from mien.realtime.errors import MienError

_HELP = """
A webcam becomes a persona, live, and every frame says so.

[bold]Start[/bold]

  mien demo                        see it on a clip, no camera needed
  mien run                         your camera, a page in your browser
  mien run --sink virtualcam       as a camera for Zoom, Teams and OBS
  mien run --persona NAME          as somebody else
  mien convert in.mp4 out.mp4      every frame of a file, with its sound

[bold]When something does not work[/bold]

  mien doctor                      what is missing, and what mends it
  mien devices                     which cameras there are

What leaves is always marked: AI MODIFIED, AI GENERATED, or CAMERA while you
hold "show me".
"""
_EPILOG = (
    "Exit status: 0 done · 1 a check failed · 2 a wrong option or setting · 3 source · 4 model file · 5 persona · "
    "6 engine · 7 sink · 8 a package is missing · 9 could not be checked · 70 a mistake of Mien's · "
    "130 stopped by Ctrl-C · 143 terminated."
)


class MienGroup(TyperGroup):
    """The group of all commands, and the one place where a failure becomes a message and an exit status."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's Context, whose module is private to typer
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            _session(ctx).warn("stopped")
            raise typer.Exit(EXIT_INTERRUPTED) from stopped
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `mien` with the process's arguments, or with `arguments`; always ends by `SystemExit`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # "--debug" is the habit after a failed command, so it is taken wherever it stands.
    if "--debug" in given:
        given = ["--debug", *(argument for argument in given if argument != "--debug")]
    signal.signal(signal.SIGTERM, _terminate)
    app(given, prog_name="mien")


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


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # As SystemExit, so that files are finished and the camera is released on the way out.
    raise SystemExit(EXIT_TERMINATED)


for _name, _command in (
    ("run", run),
    ("convert", convert),
    ("demo", demo),
    ("devices", devices),
    ("calibrate", calibrate),
    ("bench", bench),
    ("doctor", doctor),
):
    app.command(_name)(_command)
app.add_typer(persona_app, name="persona")
