"""`mien calibrate`: how the user's face rests, and how far it goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mien.plugin import settings
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.realtime.calibration import Calibration
from mien.realtime.calibration_recorder import PHASES, CalibrationRecorder, Step
from mien.realtime.clock import MonotonicClock
from mien.realtime.config import LiveConfig
from mien.realtime.errors import SourceError, SourceLostError
from mien.realtime.interrupts import held_back
from mien.realtime.source.base import Source
from mien.realtime.source.open import open_source
from mien.realtime.tracker.base import Tracker
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path

#: Without a usable frame for this long nobody sits there, seconds.
_PATIENCE_S = 60.0


def calibrate(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Option("--source", metavar="camera[:N|:NAME]|FILE", help="Default: your usual source.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it; default: beside your settings.")
    ] = None,
    config: options.Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Learn your face at rest and a few expressions, in about 20 seconds.

    Afterwards a resting smirk is not played back, and your blinks close. No picture is kept: the file holds numbers.

    [bold]Examples[/bold]

      mien calibrate
      mien calibrate --source camera:1
    """
    session: Session = ctx.obj
    session.json = as_json
    chosen = settings.resolve(options.collect(source=source), file=config)
    place = settings.settings_path().with_name("calibration.json") if out is None else out
    model = landmarker_path()
    with held_back():
        tracker = MediaPipeTracker(model)
    try:
        recorder = _record(session, _open(chosen), tracker)
    finally:
        tracker.close()
    result = recorder.result()
    for name in recorder.missed:
        session.say(f"hardly seen: {name}; it keeps the usual range")
    result.save(place)
    session.say(f"saved as {place.name}")
    if out is None:
        settings.remember({"calibration": place})
        session.say("it is used from the next run on")
    session.document(_as_data(result, place, recorder.missed))


def _open(config: LiveConfig) -> Source:
    return open_source(
        config.source,
        width=config.width,
        height=config.height,
        fps=config.fps,
        # A recording need not be waited for: the recorder counts in the pictures' own time.
        pace=False,
        loop=False,
        clock=MonotonicClock(),
    )


def _record(session: Session, source: Source, tracker: Tracker) -> CalibrationRecorder:
    recorder = CalibrationRecorder()
    prompts = _Prompts(session)
    useful_s = time.monotonic()
    step: Step | None = None
    try:
        while (frame := source.read()) is not None:
            faces = tracker(frame)
            step = recorder.add(faces[0] if len(faces) == 1 else None, frame.media_ns)
            prompts.show(step)
            if step.done:
                break
            now_s = time.monotonic()
            useful_s = useful_s if step.problem else now_s
            if now_s - useful_s > _PATIENCE_S:
                raise SourceError(f"no usable picture for {_PATIENCE_S:.0f} s. {step.problem}")
        else:
            at = "at its first picture" if step is None else f"at '{PHASES[step.phase].name}'"
            raise SourceError(
                f"the source ended before the calibration was done, {at}. {source.trouble}".rstrip(),
                hint="Take a camera, or a recording that is long enough to follow every prompt.",
            )
    except SourceLostError as error:
        raise SourceError(error.message, hint=error.hint) from error
    finally:
        source.close()
    return recorder


class _Prompts:
    """Says each prompt and each new problem once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: tuple[int, str] = (-1, "")

    def show(self, step: Step) -> None:
        """Print what is new in `step`."""
        phase, problem = self._said
        if step.prompt and step.phase != phase:
            self._session.say(f"{step.prompt} ({step.left_s:.0f} s)")
        if step.problem and step.problem != problem:
            self._session.say(f"  {step.problem}")
        self._said = (step.phase, step.problem)


def _as_data(result: Calibration, place: Path, missed: tuple[str, ...]) -> dict[str, object]:
    return {
        "path": str(place),
        "reach": {name: round(score, 4) for name, score in result.reach.items()},
        "eyelid_open": round(result.eyelid_open, 4),
        "eyelid_closed": round(result.eyelid_closed, 4),
        "missed": list(missed),
    }
