"""Did the driver's motion and the persona's identity arrive? Judges what `mien convert` writes.

    python benchmarks/motion.py --persona amara --persona viggo CLIP.mp4 ... [--json OUT]

Each clip is converted with each persona; driver and FINAL output are then tracked afresh, without smoothing. For every
channel whose driver varies (standard deviation >= 0.05): Pearson r, slope of the regression, mean absolute error. Head
pose: median angle. Identity: share of frames in which SFace finds the output nearer to the persona's portrait than
to the driver.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mien.engines.measure import FaceIdentity, MotionReport, compare_motion
from mien.engines.measure.final import frames_of, retracked
from mien.engines.measure.identity import similarity
from mien.engines.measure.motion import CHANNELS, SUBTLE_CHANNELS
from mien.engines.measure.oracle import as_rendered, oracle
from mien.engines.personas.library import find
from mien.plugin.conversion import convert
from mien.plugin.machine import provenance
from mien.realtime.config import LiveConfig
from mien.realtime.face import Face

SCHEMA = 1
#: Every how many frames SFace is asked; neighbours are alike.
_IDENTITY_EVERY = 3
#: Bounds: each channel's mean r, slope and error over the clips, and every clip's pose and identity.
LEAST_R, SLOPES, MOST_MAE, MOST_POSE_DEG, LEAST_NEARER = 0.9, (0.75, 1.25), 0.1, 3.0, 0.99
#: The subtle channels' least r, or this part of the oracle's, whichever is less.
LEAST_SUBTLE_R, OF_THE_ORACLE = 0.7, 0.9


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip with one persona."""

    clip: str
    persona: str
    motion: MotionReport
    nearer: float
    oracle: MotionReport | None


def nearer(
    driver: Path, output: Path, faces: tuple[list[Face | None], list[Face | None]], name: str, identity: FaceIdentity
) -> float:
    """Share of the looked-at frames whose output is nearer to the persona; a lost output counts as not."""
    persona = find(name)
    own = identity.embed(persona.portrait, persona.landmarks)
    wins: list[bool] = []
    for index, (a, b) in enumerate(zip(frames_of(driver), frames_of(output), strict=False)):
        theirs, ours = (faces[side][index] for side in (0, 1))
        if index % _IDENTITY_EVERY or theirs is None:
            continue
        if ours is None:
            wins.append(False)
            continue
        seen = identity.embed(b, ours.landmarks)
        wins.append(similarity(seen, own) > similarity(seen, identity.embed(a, theirs.landmarks)))
    return float(np.mean(wins)) if wins else float("nan")


def measure(
    clip: Path, persona: str, look: dict[str, str], identity: FaceIdentity, keep: Path | None = None, every: int = 0
) -> ClipResult:
    """Convert, track both, compare; with `every`, compare the oracle's render of every so many frames too."""
    with tempfile.TemporaryDirectory() as folder:
        output = (Path(folder) if keep is None else keep) / f"{Path(persona).stem}-{clip.stem}.mp4"
        convert(clip, output, LiveConfig.model_validate({"persona": persona, "overwrite": True, **look}))
        driver, swapped = list(retracked(frames_of(clip))), list(retracked(frames_of(output)))
        count = min(len(driver), len(swapped))
        if abs(len(driver) - len(swapped)) > 1:
            raise SystemExit(f"{clip.name}: {len(driver)} frames went in and {len(swapped)} came out.")
        faces = (driver[:count], swapped[:count])
        motion = compare_motion(*faces)
        best = None
        if every:
            rendered = list(oracle(frames_of(clip), as_rendered(find(persona)), every))
            found = retracked(picture for picture in rendered if picture is not None)
            seen = [None if picture is None else next(found) for picture in rendered]
            best = compare_motion(driver[::every], seen)
        return ClipResult(clip.name, persona, motion, nearer(clip, output, faces, persona, identity), best)


def verdict(results: list[ClipResult]) -> dict[str, dict[str, dict[str, float | bool]]]:
    """For each persona: means over the clips of each channel that varies there, and the worst clip's pose and identity.

    The main channels and the worst clip have `met`: whether they lie within the bounds above; so have the subtle ones
    where there is an oracle. The others are reported.
    """
    table: dict[str, dict[str, dict[str, float | bool]]] = {}
    for persona in dict.fromkeys(result.persona for result in results):
        own = [result for result in results if result.persona == persona]
        rows: dict[str, dict[str, float | bool]] = {}
        for name in sorted({channel.name for result in own for channel in result.motion.channels}):
            found = [channel for result in own for channel in result.motion.channels if channel.name == name]
            r, slope, mae = (float(np.mean([getattr(one, key) for one in found])) for key in ("r", "slope", "mae"))
            rows[name] = {"r": r, "slope": slope, "mae": mae, "clips": len(found)}
            ideal = [one.r for result in own if result.oracle for one in result.oracle.channels if one.name == name]
            if ideal:
                rows[name]["oracle_r"] = float(np.mean(ideal))
            if name in SUBTLE_CHANNELS and ideal:
                rows[name]["met"] = r >= min(LEAST_SUBTLE_R, OF_THE_ORACLE * float(np.mean(ideal)))
            if name in CHANNELS:
                rows[name]["met"] = r >= LEAST_R and SLOPES[0] <= slope <= SLOPES[1] and mae <= MOST_MAE
        pose = max(result.motion.pose_deg for result in own)
        near = min(result.nearer for result in own)
        rows["worst clip"] = {
            "pose_deg": pose,
            "nearer": near,
            "met": pose <= MOST_POSE_DEG and near >= LEAST_NEARER,
        }
        table[persona] = rows
    return table


def show(result: ClipResult) -> None:
    """Print one clip's lines."""
    motion = result.motion
    print(
        f"{result.clip} as {result.persona}: nearer {result.nearer:.3f}, pose {motion.pose_deg:.2f} deg, "
        f"{motion.frames} frames, {motion.lost} lost"
    )
    for channel in motion.channels:
        print(f"  {channel.name:16s} r {channel.r:5.2f}  slope {channel.slope:5.2f}  error {channel.mae:.3f}")


def main() -> None:
    """Measure each clip with each persona and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--persona", action="append", required=True, help="name or path; may be given again")
    parser.add_argument("--mode", choices=("swap", "portrait"), default="swap")
    parser.add_argument("--engine", choices=("auto", "mesh", "swapnet"), default="auto")
    parser.add_argument(
        "--oracle",
        type=int,
        metavar="N",
        default=0,
        help="also render the persona from the tracker's code of every Nth frame: what can be seen at best",
    )
    parser.add_argument("--keep", type=Path, help="folder that keeps the converted clips")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    identity = FaceIdentity()
    look = {"mode": options.mode, "engine": options.engine}
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    results = []
    for persona in options.persona:
        for clip in options.clips:
            results.append(measure(clip, persona, look, identity, options.keep, options.oracle))
            show(results[-1])
    total = verdict(results)
    for persona, rows in total.items():
        print(f"\n{persona}, means over the clips:")
        for name, row in rows.items():
            figures = "  ".join(f"{key} {value:.3g}" for key, value in row.items() if key != "met")
            judged = {True: "met", False: "NOT met"}.get(bool(row["met"]), "") if "met" in row else ""
            print(f"  {name:16s} {figures}  {judged}")
    if options.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "does the driver's motion arrive, as the persona",
            **look,
            **provenance(),
            "clips": [asdict(result) for result in results],
            "verdict": total,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
