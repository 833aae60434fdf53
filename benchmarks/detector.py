"""Train and judge the verifier's learned detector. Makes detector.onnx and detector.json of engines/verify/signals.

    python benchmarks/detector.py CLIP.mp4 ... [--seconds 10] [--render 3] [--steps 300] [--work DIR] [--out FOLDER]

The material is that of detection.py: bare clips and the same swapped by two engines, encoded alike, as written and
recompressed. Each figure is of a network that saw neither the engine nor the clip that it is judged on: clips are split
into two halves, so four networks are trained for the figures, and one more, on everything, is what ships. A unit is a
run of at most five seconds; several come from one clip. Needs torch. One core; about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.engines.verify.material import (
    AS_WRITTEN,
    BARE,
    PERSONAS,
    RECOMPRESSED,
    SEEDS,
    Film,
    auc,
    films,
    rendered,
    runs_of,
)
from mien.engines.verify.signals.network import export
from mien.engines.verify.signals.training import Take, score, train
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance

SCHEMA = 1
_FOLDS = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """A run of a film, with the number of its clip."""

    film: Film
    fold: int
    take: Take


def gather(clips: Sequence[Path], seconds: float, work: Path) -> list[Judged]:
    """Every run of every film; crops are kept in `work`."""
    folds = {clip.stem: number % _FOLDS for number, clip in enumerate(clips)}
    found = []
    for film in films(clips, seconds, work):
        kept = film.path.with_suffix(".npz")
        if not kept.exists():
            runs = [[sight.aligned for sight in run if sight.aligned is not None] for run in runs_of(film.path)]
            np.savez_compressed(kept, *[np.stack(crops) for crops in runs])
        with np.load(kept, allow_pickle=False) as data:
            scene = f"{film.clip}, {film.condition}"
            takes = [Take(data[name], film.engine != BARE, scene) for name in data.files]
        found += [Judged(film, folds[film.clip], take) for take in takes]
        print(f"{film.clip}, {film.engine}, {film.condition}: {len(takes)} runs", flush=True)
    return found


def cross(runs: Sequence[Judged], steps: int) -> dict[tuple[str, str, str], list[float]]:
    """Scores by (engine held out, engine judged, condition), each of a network that saw neither engine nor clip."""
    scores: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for held_out in PERSONAS:
        for fold in range(_FOLDS):
            begin = time.perf_counter()
            network = train([one.take for one in runs if one.film.engine != held_out and one.fold != fold], steps=steps)
            for one in runs:
                if one.fold == fold and one.film.engine in (BARE, held_out):
                    scores[held_out, one.film.engine, one.film.condition].append(score(network, one.take))
            print(f"without {held_out}, fold {fold}: {time.perf_counter() - begin:.0f} s", flush=True)
    return scores


def judge(scores: dict[tuple[str, str, str], list[float]]) -> dict[str, Any]:
    """The row that the verifier reads; see detection.py."""
    aucs = {
        f"{engine}, {condition}": round(auc(scores[engine, BARE, condition], scores[engine, engine, condition]), 3)
        for engine in PERSONAS
        for condition in (AS_WRITTEN, RECOMPRESSED)
    }
    bare = [value for (_, engine, _), values in scores.items() if engine == BARE for value in values]
    low, high = np.percentile(bare, (5, 95))
    return {
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "auc": min(aucs.values()),
        "aucs": aucs,
        "runs": {f"{engine}, {condition}": len(scores[held, engine, condition]) for held, engine, condition in scores},
    }


def main() -> None:
    """Judge, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each clip")
    parser.add_argument("--render", type=int, default=3, choices=range(len(SEEDS) + 1), help="rendered people")
    parser.add_argument("--steps", type=int, default=300, help="of each training, 16 sequences each")
    parser.add_argument("--work", type=Path, help="where clips and crops are kept; default: nowhere")
    parser.add_argument("--out", type=Path, help="folder to write detector.onnx and detector.json to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        clips = [*options.clips, driver_clip(), *rendered(work, options.render)]
        runs = gather(clips, options.seconds, work)
    row = judge(cross(runs, options.steps))
    print(json.dumps(row, indent=2))
    if options.out is not None:
        network = train([one.take for one in runs], steps=options.steps)
        (options.out / "detector.onnx").write_bytes(export(network))
        document = {
            "schema": SCHEMA,
            "question": "does a small network tell swapped faces from bare ones",
            "method": " ".join((__doc__ or "").split("\n\n")[2].split()),
            **provenance(),
            "clips": len(clips),
            "rendered_clips": 1 + options.render,
            "seconds": options.seconds,
            "steps": options.steps,
            "parameters": sum(each.numel() for each in network.parameters()),
            "row": row,
        }
        (options.out / "detector.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
