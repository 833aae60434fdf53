"""Does `mien train --footage` end in a good persona? The whole road, on recordings of a rendered person.

    python benchmarks/footage.py --work out/footage [--steps 3000] [--json OUT]

The person comes from a seed that no training draws, so the shipped encoder never saw them; and as they are rendered,
there is an exact truth to compare with. What a user does is done by the command itself: two clips are filmed, the right
holder's statement recorded, a pack made from one portrait, the clip looked through, a decoder trained, and the pack
converts the shipped clip. `quality.py` and `motion.py` judge the pack.

A short run of the same training is killed (SIGKILL) after its first state is on disk, gone on with, and compared, file
against file, with one that nobody stopped.

It goes on where it was: what already lies in the folder is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
from rich.progress import Progress

from mien.engines.cast.camera.light import PORTRAIT
from mien.engines.cast.clip import ClipPlan, film
from mien.engines.cast.portrait import render_portrait
from mien.engines.cast.recipe import Recipe
from mien.engines.personas.manifest import sha256
from mien.engines.swapnet.trainer import STATE_NAME
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance

SCHEMA = 1
NAME: Final = "sitter"
#: Training draws seeds below 2**31.
SEED: Final = 2**31 + 7003
#: `quality.py`'s bounds, less 2 dB: recordings know fewer faces than renders made to order.
LEAST_PSNR, MOST_LANDMARKS, SHARPNESS = 26.0, 3.0, (0.7, 1.2)
#: What of the killed run is looked at, in seconds: whether its first state is there.
_LOOK_S = 0.5


def mien(work: Path, *words: str) -> list[str]:
    """The command as a user gives it, with settings and personas of its own."""
    os.environ |= {"MIEN_CONFIG_DIR": str(work / "config"), "MIEN_DATA_DIR": str(work / "data")}
    return [sys.executable, "-c", "from mien.plugin.cli import main; main()", *words]


def record(work: Path, seconds: float, jobs: int) -> list[Path]:
    """Film the person in even light with a good camera close by, as somebody who wants a good persona would.

    First they talk; what the command then says is missing (a raised and a lowered chin, teeth, knitted brows) they do
    in a second recording.
    """
    clips = [work / "talk.mp4", work / "exercises.mp4"]
    for clip in clips:
        if clip.exists():
            continue
        plan = ClipPlan(
            Recipe(NAME, SEED), exercises=clip.stem == "exercises", seconds=seconds / len(clips), height=540,
            rig=PORTRAIT, span=0.3,
        )  # fmt: skip
        _film(plan, clip, jobs)
    return clips


def _film(plan: ClipPlan, clip: Path, jobs: int) -> None:
    with Progress() as progress:
        task = progress.add_task(f"filming {clip.stem}", total=None)
        film(
            plan, clip, jobs=jobs, crf=16,
            on_frame=lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip


def make_pack(work: Path) -> Path:
    """The portrait, the right holder's consent to it, and the pack of both."""
    pack, portrait, statement = work / "pack", work / "portrait.png", work / "statement.txt"
    if not pack.exists():
        cv2.imwrite(str(portrait), render_portrait(Recipe(NAME, SEED)))
        statement.write_text("The figure is a render of our own; a persona may be made of it.\n", encoding="utf-8")
        consent = work / "consent.json"
        figure = ("--portrait", str(portrait), "--statement", str(statement), "--holder", "the makers of this figure")
        own = ("--basis", "own-work", "--key", str(work / "key"), "--out", str(consent))
        subprocess.run(mien(work, "consent", "figure", "--name", NAME, *figure, *own), check=True, input=b"y\n")
        made = ("--portrait", str(portrait), "--consent", str(consent), "--out", str(pack))
        subprocess.run(mien(work, "persona", "create", "--name", NAME, *made), check=True)
    return pack


