"""What a training run is made of besides its steps: which shards teach and which judge, and what is kept in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.engines.swapnet.amplitude import amplify, code_gains
from mien.engines.swapnet.code import NAMED
from mien.engines.swapnet.dataset import Samples, whole_shards
from mien.engines.swapnet.export import export_decoder, export_encoder
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.trainer import Trainer
from mien.engines.swapnet.validate import Score, validate
from mien.realtime.errors import SourceError

#: One shard in so many judges, at least one.
_HELD_OUT = 20


def split(
    folder: Path, personas: Sequence[str], most: int | None = None, *, by_driver: bool = True
) -> tuple[Samples, Samples]:
    """The samples to learn from, and those held out: the last shards, whose drivers no other shard has.

    Args:
        folder: of shards.
        personas: who must be in them.
        most: shards to take; all by default.
        by_driver: no driver may be in both parts; footage shows one person.

    Raises:
        SourceError: there are fewer than two whole shards, or a driver is in both parts.

    """
    numbers = whole_shards(folder, personas)[:most]
    if len(numbers) < 2:
        raise SourceError(
            f"{folder} holds {len(numbers)} whole shards of {', '.join(personas)}; training needs two.",
            hint="Film more samples (--samples 1000), or give more footage.",
        )
    count = max(1, len(numbers) // _HELD_OUT)
    learnt, held_out = Samples(folder, personas, numbers[:-count]), Samples(folder, personas, numbers[-count:])
    if by_driver and (both := learnt.people & held_out.people):
        raise SourceError(
            f"The drivers {sorted(both)[:4]} are among the samples to learn from and among those held out."
        )
    return learnt, held_out


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run ends in: the running mean of the weights where it scored best.

    Attributes:
        encoder: ONNX.
        decoders: ONNX, by persona.
        gains: of the named half of the code, by name, where they are not 1; see `amplitude`.
        score: of these very networks, on all that was held out.

    """

    encoder: bytes
    decoders: dict[str, bytes]
    gains: dict[str, float]
    score: Score


def finish(trainer: Trainer, samples: Samples, held_out: Samples) -> Finished:
    """Amplify the code, score, and export. An encoder that was kept as it was is not amplified again."""
    encoder, decoders = trainer.shipped()
    gains: dict[str, float] = {}
    if not trainer.plan.freeze:
        found = code_gains(encoder, samples, trainer.device)
        amplify(encoder, found)
        gains = {name: round(float(gain), 3) for name, gain in zip(NAMED, found, strict=True) if gain != 1}
    size_px = size_named(trainer.plan.size).size_px
    score = validate(encoder, decoders, held_out, size_px, len(held_out), trainer.device)
    return Finished(
        export_encoder(encoder), {name: export_decoder(each) for name, each in decoders.items()}, gains, score
    )


def record(
    trainer: Trainer,
    samples: Samples,
    held_out: Samples,
    finished: Finished,
    machine: dict[str, Any],
    command: str,
) -> dict[str, Any]:
    """What a pack keeps of a run: what it needs to be made again, and how good it was."""
    return {
        "command": command,
        "plan": trainer.plan.to_dict(),
        "samples": len(samples),
        "drivers": len(samples.people),
        "held_out": {
            "samples": len(held_out),
            "drivers": len(held_out.people),
            **{name: value if math.isfinite(value) else None for name, value in finished.score._asdict().items()},
        },
        "steps": trainer.step,
        "hours": round(trainer.seconds / 3600, 2),
        "gains": finished.gains,
        "machine": machine,
    }
