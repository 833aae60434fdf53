"""The report of `mien bench`: its schema, and how two are compared. `mien.plugin.figures` computes it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mien.plugin.machine import Machine
from mien.realtime.errors import ConfigError

#: Raised when a field changes its meaning or goes away; new fields alone do not raise it.
SCHEMA_VERSION = 1
#: A report is a few kilobytes; anything much larger is another file.
MAX_REPORT_BYTES = 4 * 2**20


class Record(BaseModel):
    """A frozen part of a report; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FrameCounts(Record):
    """Frames of the measured span: captured, handed over, replaced by a newer one, repeats of an earlier picture."""

    in_: int = Field(alias="in")
    out: int
    dropped: int
    held: int


class Latency(Record):
    """Capture (before decoding) to hand-over to the sinks, ms."""

    p50: float
    p95: float
    p99: float
    max: float


class StageTime(Record):
    """Busy time of one stage, ms a frame."""

    p50: float
    p95: float


class Spread(Record):
    """One figure over the repeats."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of a non-empty list."""
        return cls(median=round(statistics.median(values), 3), min=round(min(values), 3), max=round(max(values), 3))


class Input(Record):
    """A file or pack that was measured: its name without its folder, and its SHA-256 (None for a device)."""

    name: str
    sha256: str | None


class WarmUp(Record):
    """The first seconds of a run, kept out of the figures: caches fill, clocks rise, the tracker finds its face."""

    seconds: float
    frames: int
    fps: float
    latency_ms: Latency | None


class Run(Record):
    """The figures of one repeat.

    Attributes:
        seconds: length of the measured span.
        frames: counts of that span.
        fps: frames handed over a second.
        low_fps_1pct: rate of the slowest 1 % of the frames: their mean distance in time, turned over.
        low_fps_01pct: the same of the slowest 0.1 %.
        latency_ms: of the frames that a face was looked for in and that are not repeats.
        jitter_ms: standard deviation of the distances between hand-overs.
        stages_ms: by stage; stages overlap, so their sum is not the latency.
        rss_mb: resident memory at the end of the span, MB (1e6 bytes).
        startup_s: from the call to the running threads.
        persona_switch_ms: from the call to the ready engines of another persona.
        warm_up: what came before the span.

    """

    seconds: float
    frames: FrameCounts
    fps: float
    low_fps_1pct: float
    low_fps_01pct: float
    latency_ms: Latency
    jitter_ms: float
    stages_ms: dict[str, StageTime]
    rss_mb: float
    startup_s: float
    persona_switch_ms: float | None
    warm_up: WarmUp


class BenchReport(Record):
    """The one document of `mien bench --json`; see docs/bench.md.

    `clip` and `persona` carry the SHA-256 of the file and of the pack's manifest (which holds those of its files).
    The figures at the top are medians over `runs`, figure by figure; `frames` is their sum, so that one lost frame
    in one repeat stays visible.
    """

    schema_version: Literal[1]
    machine: Machine
    commit: str
    versions: dict[str, str]
    clip: Input
    persona: Input
    engine: str
    runtime: str
    device: str
    precision: str
    reason: str
    width: int
    height: int
    source_fps: float
    paced: bool
    sinks: tuple[str, ...]
    frames: FrameCounts
    fps: float
    latency_ms: Latency
    low_fps_1pct: float
    low_fps_01pct: float
    jitter_ms: float
    stages_ms: dict[str, StageTime]
    rss_mb: float
    startup_s: float
    persona_switch_ms: float | None
    repeats: int
    spread: dict[str, Spread]
    runs: tuple[Run, ...]

    def to_json(self) -> str:
        """The document, two spaces of indent."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a report; raises `ConfigError` for a file that is none."""
        try:
            if path.stat().st_size > MAX_REPORT_BYTES:
                raise ConfigError(f"'{path.name}' is too large for a report of mien bench.")
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"'{path.name}' cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise ConfigError(
                f"'{path.name}' is no report of mien bench, schema {SCHEMA_VERSION}: {where}: {first['msg']}.",
                hint="Make one with: mien bench --json report.json",
            ) from error


def compare(first: BenchReport, second: BenchReport, names: tuple[str, str]) -> str:
    """A Markdown table of two reports; what makes them hard to compare stands under it."""
    lines = [f"| figure | {names[0]} | {names[1]} | change |", "|---|---:|---:|---:|"]
    for label, a, b in _rows(first, second):
        change = f"{(b - a) / a * 100:+.1f} %" if a else "-"
        lines.append(f"| {label} | {a:g} | {b:g} | {change} |")
    for label, x, y in _conditions(first, second):
        if x != y:
            lines += ["", f"Not the same {label}: {x} / {y}."]
    return "\n".join(lines) + "\n"


def _rows(first: BenchReport, second: BenchReport) -> list[tuple[str, float, float]]:
    def row(label: str, name: str) -> tuple[str, float, float]:
        return label, float(getattr(first, name)), float(getattr(second, name))

    rows = [
        row("frames a second", "fps"),
        row("1 % low, fps", "low_fps_1pct"),
        row("0.1 % low, fps", "low_fps_01pct"),
    ]
    for key in ("p50", "p95", "p99", "max"):
        rows.append((f"latency {key}, ms", getattr(first.latency_ms, key), getattr(second.latency_ms, key)))
    rows += [row("jitter, ms", "jitter_ms"), row("memory, MB", "rss_mb"), row("start, s", "startup_s")]
    if first.persona_switch_ms is not None and second.persona_switch_ms is not None:
        rows.append(row("change of persona, ms", "persona_switch_ms"))
    for key in ("in", "out", "dropped", "held"):
        name = "in_" if key == "in" else key
        rows.append((f"frames {key}", getattr(first.frames, name), getattr(second.frames, name)))
    for stage in sorted(set(first.stages_ms) & set(second.stages_ms)):
        rows.append((f"{stage} p50, ms", first.stages_ms[stage].p50, second.stages_ms[stage].p50))
    return rows


def _conditions(first: BenchReport, second: BenchReport) -> list[tuple[str, object, object]]:
    return [
        ("machine", first.machine.cpu, second.machine.cpu),
        ("power plan", first.machine.power_plan, second.machine.power_plan),
        ("clip", first.clip.sha256, second.clip.sha256),
        ("persona", first.persona.name, second.persona.name),
        ("engine", f"{first.engine} on {first.runtime}", f"{second.engine} on {second.runtime}"),
        ("pace", "paced" if first.paced else "unpaced", "paced" if second.paced else "unpaced"),
        ("commit", first.commit, second.commit),
    ]