def training(
    work: Path, pack: Path, clips: Sequence[Path], folder: str, given: argparse.Namespace, steps: int
) -> list[str]:
    """The command that trains; `folder` holds the run and the pack that it ends in."""
    run = work / folder
    begin = () if given.start is None else ("--from", given.start)
    plan = ("--size", given.size, "--steps", str(steps), "--rate", str(given.rate), *begin)
    shown = [word for clip in clips for word in ("--footage", str(clip))]
    return mien(work, "train", str(pack), *shown, *plan, "--work", str(run), "--out", str(run / "pack"))


def train(work: Path, pack: Path, clips: Sequence[Path], given: argparse.Namespace) -> Path:
    """The decoder that is judged."""
    trained = work / "long" / "pack"
    if not trained.exists():
        subprocess.run(training(work, pack, clips, "long", given, given.steps), check=True)
    return trained


def killed(work: Path, pack: Path, clips: Sequence[Path], given: argparse.Namespace) -> dict[str, Any]:
    """Compare the network of a short run that was killed and gone on with to that of one that was not."""
    stopped = training(work, pack, clips, "killed", given, given.killed_steps)
    whole = training(work, pack, clips, "whole", given, given.killed_steps)
    found: dict[str, Any] = {}
    if not (work / "killed" / "pack").exists():
        process = subprocess.Popen(stopped)
        while process.poll() is None and not list((work / "killed").glob(f"*/{STATE_NAME}")):
            time.sleep(_LOOK_S)
        if process.poll() is not None:
            raise SystemExit("The run ended before it could be killed: give it more --killed-steps.")
        process.kill()
        process.wait()
        subprocess.run(stopped, check=True)
    if not (work / "whole" / "pack").exists():
        subprocess.run(whole, check=True)
    for name in ("killed", "whole"):
        found[name] = sha256((work / name / "pack" / f"{given.size}.onnx").read_bytes())
    return found | {"steps": given.killed_steps, "same": found["killed"] == found["whole"]}


def judged(work: Path, trained: Path, script: str, words: Sequence[str]) -> dict[str, Any]:
    """What another benchmark says of the pack."""
    report = work / f"{Path(script).stem}.json"
    # From the folder, so that no report tells where it lay.
    shown = ("--persona", str(trained.relative_to(work)), "--json", str(report))
    script = str(Path(__file__).resolve().parent / script)
    subprocess.run([sys.executable, script, *words, *shown], check=False, cwd=work)
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Go the road, print, write; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument(
        "--seconds", type=float, default=72.0, help="of both recordings; a frame takes about a second to film"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes that film")
    parser.add_argument("--size", default="base")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--from", dest="start", default="amara", help="persona whose decoder the training begins with")
    parser.add_argument("--killed-steps", type=int, default=240, help="of the run that is killed; 0 leaves it out")
    parser.add_argument("--people", type=int, default=12, help="drivers of the comparison, each under five codes")
    parser.add_argument("--only-film", action="store_true", help="stop after the recording")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    work: Path = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    clips = record(work, given.seconds, given.jobs)
    if given.only_film:
        return
    pack = make_pack(work)
    resumed = killed(work, pack, clips, given) if given.killed_steps else None
    trained = train(work, pack, clips, given)
    quality = judged(
        work, trained, "quality.py",
        ("--rendered-from", str(SEED), "--people", str(given.people), "--save", str(work / "pictures")),
    )  # fmt: skip
    motion = judged(work, trained, "motion.py", (str(driver_clip()), "--keep", str(work / "converted")))
    rows = quality["personas"][0]["rows"]
    row = rows[f"{given.size}, webcam"]
    met = {
        "PSNR": row["psnr"] >= LEAST_PSNR,
        "landmarks": row["landmarks"] <= MOST_LANDMARKS,
        "sharpness": SHARPNESS[0] <= row["sharpness"] <= SHARPNESS[1],
        "resumed to the byte": resumed is None or bool(resumed["same"]),
    }
    print(", ".join(f"{name}: {'met' if kept else 'NOT met'}" for name, kept in met.items()))
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "does a consented person's footage end in a good persona",
            **provenance(),
            "seed": SEED,
            "recording_s": given.seconds,
            "training": json.loads((trained / "training.json").read_text(encoding="utf-8")),
            "killed": resumed,
            "rows": rows,
            "motion": motion,
            "met": met,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
