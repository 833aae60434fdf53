"""`mien demo`: the product on a clip, without a camera."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import typer

from mien.engines.credentials.manifest import Description, shown_persona
from mien.engines.personas.library import find
from mien.plugin import conversion, measure
from mien.plugin.clip import driver_clip
from mien.plugin.commands import convert, options
from mien.plugin.commands.session import Session
from mien.plugin.report import BenchReport
from mien.plugin.sidebyside import moments, side_by_side
from mien.plugin.signing import Signing
from mien.realtime.config import DEFAULT_PERSONA, LiveConfig
from mien.realtime.errors import SinkError
from mien.realtime.frame import Pixels

#: Columns of the picture.
_MOMENTS = 4
#: Length of the live measurement at the end: enough for a steady rate, short enough to wait for.
_PLAN = measure.Plan(seconds=5.0, warm_up_s=1.5, repeats=1)


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go.")] = Path("mien-demo"),
    persona: options.Persona = None,
    as_json: options.AsJson = False,
) -> None:
    """See it on the shipped clip: a marked video, a picture of before and after, and this machine's numbers.

    The person in the clip and the personas are rendered; nobody's face is in them.
    """
    session: Session = ctx.obj
    session.json = as_json
    name = persona or DEFAULT_PERSONA
    clip = driver_clip()
    video, picture = out / "demo.mp4", out / "side-by-side.png"
    _make_folder(out)
    if not session.interactive:
        session.say("converting the shipped clip ...")
    with convert.progress_bar(session) as bar:
        task = convert.ProgressTask(bar, bar.add_task("converting the clip", total=None))
        report = conversion.convert(clip, video, LiveConfig(persona=name, overwrite=True), progress=task)
    _write_picture(picture, side_by_side(clip, video, moments(clip, _MOMENTS)))
    unsigned = Signing().sign(picture, Description(personas=(shown_persona(find(name)),)))
    session.say("measuring the live path for a few seconds ...")
    live, _ = measure.measure(measure.bench_config(None, persona=name), _PLAN)
    session.say(convert.summary(report))
    convert.warn_unsigned(session, report.unsigned)
    convert.warn_unsigned(session, unsigned)
    session.say(_live_line(live))
    session.say(f"video    {video}")
    session.say(f"picture  {picture}")
    session.say("next: mien studio, and open the page it names")
    session.document(
        {
            "video": str(video),
            "picture": str(picture),
            "convert": convert.as_data(report, stopped=False),
            "live": live.model_dump(mode="json", by_alias=True),
        }
    )


def _live_line(report: BenchReport) -> str:
    frames, latency = report.frames, report.latency_ms
    return (
        f"live at {report.source_fps:g} fps: {report.fps:.1f} fps, "
        f"latency {latency.p50:.1f} ms (p95 {latency.p95:.1f}), {frames.dropped} dropped; "
        f"{report.engine} on {report.runtime}, {report.device}; {report.machine.cpu}"
    )


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"the folder '{out}' cannot be made: {error.strerror}.", hint="Name another with --out."
        ) from error


def _write_picture(path: Path, pixels: Pixels) -> None:
    ok, data = cv2.imencode(".png", pixels)
    if not ok:
        raise SinkError(f"'{path.name}' cannot be encoded.")
    path.write_bytes(data.tobytes())
