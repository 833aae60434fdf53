"""What a training run is made of besides its steps: which shards teach and which judge, and what is kept in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.engines.personas.manifest import sha256
from mien.engines.swapnet.dataset import Samples, whole_shards
from mien.engines.swapnet.export import export_decoder, export_encoder
from mien.engines.swapnet.trainer import Trainer
from mien.engines.swapnet.validate import Score
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


def networks_of(trainer: Trainer) -> tuple[bytes, dict[str, bytes]]:
    """The encoder and each persona's decoder as ONNX, from the running mean of the weights where it scored best."""
    encoder, decoders = trainer.shipped()
    return export_encoder(encoder), {name: export_decoder(decoder) for name, decoder in decoders.items()}


def record(
    trainer: Trainer,
    samples: Samples,
    held_out: Samples,
    score: Score,
    encoder: bytes,
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
            **{name: value if math.isfinite(value) else None for name, value in score._asdict().items()},
        },
        "steps": trainer.step,
        "hours": round(trainer.seconds / 3600, 2),
        "encoder": sha256(encoder),
        "machine": machine,
    }
