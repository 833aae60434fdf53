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
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.engines.measure.final import frames_of, outputs
from mien.engines.verify.media import open_media
from mien.engines.verify.signals.sight import LEAST_SIGHTS, Sights, watch
from mien.engines.verify.signals.table import LEAST_AUC, SIGNALS, measure
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance
from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import Pixels
from mien.realtime.mark import Marker

SCHEMA = 1
#: Who stands in, clip by clip in turn. Two engines, no persona in common.
PERSONAS = {"mesh": ("viggo", "linh", "mateo"), "swapnet": ("amara",)}
BARE = "bare"
#: Conditions: CRF and scale, one after the other.
AS_WRITTEN, RECOMPRESSED = "as written", "recompressed"
_WRITTEN, _AGAIN = (20, 1.0), (28, 0.5)
#: People for `--render`: seeds of nobody that ships.
_SEEDS, _RENDER_S, _RENDER_PX = (401, 402, 403, 404), 6.0, 480


@dataclass(frozen=True, slots=True)
class Film:
    """One encoded clip: whose pictures, under which condition."""

    clip: str
    engine: str
    condition: str
    path: Path


def encode(pictures: Iterator[Pixels], path: Path, fps: float, crf: int, scale: float) -> None:
    """Write H.264 as the file sink does; until it is whole the file has another name."""
    part = path.with_name(f"part-{path.name}")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "preset": "fast", "bf": "0"}
        for picture in pictures:
            height, width = (round(side * scale / 2) * 2 for side in picture.shape[:2])
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) if scale != 1 else picture
            if not stream.codec_context.is_open:
                stream.width, stream.height = width, height
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(small, np.uint8), format="bgr24")))
        container.mux(stream.encode(None))
    part.replace(path)


def films(clips: Sequence[Path], seconds: float, work: Path) -> Iterator[Film]:
    """Every clip, bare and by each engine, under each condition; those in `work` already are not made again."""
    for number, clip in enumerate(clips):
        fps = rate(clip)
        for engine in (BARE, *PERSONAS):
            written = work / f"{clip.stem}-{engine}-written.mp4"
            again = work / f"{clip.stem}-{engine}-again.mp4"
            if not written.exists():
                pictures = list(itertools.islice(frames_of(clip), round(seconds * fps)))
                if engine == BARE:
                    shown = marked(pictures)
                else:
                    names = PERSONAS[engine]
                    shown = iter(outputs(pictures, names[number % len(names)], engine=engine))
                encode(shown, written, fps, *_WRITTEN)
            if not again.exists():
                encode(frames_of(written), again, fps, *_AGAIN)
            yield Film(clip.stem, engine, AS_WRITTEN, written)
            yield Film(clip.stem, engine, RECOMPRESSED, again)


def marked(pictures: Sequence[Pixels]) -> Iterator[Pixels]:
    """Bare pictures with what our output has over them."""
    marker = Marker(pictures[0].shape[1], pictures[0].shape[0])
    for index, picture in enumerate(pictures):
        now = index * NS_PER_S // 30
        frame = marker.mark_persona(
            picture.copy(), label="modified", sequence=index, capture_ns=now, media_ns=now, now_ns=now
        )
        yield frame.pixels


def rate(clip: Path) -> float:
    """Pictures a second."""
    with av.open(str(clip)) as container:
        return float(container.streams.video[0].average_rate or 30)


def runs_of(path: Path) -> list[Sights]:
    """The runs of an encoded clip, exactly as the verifier sees them."""
    media = open_media(path)
    try:
        return [run for run in watch(media.looks()) if len(run) >= LEAST_SIGHTS]
    finally:
        media.close()


def auc(bare: Sequence[float], swapped: Sequence[float]) -> float:
    """Chance that a swapped face's number is greater than a bare one's, ties half; NaN where a side is empty."""
    one, other = np.asarray(swapped)[:, None], np.asarray(bare)[None]
    if not one.size or not other.size:
        return float("nan")
    return float(((one > other) + 0.5 * (one == other)).mean())


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


def rendered(work: Path, count: int) -> list[Path]:
    """Clips of people who do not exist, through a webcam."""
    from mien.engines.cast.clip import ClipPlan, film
    from mien.engines.cast.recipe import Recipe

    paths = []
    for seed in _SEEDS[:count]:
        path = work / f"seed{seed}.mp4"
        if not path.exists():
            film(ClipPlan(Recipe(f"driver{seed}", seed), seconds=_RENDER_S, height=_RENDER_PX), path)
        paths.append(path)
    return paths


def main() -> None:
    """Measure, print the table, write the reference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each clip")
    parser.add_argument("--render", type=int, default=3, choices=range(len(_SEEDS) + 1), help="rendered people")
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
            for signal in SIGNALS
        }  # fmt: skip
        for film in films(clips, options.seconds, work):
            for run in runs_of(film.path):
                for name, value in measure(run).items():
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
