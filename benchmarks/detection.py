"""Do the verifier's signals tell swapped faces from bare ones? Makes engines/verify/signals/reference.json.

    python benchmarks/detection.py CLIP.mp4 ... [--seconds 10] [--render 3] [--work DIR] [--json OUT]

Every clip (the shipped one is always among them; `--render` adds rendered people) is swapped by the instant engine
and by the trained network. Bare pictures get the same badge and watermark, so that the mark itself tells nothing. All
are then encoded alike: as the file sink writes them, and once more at half size and CRF 28. A unit is a run of at
most five seconds in which one face is followed, so several come from one clip and are not independent. Which side of
a number means "swapped" is chosen on one engine's output as written; the area under the ROC curve is taken on the
OTHER engine's output, as written and recompressed. A signal's AUC is the worst of those four. Nothing of the clips
but numbers is written.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mien.engines.verify.material import (
    AS_WRITTEN,
    BARE,
    PERSONAS,
    RECOMPRESSED,
    SEEDS,
    auc,
    films,
    rendered,
    runs_of,
)
from mien.engines.verify.signals.table import LEAST_AUC, PLAIN, measure
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance

SCHEMA = 1


def judge(values: dict[tuple[str, str], list[float]]) -> dict[str, Any]:
    """One signal's row of the reference, from its numbers by engine and condition."""
    known = {key: [value for value in each if np.isfinite(value)] for key, each in values.items()}
    bare = known[BARE, AS_WRITTEN]
    aucs: dict[str, float | None] = {}
    for held_out in PERSONAS:
        chosen = next(engine for engine in PERSONAS if engine != held_out)
        up = auc(bare, known[chosen, AS_WRITTEN]) >= 0.5
        for condition in (AS_WRITTEN, RECOMPRESSED):
            area = auc(known[BARE, condition], known[held_out, condition])
            aucs[f"{held_out}, {condition}"] = None if np.isnan(area) else round(area if up else 1 - area, 3)
    # A condition without a number on one side separates nothing.
    worst = min(0.0 if area is None else area for area in aucs.values())
    both = bare + known[BARE, RECOMPRESSED]
    low, high = np.percentile(both, (5, 95)) if both else (0.0, 0.0)
    return {
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "auc": worst,
        "aucs": aucs,
        "runs": {f"{engine}, {condition}": len(each) for (engine, condition), each in known.items()},
    }


def main() -> None:
    """Measure, print the table, write the reference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each clip")
    parser.add_argument("--render", type=int, default=3, choices=range(len(SEEDS) + 1), help="rendered people")
    parser.add_argument("--work", type=Path, help="where the encoded clips are kept; default: nowhere")
    parser.add_argument("--json", type=Path, help="file to write the reference to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        clips = [*options.clips, driver_clip(), *rendered(work, options.render)]
        table: dict[str, dict[tuple[str, str], list[float]]] = {
            signal.name: {
                (engine, condition): []
                for engine in (BARE, *PERSONAS)
                for condition in (AS_WRITTEN, RECOMPRESSED)
            }
            for signal in PLAIN
        }  # fmt: skip
        for film in films(clips, options.seconds, work):
            for run in runs_of(film.path):
                for name, value in measure(run, PLAIN).items():
                    table[name][film.engine, film.condition].append(value)
            print(f"{film.clip}, {film.engine}, {film.condition}", flush=True)
    rows = {name: judge(values) for name, values in table.items()}
    for name, row in rows.items():
        areas = ", ".join(f"{condition} {area}" for condition, area in row["aucs"].items())
        print(f"{name:16s} {row['low']:8.3f} to {row['high']:8.3f}  worst {row['auc']:.2f} ({areas})")
    print(f"{sum(row['auc'] >= LEAST_AUC for row in rows.values())} of {len(rows)} signals reach {LEAST_AUC}")
    if options.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "do the signals tell swapped faces from bare ones",
            "method": " ".join((__doc__ or "").split("\n\n")[2].split()),
            **provenance(),
            "clips": len(clips),
            "rendered_clips": 1 + options.render,
            "seconds": options.seconds,
            "personas": {engine: list(names) for engine, names in PERSONAS.items()},
            "signals": rows,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
