"""What a training run is made of besides its steps: which shards teach and which judge, and what is kept in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.engines.swapnet.amplitude import amplify, code_gains, codes_said
from mien.engines.swapnet.code import NAMED
from mien.engines.swapnet.dataset import Samples, whole_shards
from mien.engines.swapnet.export import export_decoder, export_encoder
from mien.engines.swapnet.marks import Marks, fit_marks, kept_landmarks
from mien.engines.swapnet.network import Encoder
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.terms import PERSONA_PX
from mien.engines.swapnet.trainer import Trainer
from mien.engines.swapnet.validate import Score, validate
from mien.realtime.errors import SourceError
from mien.realtime.frame import Floats

#: One shard in so many judges, at least one.
_HELD_OUT = 20
#: In so many pictures of a persona its landmarks are tracked; it takes about ten seconds.
_TRACKED = 192


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
    """Amplify the code, score, and export the decoders of those whom `samples` show.

    An encoder that was kept as it was, or that learnt on from recordings, is not amplified again.
    """
    encoder, decoders = trainer.shipped()
    decoders = {name: decoders[name] for name in samples.personas}
    gains: dict[str, float] = {}
    if not trainer.plan.freeze:
        found = code_gains(encoder, samples, trainer.device)
        amplify(encoder, found)
        gains = {name: round(float(gain), 3) for name, gain in zip(NAMED, found, strict=True) if gain != 1}
    size_px = size_named(trainer.plan.size).size_px
    score = validate(encoder, decoders, held_out, size_px, len(held_out), trainer.device)
    exported = {
        name: export_decoder(each, marks_of(name, encoder, samples, trainer.device)) for name, each in decoders.items()
    }
    return Finished(export_encoder(encoder), exported, gains, score)


def marks_of(name: str, encoder: Encoder, samples: Samples, device: torch.device) -> Marks:
    """Where a persona's landmarks lie, by the code, as trackers see them.

    Renders know their codes and landmarks exactly; recordings were tracked, and their codes are what the encoder says.
    """
    chosen = np.arange(len(samples))
    named, landmarks = samples.named(chosen), samples.landmarks(name, chosen)
    if np.isfinite(named).all():
        return fit_marks(named, landmarks, PERSONA_PX).moved(_seen_elsewhere(name, samples))
    return fit_marks(codes_said(encoder, samples, chosen, device), landmarks, PERSONA_PX)


def _seen_elsewhere(name: str, samples: Samples) -> Floats:
    """(M, 2) float32: how far from where a renderer has landmarks trackers see them (brows higher), in sides.

    The mean over samples alone: how a tracker reads the motion of a rendered face is not how it reads a driver's.
    """
    # Imported here: recordings need no renderer.
    from mien.engines.swapnet.paired import Eye

    eye, kept = Eye(), kept_landmarks()
    chosen = np.linspace(0, len(samples) - 1, min(len(samples), _TRACKED)).round().astype(int)
    away = [
        found.landmarks[kept, :2] - true[kept]
        for index, true in zip(chosen, samples.landmarks(name, chosen), strict=True)
        if (found := eye(samples.picture(name, int(index)))) is not None
    ]
    # Whom the tracker does not take for a face is left where the renderer put it.
    mean = np.mean(away, axis=0) if len(away) >= len(chosen) // 2 else np.zeros((len(kept), 2))
    return np.asarray(mean / PERSONA_PX, np.float32)


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
