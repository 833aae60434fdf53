"""`mien bench`: the truth about time, as one JSON document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mien.plugin import figures, measure
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.report import BenchReport, Run, Spread, compare
from mien.realtime.errors import ConfigError


def bench(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Option("--source", metavar="FILE|camera|pattern", help="Default: the shipped clip.")
    ] = None,
    persona: options.Persona = None,
    engine: options.Engine = None,
    device: options.Device = None,
    mode: options.Mode = None,
    sink: Annotated[list[str] | None, typer.Option("--sink", help="As in `mien run`; default: null.")] = None,
    pace: Annotated[bool, typer.Option("--pace/--no-pace", help="In real time, or as fast as the machine can.")] = True,
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, max=300.0, help="Measured span of a repeat.")] = 15.0,
    warm_up: Annotated[float, typer.Option("--warm-up", min=0.5, max=60.0, help="Seconds kept apart before it.")] = 2.0,
    repeats: Annotated[int, typer.Option("--repeats", min=1, max=100, help="The figures are medians over them.")] = 3,
    json_out: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write the report here; - for stdout.")
    ] = None,
    csv_out: Annotated[Path | None, typer.Option("--csv", metavar="OUT", help="Write one line a frame here.")] = None,
    compare_two: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Print a Markdown table of two reports, and measure nothing."),
    ] = None,
) -> None:
    """Measure frame rate, latency and memory, and write them down with the machine and the versions.

    [bold]Examples[/bold]

      mien bench
      mien bench --no-pace --json unpaced.json
      mien bench --source talk.mp4 --persona NAME --seconds 30 --json a.json --csv a.csv
      mien bench --compare a.json b.json

    Your own settings are not used, so that two reports can be compared. docs/bench.md explains each figure.
    """
    session: Session = ctx.obj
    if compare_two is not None:
        first, second = (BenchReport.load(path) for path in compare_two)
        typer.echo(compare(first, second, (compare_two[0].stem, compare_two[1].stem)), nl=False)
        return
    session.json = str(json_out) == "-"
    config = measure.bench_config(
        source,
        **options.collect(
            persona=persona, engine=engine, device=device, mode=mode, pace=pace, sinks=tuple(sink) if sink else None
        ),
    )
    plan = measure.Plan(seconds=seconds, warm_up_s=warm_up, repeats=repeats)
    session.say(f"{repeats} x {seconds:g} s after {warm_up:g} s of warm-up, {'paced' if pace else 'unpaced'}")

    def tell(repeat: int, run: Run) -> None:
        session.say(f"  {repeat}: {run.fps:.1f} fps, latency {run.latency_ms.p50:.1f} ms, p95 {run.latency_ms.p95:.1f}")

    report, rows = measure.measure(config, plan, on_run=tell)
    session.console.print(_table(report))
    if json_out is not None and not session.json:
        _write(json_out, report.to_json())
        session.say(f"report: {json_out}")
    if csv_out is not None:
        _write(csv_out, figures.frames_csv(rows))
        session.say(f"frames: {csv_out}")
    session.document(report.model_dump(mode="json", by_alias=True))


def _table(report: BenchReport) -> Table:
    table = Table(
        "figure", "median", "least", "most", box=None, title=f"{report.engine} on {report.runtime}, {report.device}"
    )
    for name, spread in report.spread.items():
        table.add_row(name, *_cells(spread))
    frames = report.frames
    table.add_row("frames", f"{frames.in_} in", f"{frames.dropped} dropped", f"{frames.held} held")
    for stage, time in report.stages_ms.items():
        table.add_row(f"{stage}, ms", f"{time.p50:.2f}", "", f"{time.p95:.2f} (p95)")
    return table


def _cells(spread: Spread) -> tuple[str, str, str]:
    return f"{spread.median:.2f}", f"{spread.min:.2f}", f"{spread.max:.2f}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be written: {error.strerror}.") from error
