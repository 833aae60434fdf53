"""How long does the synthetic cast take, and does its memory stay flat? Pictures, people, pairs.

    python benchmarks/cast_speed.py --count 20 --pictures 300 --pairs 128 [--json OUT]

Pictures: 256 px, four samples a pixel, all passes, quality "fast" (the key lamp alone casts shadows), in the light of
`--rig`; one person for each hair style, the first pictures not counted. The figure that is judged is the median
person's, by how often each style is drawn. Stages are from a profiler in a second run, so that it slows none of the
first. People: from recipe to actor. Pairs: 192 px through `make_pairs`, with one worker and with two; the first shard
of each worker holds its start and is left out. Memory: of this process, over pictures with a new person every 25.

For one core's figures set OPENBLAS_NUM_THREADS=1: threads that wait by spinning slow the others.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import psutil
from rich.progress import track

from mien.engines.cast.camera.light import DESK, PORTRAIT, Rig
from mien.engines.cast.frame import View
from mien.engines.cast.look import HairStyle
from mien.engines.cast.pairs import PairsPlan, make_pairs
from mien.engines.cast.pairs.film import draw_shot
from mien.engines.cast.population import draw_look
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.engines.measure.cast import Row, slope_per_thousand, steady_rate
from mien.plugin.machine import provenance

SCHEMA = 1
MOST_MS, MOST_MINUTES, MOST_GROWTH_MB = 60.0, 90.0, 20.0
WHOLE_RUN = 20_000
_RIGS: dict[str, Rig] = {"desk": DESK, "portrait": PORTRAIT}
_VIEW = View(256, 256)
_WARM_UP, _PER_PERSON, _PER_SHARD = 3, 25, 32
_SALT = 0x5BEED
#: Stages: a name for each function that the profiler sees, and the file that it is in.
_STAGES = {
    "expression, lids, turn": ("studio.py", "posture"),
    "pieces and normals": ("figure.py", "pose"),
    "shadow maps": ("lamps.py", "lamp_map"),
    "visibility": ("studio.py", "_visible"),
    "all passes": ("studio.py", "_passes"),
    "whole picture": ("studio.py", "shoot"),
}


def sitter(seed: int, style: HairStyle | None = None) -> Recipe:
    """A person from a seed, with a hair style of choice."""
    look = draw_look(seed)
    return Recipe("speed", seed, look=look if style is None else replace(look, hair_style=style))


def build_ms(recipe: Recipe) -> tuple[Actor, float]:
    """An actor for small pictures, and how long it took."""
    start = time.perf_counter()
    actor = Actor(recipe, map_px=512)
    return actor, 1e3 * (time.perf_counter() - start)


def picture_ms(actor: Actor, rig: Rig, rng: np.random.Generator) -> float:
    """One random expression."""
    shot = draw_shot(rng)
    start = time.perf_counter()
    actor.shoot(shot, _VIEW, rig, quality="fast")
    return 1e3 * (time.perf_counter() - start)


def spread(values: list[float]) -> dict[str, float]:
    """Median, and the range that holds four fifths."""
    low, median, high = np.percentile(values, (10, 50, 90))
    return {"median": float(median), "p10": float(low), "p90": float(high)}


def by_hair(seed: int, count: int, rig: Rig) -> tuple[Row, Row]:
    """Pictures and people of each hair style, and all pictures' stages."""
    styles: tuple[HairStyle, ...] = get_args(HairStyle)
    table: Row = {}
    profile = cProfile.Profile()
    for number, style in enumerate(track(styles, "hair styles")):
        actor, built = build_ms(sitter(seed + number, style))
        rng = np.random.default_rng((seed, _SALT, number))
        times = [picture_ms(actor, rig, rng) for _ in range(_WARM_UP + count)][_WARM_UP:]
        faces = sum(len(piece.faces) for piece in actor.person.worn)
        table[style] = spread(times) | {"build_ms": built, "worn_faces": faces}
        profile.enable()
        for _ in range(max(2, count // 4)):
            picture_ms(actor, rig, rng)
        profile.disable()
    return table, stages_ms(profile)


def stages_ms(profile: cProfile.Profile) -> dict[str, float]:
    """Mean milliseconds that a picture spends in each stage."""
    found: dict[tuple[str, str], tuple[int, float]] = {}
    # The checker's types of pstats lack `stats`.
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, name), (_, calls, _, total, _) in stats.items():
        found[Path(file).name, name] = (calls, total)
    pictures = found["studio.py", "shoot"][0]
    means = {stage: 1e3 * found[key][1] / pictures for stage, key in _STAGES.items() if key in found}
    if "visibility" in means and "all passes" in means:
        means["resolve, read back"] = means.pop("all passes") - means["visibility"]
    return means


def memory(seed: int, pictures: int, rig: Rig) -> Row:
    """Resident memory over a run; its last two thirds count."""
    rng, process, sizes = np.random.default_rng((seed, _SALT)), psutil.Process(), []
    actor: Actor | None = None
    for number in track(range(pictures), "memory"):
        if number % _PER_PERSON == 0:
            actor = None
            # People refer to themselves through caches of arrays; what is left after this is a leak.
            gc.collect()
            actor = build_ms(sitter(seed + 1000 + number))[0]
        if actor is not None:
            picture_ms(actor, rig, rng)
        sizes.append(process.memory_info().rss / 1e6)
    settled = sizes[len(sizes) // 3 :]
    return {
        "pictures": pictures,
        "people": -(-pictures // _PER_PERSON),
        "growth_mb_per_1000": slope_per_thousand(settled),
        "highest_mb": max(sizes),
        "series_mb": [round(size, 1) for size in sizes[:: max(1, pictures // 60)]],
    }


def pairs(seed: int, count: int, workers: int) -> Row:
    """A short run of pairs, extrapolated."""
    shards = max(2 * workers, count // _PER_SHARD)
    plan = PairsPlan(count=shards * _PER_SHARD, per_shard=_PER_SHARD, seed=seed)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        make_pairs(Path(folder), plan, workers=workers)
        finished = [shard.stat().st_mtime for shard in Path(folder).glob("pairs-*.tar")]
        size = sum(shard.stat().st_size for shard in Path(folder).glob("pairs-*.tar"))
    rate = steady_rate(finished, _PER_SHARD, workers)
    return {
        "pairs": plan.count,
        "wall_s": time.perf_counter() - start,
        "pairs_per_hour": 3600 * rate,
        f"minutes_for_{WHOLE_RUN}": WHOLE_RUN / rate / 60,
        f"gb_for_{WHOLE_RUN}": size / plan.count * WHOLE_RUN / 1e9,
    }


def of_the_median_person(style_ms: dict[str, float]) -> float:
    """Of 1,000 random people: styles are not equally frequent, and hair is what makes a picture slow."""
    people = [Recipe("crowd", seed).look.hair_style for seed in range(1000)]
    return float(np.median([style_ms[style] for style in people]))


def show(document: Row) -> None:
    """Print everything."""
    for style, row in document["pictures"].items():
        print(
            f"  {style:10s} {row['median']:6.1f} ms ({row['p10']:.1f} to {row['p90']:.1f}), "
            f"built in {row['build_ms']:.0f} ms, {row['worn_faces']} faces worn"
        )
    print("stages: " + ", ".join(f"{name} {value:.1f}" for name, value in document["stages_ms"].items()) + " ms")
    if row := document["memory"]:
        print(f"memory: {row['growth_mb_per_1000']:+.1f} MB per 1,000 pictures, {row['highest_mb']:.0f} MB at most")
    for workers, row in document["pairs"].items():
        print(
            f"pairs, {workers} workers: {row['pairs_per_hour']:.0f} an hour, "
            f"{row[f'minutes_for_{WHOLE_RUN}']:.0f} minutes for {WHOLE_RUN}"
        )


def main() -> None:
    """Measure and print; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="pictures of each hair style")
    parser.add_argument("--pictures", type=int, default=300, help="of the memory run; 0 leaves it out")
    parser.add_argument("--pairs", type=int, default=256, help="pairs for each number of workers; 0 leaves them out")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rig", choices=tuple(_RIGS), default="desk")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    rig = _RIGS[given.rig]
    # The first person also loads torch, anny and the kernels.
    started = build_ms(sitter(given.seed))[1]
    pictures, stages = by_hair(given.seed, given.count, rig)
    grown = memory(given.seed, given.pictures, rig) if given.pictures else None
    made = {str(workers): pairs(given.seed, given.pairs, workers) for workers in given.workers if given.pairs}
    overall = of_the_median_person({style: row["median"] for style, row in pictures.items()})
    met = {"picture": overall <= MOST_MS}
    if made:
        met["pairs"] = min(row[f"minutes_for_{WHOLE_RUN}"] for row in made.values()) <= MOST_MINUTES
    if grown:
        met["memory"] = grown["growth_mb_per_1000"] <= MOST_GROWTH_MB
    document = {
        "schema": SCHEMA,
        "question": "how long does the synthetic cast take, and does its memory stay flat",
        **provenance(),
        "seed": given.seed,
        "rig": given.rig,
        "load": psutil.getloadavg(),
        "first_person_ms": started,
        "picture_ms": overall,
        "person_ms": float(np.median([row["build_ms"] for row in pictures.values()])),
        "pictures": pictures,
        "stages_ms": stages,
        "memory": grown,
        "pairs": made,
        "met": met,
    }
    show(document)
    print(f"a picture of the median person {overall:.1f} ms")
    print(f"a person {document['person_ms']:.0f} ms (the first one {started:.0f} ms)")
    print(", ".join(f"{name}: {'met' if kept else 'NOT met'}" for name, kept in met.items()))
    if given.json is not None:
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
