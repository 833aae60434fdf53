"""How old a picture is in OBS, from its hand-over to the sink, and whether pictures grow older.

    python benchmarks/obs.py [--seconds 600] [--folder OBS] [--json OUT]

OBS runs, its WebSocket server is on. Numbered cards of 1280x720 px go at 30 fps by the NUT sink into a hidden source,
and screenshots of it are read: the age of a picture when the screenshot was asked for, and when it had come. The
medians of the first and of the last third give the drift. The machine's load stands beside them: a
busy machine makes pictures older.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from mien.plugin.machine import provenance
from mien.plugin.obs.connection import installed_obs, open_obs
from mien.plugin.obs.journal import Journal, Kept
from mien.plugin.obs.latency import Ages, measure_ages

SCHEMA = 1
SIZE, FPS = (1280, 720), 30.0
#: What is asked: age at the reply, ms, and drift, ms a minute over ten minutes.
MOST_REPLY_MS, MOST_DRIFT_MS = 130.0, 1.0


async def measure(folder: Path | None, seconds: float) -> tuple[Ages, str]:
    """Ages in the OBS in `folder` (None: the only one), and its version."""
    place = installed_obs(folder)
    with tempfile.TemporaryDirectory() as notes:
        journal = Journal(Kept(folder=place.folder, source="Mien", port=9000), Path(notes) / "obs.json")
        async with open_obs(place.folder, ask=lambda: getpass.getpass("OBS's WebSocket password: ")) as obs:
            return await measure_ages(obs, journal, size=SIZE, fps=FPS, seconds=seconds), obs.obs_version


def main() -> None:
    """Measure and print; exits with 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--folder", type=Path, help="OBS's settings, where several are found")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    ages, version = asyncio.run(measure(options.folder, options.seconds))
    figures = {
        "request_ms": {"median": round(ages.request_median_ms, 1), "p95": _p95(ages.request_ms)},
        "reply_ms": {"median": round(ages.reply_median_ms, 1), "p95": _p95(ages.reply_ms)},
        "drift_ms_per_minute": round(ages.drift_ms_per_minute, 2),
        "pictures": len(ages.at_s),
        "seconds": round(ages.at_s[-1] - ages.at_s[0], 1),
    }
    met = ages.reply_median_ms <= MOST_REPLY_MS and abs(ages.drift_ms_per_minute) <= MOST_DRIFT_MS
    print(json.dumps(figures, indent=1))
    load = f"load {load_before:.1f} before and {os.getloadavg()[0]:.1f} after"
    print(
        f"<= {MOST_REPLY_MS:g} ms at the reply and <= {MOST_DRIFT_MS:g} ms of drift a minute: "
        f"{'met' if met else 'NOT met'}, OBS {version}, {load}"
    )
    if options.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "how old is a picture in OBS, from its hand-over to the sink, and does it grow older",
            **provenance(),
            "obs": version,
            "load": [round(load_before, 2), round(os.getloadavg()[0], 2)],
            "met": met,
            **figures,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if met else 1)


def _p95(values: tuple[float, ...]) -> float:
    return round(float(np.percentile(values, 95)), 1)


if __name__ == "__main__":
    main()
