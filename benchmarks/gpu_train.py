"""A decoder learns on a host that has NumPy, torch and safetensors alone, from samples that were rendered before.

    mien train NAME --paired --size large --work out/large --minutes 0      here: films the samples, begins the run
    python benchmarks/gpu_train.py pack --run out/large/NAME-large-... --samples out/large/samples --out out/gpu-day
    python benchmarks/gpu_train.py train --parcel out/gpu-day/train.npz --work build/train --out results       there
    python benchmarks/gpu_train.py unpack --run out/large/NAME-large-... --pieces results                      here
    mien train NAME --paired --size large --work out/large                  here: goes on, or ends in the pack

Each call of `train` goes on where the one before was, from its own folder. What comes back are pieces of 16 MiB, eight
at most. Filming resumes too: the first command can be stopped and given again. A run that has learnt, or began with
`--from`, is refused: of weights only the encoder's are carried.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from mien.engines.swapnet.checkpoint import load_state, under
from mien.engines.swapnet.packed import read_parcel, write_parcel
from mien.engines.swapnet.plan import TrainPlan
from mien.engines.swapnet.suitcase import receive, send
from mien.engines.swapnet.trainer import STATE_NAME, Progress, Trainer

PARCEL_NAME = "train.npz"
#: How far a weight may be from where its seed put it: a first step moves none so far.
MOST_LEARNT = 1e-3
#: So many come back from the host.
MOST_PIECES = 8


def main() -> None:
    """Do one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    pack_step = steps.add_parser("pack")
    pack_step.add_argument("--run", type=Path, required=True)
    pack_step.add_argument("--samples", type=Path, required=True)
    pack_step.add_argument("--out", type=Path, required=True)
    pack_step.add_argument("--most-mb", type=float, default=52.0, help="50 MiB")
    train_step = steps.add_parser("train")
    train_step.add_argument("--parcel", type=Path, required=True)
    train_step.add_argument("--work", type=Path, required=True)
    train_step.add_argument("--out", type=Path, required=True)
    train_step.add_argument("--device", default="cuda:0")
    train_step.add_argument("--seconds", type=float, default=500.0, help="of the whole call")
    train_step.add_argument("--validate-every", type=int, default=500)
    unpack_step = steps.add_parser("unpack")
    unpack_step.add_argument("--run", type=Path, required=True)
    unpack_step.add_argument("--pieces", type=Path, required=True)
    given = parser.parse_args()
    if given.step == "pack":
        pack(given.run, given.samples, given.out, round(given.most_mb * 1e6))
    elif given.step == "train":
        train(given.parcel, given.work, given.out, given.device, given.seconds, given.validate_every)
    else:
        print(f"{given.run}: step {receive(given.pieces, given.run / STATE_NAME)}; give `mien train` again")


def pack(run: Path, samples: Path, out: Path, most_bytes: int) -> None:
    """Put what a run that has begun would learn from into one file."""
    # Imported here: it reads pictures by OpenCV.
    from mien.engines.swapnet.run import split

    tensors, about = load_state(run / STATE_NAME)
    plan = TrainPlan.from_dict(about["plan"])
    if not plan.freeze or len(plan.personas) != 1:
        raise SystemExit("Only a decoder of one persona travels, with the encoder that ships: --paired, no --encoder.")
    encoder = under(tensors, "network.encoder.")
    # Only the encoder is carried: what the decoder knows already would be lost.
    fresh = Trainer(plan, out / "begun", start=encoder).network.state_dict()
    known = max(float((each - tensors[f"network.{name}"]).abs().max()) for name, each in fresh.items())
    if about["step"] > 1 or known > MOST_LEARNT:
        raise SystemExit(
            f"The run has learnt {about['step']} steps here, or began with another's decoder (--from); "
            "what travels begins anew. Begin a run for it: another --work, with --minutes 0 and without --from."
        )
    parcel = out / PARCEL_NAME
    learnt, held_out = write_parcel(parcel, plan, encoder, *split(samples, plan.personas), most_bytes=most_bytes)
    print(f"{parcel}: {parcel.stat().st_size / 1e6:.1f} MB, {learnt} samples to learn from, {held_out} held out")


def train(parcel_path: Path, work: Path, out: Path, device: str, seconds: float, validate_every: int) -> None:
    """Go on with the run, and leave its state in pieces."""
    begin = time.monotonic()
    parcel = read_parcel(parcel_path)
    trainer = Trainer(parcel.plan, work, device=device, start=parcel.encoder)
    print(
        f"read in {time.monotonic() - begin:.0f} s; {len(parcel.learnt)} samples; from step {trainer.step}", flush=True
    )

    def tell(progress: Progress) -> None:
        if progress.score is not None:
            row = {"step": progress.step, "step_ms": round(progress.step_s * 1e3, 1), **progress.score._asdict()}
            print(json.dumps(row), flush=True)

    over = trainer.run(
        parcel.learnt, parcel.held_out, seconds=max(1.0, seconds - (time.monotonic() - begin)),
        validate_every=validate_every, on_progress=tell,
    )  # fmt: skip
    pieces = send(work / STATE_NAME, out)
    if len(pieces) > MOST_PIECES:
        raise SystemExit(f"The state has {len(pieces)} pieces; {MOST_PIECES} come back.")
    print(json.dumps({"over": over, "step": trainer.step, "steps": parcel.plan.steps, "pieces": len(pieces)}))


if __name__ == "__main__":
    main()
