"""Does it stay as it was: half an hour unpaced, memory after the first minute against the end, threads left behind.

    python benchmarks/soak.py --minutes 30 --out out/soak.json

Memory grows when the slope over everything after the first minute does; one number at the end says little, because
allocators keep what they freed. Exits with 1 when the growth is above --allowed-mb or a thread is left.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from pathlib import Path

import psutil

from mien.plugin import Live
from mien.plugin.machine import provenance
from mien.plugin.measure import bench_config, file_sha256

#: Distance of two samples, seconds.
SAMPLE_S = 5.0
#: What the first minute fills (caches, records, allocators) is no growth.
SETTLED_AFTER_S = 60.0


def soak(source: str | None, persona: str, minutes: float) -> dict[str, object]:
    """Run, sample, and give what was seen."""
    before = {thread.name for thread in threading.enumerate()}
    process = psutil.Process()
    samples: list[tuple[float, float]] = []
    config = bench_config(source, persona=persona, pace=False)
    with Live(config) as live:
        live.wait_ready()
        begin = time.monotonic()
        while time.monotonic() - begin < minutes * 60 and not live.wait(SAMPLE_S):
            at_s, rss_mb = time.monotonic() - begin, process.memory_info().rss / 1e6
            samples.append((round(at_s, 1), round(rss_mb, 1)))
            if len(samples) % 12 == 0:
                frames = live.stats()["frames"]
                print(f"  {at_s / 60:5.1f} min: {rss_mb:.0f} MB, {frames['out']} frames, {frames['errors']} errors")
        stats = live.stats()
    left = sorted({thread.name for thread in threading.enumerate()} - before)
    settled = [rss for at_s, rss in samples if at_s >= SETTLED_AFTER_S]
    quarter = max(1, len(settled) // 4)
    first, last = statistics.median(settled[:quarter] or [0.0]), statistics.median(settled[-quarter:] or [0.0])
    return {
        **provenance(),
        "clip_sha256": file_sha256(Path(config.source)),
        "minutes": round((samples[-1][0] if samples else 0.0) / 60, 2),
        "frames": stats["frames"],
        "engine": stats["engine"],
        "rss_first_quarter_mb": first,
        "rss_last_quarter_mb": last,
        "growth_mb": round(last - first, 1),
        "threads_left": left,
        "samples": samples,
    }


def main() -> None:
    """Soak, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="a clip; default: the shipped one")
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--allowed-mb", type=float, default=10.0, help="noise of the allocator")
    parser.add_argument("--out", type=Path, default=Path("out/soak.json"))
    given = parser.parse_args()
    if given.minutes * 60 < SETTLED_AFTER_S + 4 * SAMPLE_S:
        parser.error("a soak needs 1.5 minutes or more: the first minute does not count")
    result = soak(given.source, given.persona, given.minutes)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    growth, left = result["growth_mb"], result["threads_left"]
    print(f"growth after the first minute: {growth} MB; threads left: {left or 'none'}; written to {given.out}")
    if not isinstance(growth, float) or growth > given.allowed_mb or left:
        sys.exit(1)


if __name__ == "__main__":
    main()
