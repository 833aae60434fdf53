"""What does each part of the network's training bring? The same small budget, one thing changed at a time.

    python benchmarks/ablations.py --work out/ablations [--steps 2500] [--json OUT]

Encoder and decoder are trained anew for each row, from the same seed and the same samples: as they ship (plain), with a
variational code, with an adversarial loss after half of the steps, and reading pixels or the tracker's code alone. All
rows are then judged by `quality.py` on the same drivers, whom none of them saw.

It goes on where it was: a row whose pack is there is not trained again, one that was stopped is gone on with.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from mien.plugin.machine import provenance

SCHEMA = 1
#: Words of `mien train`, by row.
ROWS: Final[dict[str, tuple[str, ...]]] = {
    "plain": (),
    "variational": ("--variational",),
    "adversarial": ("--adversarial",),
    "pixels alone": ("--inputs", "pixels"),
    "tracker's code alone": ("--inputs", "tracked"),
}


def train(work: Path, row: str, given: argparse.Namespace) -> Path:
    """The pack of one row."""
    # A folder for each row: runs of one persona on the same samples share one otherwise.
    folder = work / row.replace(" ", "-").replace("'", "")
    pack: Path = folder / given.persona
    if not pack.exists():
        samples = folder / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        if not samples.exists():
            (work / "samples").mkdir(exist_ok=True)
            samples.symlink_to(Path("..") / "samples", target_is_directory=True)
        plan = ("--size", given.size, "--samples", str(given.samples), "--steps", str(given.steps), *ROWS[row])
        places = ("--work", str(folder), "--out", str(pack))
        command = (sys.executable, "-c", "from mien.plugin.cli import main; main()", "train", given.persona)
        subprocess.run([*command, "--paired", "--encoder", "new", *plan, *places], check=True)
    return pack


def judge(work: Path, packs: list[Path], people: int) -> list[dict[str, dict[str, float]]]:
    """What `quality.py` finds of each pack, by engine and condition."""
    report = work / "quality.json"
    named = [word for pack in packs for word in ("--persona", str(pack))]
    script = Path(__file__).parent / "quality.py"
    # It exits with 1 where a bound of what ships is missed, as all of these small ones do.
    subprocess.run([sys.executable, str(script), *named, "--people", str(people), "--json", str(report)], check=False)
    personas: list[dict[str, dict[str, dict[str, float]]]] = json.loads(report.read_text(encoding="utf-8"))["personas"]
    return [persona["rows"] for persona in personas]


def main() -> None:
    """Train, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for samples, runs and packs")
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--size", default="small")
    parser.add_argument("--samples", type=int, default=3072, help="pictures of drivers, filmed once")
    parser.add_argument("--steps", type=int, default=2500, help="of each row, 12 samples each")
    parser.add_argument("--row", action="append", choices=tuple(ROWS), help="this one alone; may be given again")
    parser.add_argument("--people", type=int, default=12, help="drivers of the comparison, each under five codes")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    work: Path = given.work.resolve()
    packs = {row: train(work, row, given) for row in given.row or ROWS}
    found = {
        row: {condition: rows[f"{given.size}, {condition}"] for condition in ("webcam", "plain")}
        | {"training": json.loads((packs[row] / "training.json").read_text(encoding="utf-8"))[given.size]}
        for row, rows in zip(packs, judge(work, list(packs.values()), given.people), strict=True)
    }
    for row, figures in found.items():
        webcam = figures["webcam"]
        told = ", ".join(f"{name} {webcam[name]:.3g}" for name in ("psnr", "ssim", "sharpness", "landmarks", "sface"))
        print(f"{row}: {told}")
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "what does each part of the network's training bring, at one small budget",
            **provenance(),
            "rows": found,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
