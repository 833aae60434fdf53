"""`mien convert`: every frame of a file, with its sound."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from mien.plugin import conversion, settings
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.interrupts import EXIT_INTERRUPTED


def convert(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video file.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .mp4, .mkv or .mov.")],
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
    badge_corner: options.BadgeCorner = None,
    badge_plate: options.BadgePlate = None,
    badge_language: options.BadgeLanguage = None,
    overwrite: options.Overwrite = False,
    config: options.Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Convert a file: every frame, nothing dropped, the sound kept.

    [bold]Examples[/bold]

      mien convert talk.mp4 talk-persona.mp4
      mien convert talk.mp4 out.mkv --persona NAME --faces all --overwrite

    Ctrl-C stops early; what was converted so far is a whole file.
    """
    session: Session = ctx.obj
    session.json = as_json
    flags = options.collect(
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
        overwrite=overwrite or None,
        badge_corner=badge_corner,
        badge_plate=badge_plate,
        badge_language=badge_language,
    )
    chosen = settings.resolve(flags, file=config)
    stop = threading.Event()
    with progress_bar(session) as bar:
        task = ProgressTask(bar, bar.add_task(source.name, total=None))
        with _first_interrupt(stop, task):
            report = conversion.convert(source, output, chosen, progress=task, stop=stop)
    if stop.is_set() and report.frames["out"] == 0:
        raise KeyboardInterrupt("before the first frame was converted; nothing was written")
    session.say(summary(report))
    warn_unsigned(session, report.unsigned)
    session.document(as_data(report, stopped=stop.is_set()))
    if stop.is_set():
        raise typer.Exit(EXIT_INTERRUPTED)


def summary(report: conversion.ConvertReport) -> str:
    """One line for people."""
    frames = report.frames
    return (
        f"{report.output.name}: {frames['out']} frames in {report.seconds:.1f} s ({report.fps:.1f} a second), "
        f"{frames['held']} held, {frames['slate']} slate, {frames['errors']} errors, "
        f"{'with' if report.audio else 'without'} sound"
    )


def warn_unsigned(session: Session, reason: str) -> None:
    """Say plainly that a file carries no signature, where there is a reason."""
    if reason:
        session.warn(f"note: {reason}")


def as_data(report: conversion.ConvertReport, *, stopped: bool) -> dict[str, object]:
    """Plain values for `--json`."""
    return {
        "output": str(report.output),
        "frames": report.frames,
        "seconds": round(report.seconds, 3),
        "fps": round(report.fps, 2),
        "audio": report.audio,
        "signed": not report.unsigned,
        "stopped": stopped,
    }


class ProgressTask:
    """What `convert` calls while it works: moves one bar."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        #: Whether the conversion has begun.
        self.begun = False

    def __call__(self, done: int, total: int | None) -> None:
        """Show `done` of `total` frames."""
        self.begun = True
        # The number in a file's header may be too small.
        self._bar.update(self._task, completed=done, total=None if total is None else max(done, total))


def progress_bar(session: Session) -> Progress:
    """A bar on the session's terminal; silent where nobody watches one."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=session.console,
        disable=not session.interactive,
        transient=True,
    )


@contextmanager
def _first_interrupt(stop: threading.Event, task: ProgressTask) -> Iterator[None]:
    """Within the block the first Ctrl-C sets `stop`, so that the file is finished; the second interrupts as usual.

    Before the conversion has begun there is nothing to finish, so the first one interrupts too.
    """

    def ask(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        if not task.begun:
            signal.default_int_handler(number, frame)
        stop.set()

    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
