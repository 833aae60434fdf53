"""From frame records to the figures of a report: percentiles, lows, jitter, medians over repeats, one line a frame."""

from __future__ import annotations

import csv
import io
import itertools
import statistics
from collections.abc import Mapping, Sequence

from mien.plugin.report import FrameCounts, Latency, Run, Spread, StageTime, WarmUp
from mien.realtime.clock import NS_PER_MS, NS_PER_S
from mien.realtime.errors import ConfigError
from mien.realtime.stats import FrameRecord, percentile


def summarise(
    records: Sequence[FrameRecord],
    counts: Mapping[str, int],
    *,
    rss_mb: float,
    startup_s: float,
    persona_switch_ms: float | None,
    warm_up: WarmUp,
) -> Run:
    """Compute one repeat's figures.

    Args:
        records: frames of the measured span, oldest first; at least two.
        counts: `in`, `out`, `dropped` and `held` of the same span.
        rss_mb: resident memory, MB.
        startup_s: seconds.
        persona_switch_ms: milliseconds, or None when no second persona was there.
        warm_up: what came before.

    Raises:
        ConfigError: when fewer than two frames came out, so there is nothing to measure.

    """
    if len(records) < 2:
        raise ConfigError(f"only {len(records)} frames came out in the measured span.", hint="Give a longer --seconds.")
    gaps_ms = [(b.done_ns - a.done_ns) / NS_PER_MS for a, b in itertools.pairwise(records)]
    seconds = (records[-1].done_ns - records[0].done_ns) / NS_PER_S
    return Run(
        seconds=_round(seconds),
        frames=FrameCounts.model_validate({key: counts[key] for key in ("in", "out", "dropped", "held")}),
        fps=_round(len(gaps_ms) / seconds),
        low_fps_1pct=_round(_low_fps(gaps_ms, 0.01)),
        low_fps_01pct=_round(_low_fps(gaps_ms, 0.001)),
        latency_ms=latency(records) or Latency(p50=0.0, p95=0.0, p99=0.0, max=0.0),
        jitter_ms=_round(statistics.pstdev(gaps_ms)),
        stages_ms=_stages(records),
        rss_mb=_round(rss_mb),
        startup_s=_round(startup_s),
        persona_switch_ms=None if persona_switch_ms is None else _round(persona_switch_ms),
        warm_up=warm_up,
    )


def latency(records: Sequence[FrameRecord]) -> Latency | None:
    """Latency of the frames that were tracked and are no repeats; None where there is none."""
    values = sorted(record.latency_ms for record in records if "track" in record.stages_ms and not record.held)
    if not values:
        return None
    p50, p95, p99 = (_round(percentile(values, percent)) for percent in (50, 95, 99))
    return Latency(p50=p50, p95=p95, p99=p99, max=_round(values[-1]))


def combine(runs: Sequence[Run]) -> dict[str, object]:
    """The top of a report out of its repeats: medians, summed counts, and the spread of the main figures."""
    stages = sorted({name for run in runs for name in run.stages_ms})
    switches = [run.persona_switch_ms for run in runs if run.persona_switch_ms is not None]
    figures: dict[str, list[float]] = {
        name: [getattr(run, name) for run in runs]
        for name in ("fps", "low_fps_1pct", "low_fps_01pct", "jitter_ms", "rss_mb", "startup_s")
    }
    for name in ("p50", "p95", "p99", "max"):
        figures[f"latency_ms.{name}"] = [getattr(run.latency_ms, name) for run in runs]
    if switches:
        figures["persona_switch_ms"] = switches
    spread = {name: Spread.of(values) for name, values in figures.items()}
    return {
        "frames": FrameCounts.model_validate(
            {
                "in": sum(run.frames.in_ for run in runs),
                **{key: sum(getattr(run.frames, key) for run in runs) for key in ("out", "dropped", "held")},
            }
        ),
        **{name: spread[name].median for name in figures if "." not in name},
        "persona_switch_ms": spread["persona_switch_ms"].median if switches else None,
        "latency_ms": Latency(**{key: spread[f"latency_ms.{key}"].median for key in ("p50", "p95", "p99", "max")}),
        "stages_ms": {name: _median_stage(name, runs) for name in stages},
        "repeats": len(runs),
        "spread": spread,
        "runs": tuple(runs),
    }


def frames_csv(records: Sequence[tuple[int, FrameRecord]]) -> str:
    """One line a frame; `records` are (repeat from 1, record), times are ms from the repeat's first capture."""
    stages = sorted({name for _, record in records for name in record.stages_ms})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["repeat", "sequence", "kind", "held", "capture_ms", "latency_ms", *(f"{s}_ms" for s in stages)])
    begin: dict[int, int] = {}
    for repeat, record in records:
        zero = begin.setdefault(repeat, record.capture_ns)
        row = [repeat, record.sequence, record.kind, int(record.held)]
        times = [(record.capture_ns - zero) / NS_PER_MS, record.latency_ms]
        cells = [f"{record.stages_ms[s]:.3f}" if s in record.stages_ms else "" for s in stages]
        writer.writerow([*row, *(f"{value:.3f}" for value in times), *cells])
    return out.getvalue()


def _stages(records: Sequence[FrameRecord]) -> dict[str, StageTime]:
    table: dict[str, list[float]] = {}
    for record in records:
        for name, value in record.stages_ms.items():
            table.setdefault(name, []).append(value)
    return {
        name: StageTime(p50=_round(percentile(sorted(values), 50)), p95=_round(percentile(sorted(values), 95)))
        for name, values in sorted(table.items())
    }


def _median_stage(name: str, runs: Sequence[Run]) -> StageTime:
    times = [run.stages_ms[name] for run in runs if name in run.stages_ms]
    return StageTime(
        p50=_round(statistics.median(time.p50 for time in times)),
        p95=_round(statistics.median(time.p95 for time in times)),
    )


def _low_fps(gaps_ms: Sequence[float], share: float) -> float:
    count = max(1, round(len(gaps_ms) * share))
    slowest = sorted(gaps_ms, reverse=True)[:count]
    mean_ms = sum(slowest) / count
    return 1000.0 / mean_ms if mean_ms > 0 else 0.0


def _round(value: float) -> float:
    return round(value, 3)
