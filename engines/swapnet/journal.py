"""A run's curves, in TensorBoard's format, and its previews, as pictures."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mien.engines.swapnet.dataset import Samples
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.trainer import Progress, Trainer
from mien.realtime.errors import MissingExtraError

#: Steps between the losses' points.
_EVERY = 20
_SHOWN = 8


class Journal:
    """Writes into a run's folder: `curves/` and `previews/`.

    Raises:
        MissingExtraError: tensorboard is not installed.

    """

    def __init__(self, folder: Path, trainer: Trainer, held_out: Samples) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError(
                f"Curves need tensorboard ({error}).", hint="Install it: pip install tensorboard"
            ) from error
        self._writer: Any = SummaryWriter(str(folder / "curves"), purge_step=trainer.step)
        self._previews = folder / "previews"
        self._previews.mkdir(parents=True, exist_ok=True)
        self._trainer, self._held_out = trainer, held_out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def note(self, progress: Progress) -> None:
        """What `Trainer.run` tells after each step."""
        if progress.step % _EVERY == 0:
            for name, value in progress.losses.items():
                self._writer.add_scalar(f"loss/{name}", value, progress.step)
            self._writer.add_scalar("seconds a step", progress.step_s, progress.step)
        if progress.score is not None:
            for name, value in progress.score._asdict().items():
                if math.isfinite(value):
                    self._writer.add_scalar(f"held out/{name}", value, progress.step)
            picture = preview(self._trainer, self._held_out)
            cv2.imwrite(str(self._previews / f"{progress.step:07d}.png"), picture)
            self._writer.add_image("held out", picture[..., ::-1], progress.step, dataformats="HWC")
            self._writer.flush()


@torch.no_grad()
def preview(trainer: Trainer, samples: Samples, count: int = _SHOWN) -> NDArray[np.uint8]:
    """Rows of pictures, uint8 BGR: held-out drivers; for each persona what is drawn inside its mask, and the truth."""
    encoder, decoders = trainer.networks()
    size = size_named(trainer.plan.size).size_px
    chosen = np.linspace(0, len(samples) - 1, min(count, len(samples))).round().astype(int).tolist()
    batch = samples.batch(chosen, size, np.random.default_rng(0), None)
    device = next(encoder.parameters()).device
    encoded = encoder(batch.pixels.to(device), batch.tracked.to(device))
    rows = [torch.nn.functional.interpolate(batch.pixels, (size, size), mode="bilinear")]
    for name, truth in batch.answers.items():
        painted = decoders[name](encoded.named, encoded.free)
        pixels, masks = painted.pixels.float().cpu(), painted.masks.float().cpu()
        rows += [pixels * torch.sigmoid(masks[:, :1]), truth.pixels * truth.mask]
    strips = [torch.cat(list(row), dim=2) for row in rows]
    grid = torch.cat(strips, dim=1).clamp(0, 1).mul(255).round().byte()
    return np.ascontiguousarray(grid.permute(1, 2, 0).numpy()[..., ::-1])
