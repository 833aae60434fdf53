"""How late, how fast: the paced latency and the unpaced throughput of the live path.

    python benchmarks/live.py --source talk.mp4 --out out/live.json

Paced: the clip in real time into a file, the page and nothing, as a streamer runs it. Unpaced: as fast as the machine
can, into nothing. Writes both reports, with machine, commit and versions, into one JSON file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from mien.plugin.measure import Plan, bench_config, measure
from mien.plugin.report import BenchReport, Run


def tell(repeat: int, run: Run) -> None:
    """Print one repeat's main figures."""
    latency, dropped = run.latency_ms, run.frames.dropped
    print(f"  {repeat}: {run.fps:.1f} fps, p50 {latency.p50:.1f} ms, p95 {latency.p95:.1f} ms, {dropped} dropped")


def paced(source: str | None, persona: str, plan: Plan) -> BenchReport:
    """Three sinks, in real time."""
    with tempfile.TemporaryDirectory() as folder:
        config = bench_config(
            source,
            persona=persona,
            sinks=(f"file:{Path(folder) / 'out.mp4'}", "preview", "null"),
            overwrite=True,
        )
        return measure(config, plan, on_run=tell)[0]


def unpaced(source: str | None, persona: str, plan: Plan) -> BenchReport:
    """No sink that does anything, no clock."""
    return measure(bench_config(source, persona=persona, pace=False), plan, on_run=tell)[0]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="a clip; default: the shipped one")
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out/live.json"))
    given = parser.parse_args()
    plan = Plan(seconds=given.seconds, repeats=given.repeats)
    print("paced, into a file, the page and nothing")
    first = paced(given.source, given.persona, plan)
    print("unpaced, into nothing")
    second = unpaced(given.source, given.persona, plan)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    reports = {
        "paced": first.model_dump(mode="json", by_alias=True),
        "unpaced": second.model_dump(mode="json", by_alias=True),
    }
    given.out.write_text(json.dumps(reports, indent=2) + "\n", encoding="utf-8")
    print(f"paced   {first.fps:.1f} fps, p50 {first.latency_ms.p50:.1f} ms, p95 {first.latency_ms.p95:.1f} ms")
    print(f"unpaced {second.fps:.1f} fps")
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
