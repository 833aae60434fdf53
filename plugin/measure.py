"""What `mien bench` and the scripts in benchmarks/ do: run the live path for a while and report it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mien.engines.personas.library import Library, find
from mien.engines.personas.pack import read_manifest
from mien.engines.registry import AUTO
from mien.plugin.app import Live
from mien.plugin.clip import driver_clip
from mien.plugin.figures import combine, latency, summarise
from mien.plugin.machine import commit, describe_machine, versions
from mien.plugin.report import SCHEMA_VERSION, BenchReport, Input, Run, WarmUp
from mien.realtime.clock import NS_PER_S
from mien.realtime.config import LiveConfig
from mien.realtime.errors import SourceError
from mien.realtime.stats import FrameRecord


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often.

    Attributes:
        seconds: measured span of each repeat; 1 to 300, since records of more frames are not kept.
        warm_up_s: span before it that is reported apart.
        repeats: how often; the figures are medians.

    """

    seconds: float = 15.0
    warm_up_s: float = 2.0
    repeats: int = 3


#: Repeat (from 1) and frame.
Rows = list[tuple[int, FrameRecord]]


def bench_config(source: str | None, **changes: Any) -> LiveConfig:  # noqa: ANN401 - LiveConfig checks the values
    """Settings of a measurement: the defaults, not the user's own, so that two reports can be compared.

    Args:
        source: as `LiveConfig.source`; None for the shipped clip. A file is played in a loop.
        changes: other settings that differ from the defaults.

    """
    values = {"source": str(driver_clip()) if source is None else source, "sinks": ("null",), "loop": True, **changes}
    return LiveConfig.build(values, where="bench")


def measure(
    config: LiveConfig,
    plan: Plan,
    *,
    on_run: Callable[[int, Run], None] | None = None,
    beside: Callable[[Live], AbstractContextManager[object]] = nullcontext,
) -> tuple[BenchReport, Rows]:
    """Run `plan.repeats` times and give the report and every measured frame.

    Args:
        config: what to run.
        plan: how long, how often.
        on_run: told each repeat's figures.
        beside: entered once the engine is loaded, left before the run ends: whoever reads what leaves.

    Raises:
        MienError: what `Live` raises, or a source that ended before the span did.

    """
    other = _other_persona(config)
    runs: list[Run] = []
    rows: Rows = []
    stats: dict[str, Any] = {}
    for repeat in range(1, plan.repeats + 1):
        run, records, stats = _run_once(config, plan, other, beside)
        runs.append(run)
        rows += [(repeat, record) for record in records]
        if on_run is not None:
            on_run(repeat, run)
    engine, source = stats["engine"], stats["source"]
    report = BenchReport.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "machine": describe_machine(),
            "commit": commit(),
            "versions": versions(),
            "clip": Input(name=source["name"], sha256=file_sha256(Path(config.source))),
            "persona": _persona_input(config.persona),
            "engine": engine["name"],
            **{key: engine[key] for key in ("runtime", "device", "precision", "reason")},
            "width": source["width"],
            "height": source["height"],
            "source_fps": source["fps"],
            "paced": config.pace,
            "sinks": tuple(sink.split(":")[0] for sink in config.sinks),
            **combine(runs),
        }
    )
    return report, rows


def file_sha256(path: Path) -> str | None:
    """Lower-case hex SHA-256 of a file; None for what is no file (a camera, the pattern)."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run_once(
    config: LiveConfig, plan: Plan, other: str | None, beside: Callable[[Live], AbstractContextManager[object]]
) -> tuple[Run, list[FrameRecord], dict[str, Any]]:
    with Live(config) as live, ExitStack() as reading:
        # What stands in while a network loads is not what is measured.
        live.wait_ready()
        reading.enter_context(beside(live))
        warm_from_ns = time.monotonic_ns()
        ended = live.wait(plan.warm_up_s)
        from_ns, before = time.monotonic_ns(), live.stats()["frames"]
        ended = ended or live.wait(plan.seconds)
        to_ns, stats = time.monotonic_ns(), live.stats()
        records = live.records()
        rss_mb = psutil.Process().memory_info().rss / 1e6
        if ended:
            raise SourceError(
                f"{stats['source']['name']} ended before {plan.warm_up_s + plan.seconds:g} s were over.",
                hint="Give a longer clip or fewer --seconds.",
            )
        reading.close()
        switch_ms = _switch(live, other)
    measured = [record for record in records if from_ns < record.done_ns <= to_ns]
    counts = {key: stats["frames"][key] - before[key] for key in ("in", "dropped")}
    counts |= {"out": len(measured), "held": sum(record.held for record in measured)}
    run = summarise(
        measured,
        counts,
        rss_mb=rss_mb,
        startup_s=live.startup_s,
        persona_switch_ms=switch_ms,
        warm_up=_warm_up(
            [record for record in records if warm_from_ns < record.done_ns <= from_ns],
            (from_ns - warm_from_ns) / NS_PER_S,
        ),
    )
    return run, measured, stats


def _warm_up(records: list[FrameRecord], seconds: float) -> WarmUp:
    fps = len(records) / seconds if seconds > 0 else 0.0
    return WarmUp(seconds=round(seconds, 3), frames=len(records), fps=round(fps, 3), latency_ms=latency(records))


def _switch(live: Live, other: str | None) -> float | None:
    if other is None:
        return None
    live.set_persona(other)
    return live.persona_switch_ms


def _other_persona(config: LiveConfig) -> str | None:
    """Another shipped persona whom the engine of `config` can show, to measure a change; None where there is none."""
    names = [info.name for info in Library().list() if info.shipped and info.state == "ready"]
    others = (name for name in names if name != config.persona)
    return next((name for name in others if config.engine in (AUTO, *find(name).engines)), None)


def _persona_input(persona: str) -> Input:
    manifest, digest = read_manifest(Library().locate(persona))
    return Input(name=manifest.name, sha256=digest)
