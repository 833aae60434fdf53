"""What a network learns from at once, and whatever gives it: the same batch for the same seed and step.

Imports neither OpenCV nor anything that does, for GPU hosts that have NumPy and torch alone.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.terms import PERSONA_PX
from mien.realtime.frame import Floats

_AHEAD: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A persona's part of a batch.

    Attributes:
        pixels: (B, 3, S, S) float32 RGB 0..1.
        mask: (B, 1, S, S) float32 0..1.
        wet: (B, 1, S, S) float32 0..1, 1 on the balls of the eyes and inside the mouth.
        detail: (B, 1, S, S) float32 0..1, 1 on the eyes, the mouth and a little around.
        places: (B, 3, S/2, S/2) float32, see `places.places_of`.

    """

    pixels: Tensor
    mask: Tensor
    wet: Tensor
    detail: Tensor
    places: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What is learnt from at once.

    Attributes:
        pixels: (B, 3, 128, 128) float32 RGB 0..1, what the encoder sees.
        tracked: (B, `TRACKED_SIZE`) float32.
        named: (B, `NAMED`) float32, NaN where unknown.
        front: (B, 1, 64, 64) float32 0..1.
        answers: of each persona that these samples show, by its name.

    """

    pixels: Tensor
    tracked: Tensor
    named: Tensor
    front: Tensor
    answers: dict[str, Answer]

    def to(self, device: torch.device) -> Batch:
        """The same there."""
        if device.type == "cpu":
            return self
        answers = {
            name: replace(answer, **{each.name: getattr(answer, each.name).to(device) for each in fields(answer)})
            for name, answer in self.answers.items()
        }
        names = ("pixels", "tracked", "named", "front")
        return replace(self, answers=answers, **{name: getattr(self, name).to(device) for name in names})


class Material(Protocol):
    """Samples that can be learnt from, wherever they lie."""

    def __len__(self) -> int:
        """How many."""

    def batch(
        self, chosen: Sequence[int], size_px: int | None, rng: np.random.Generator, augment: Augment | None
    ) -> Batch:
        """Some samples, shaken by `augment`, or as the live path would see them; without a size no answers to them."""


def batches(
    parts: Sequence[Material], *, seed: int, first: int, last: int, batch: int, size_px: int, augment: Augment
) -> Generator[Batch, None, None]:
    """The batches of steps `first` to `last`, of the parts in turn, prepared a little ahead on their own thread."""

    def make(step: int) -> Batch:
        rng = np.random.default_rng((seed, step))
        samples = parts[step % len(parts)]
        return samples.batch(rng.integers(0, len(samples), batch).tolist(), size_px, rng, augment)

    with ThreadPoolExecutor(1, thread_name_prefix="samples") as pool:
        waiting: list[Future[Batch]] = []
        for step in range(first, last):
            while len(waiting) < _AHEAD and step + len(waiting) < last:
                waiting.append(pool.submit(make, step + len(waiting)))
            yield waiting.pop(0).result()


def assembled(
    pixels: Sequence[NDArray[np.uint8]],
    fronts: Sequence[NDArray[np.uint8]],
    tracked: Sequence[Floats],
    named: Sequence[Floats],
    answers: dict[str, Answer],
) -> Batch:
    """A batch of what its samples show and say, one of each for each sample; pictures are BGR, maps 0..255."""
    front = torch.from_numpy(np.array(fronts)[:, None]).float() / 255
    told, truth = torch.from_numpy(np.array(tracked)), torch.from_numpy(np.array(named))
    return Batch(to_rgb(pixels), told, truth, front, answers)


def marks_in(landmarks: Floats, size_px: int) -> Floats:
    """(478, 2) landmarks, px of `PERSONA_PX`, in a square of another size; pixels' middles are whole numbers."""
    return (landmarks + np.float32(0.5)) * np.float32(size_px / PERSONA_PX) - np.float32(0.5)


def to_rgb(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """(N, 3, S, S) float32 RGB 0..1 of N uint8 BGR pictures; channels last in memory, as convolutions like it."""
    stack = torch.from_numpy(np.ascontiguousarray(np.array(pictures)[..., ::-1]))
    return stack.permute(0, 3, 1, 2).float().div_(255)
