"""Trains the learned detector on crops of bare and swapped faces. Needs torch; not part of verifying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from mien.engines.verify.signals.learned import LENGTH
from mien.engines.verify.signals.network import DetectorNetwork
from mien.realtime.frame import Floats

Crops = NDArray[np.uint8]

_BATCH: Final = 16
_LEARNING_RATE: Final = 2e-3
#: How a sequence is changed before it is learnt from: contrast, brightness (of 255), greatest blur, JPEG's qualities.
_CONTRAST, _BRIGHTNESS, _BLUR_PX, _QUALITY = (0.8, 1.2), 20.0, 0.8, (40, 95)


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """The aligned crops of one run.

    Attributes:
        crops: (N, 64, 64) uint8 luma, N >= LENGTH.
        swapped: whether the face in them is a persona's.
        scene: the clip, and how it was encoded; bare and swapped takes of one scene differ in the face alone.

    """

    crops: Crops
    swapped: bool
    scene: str


def train(takes: Sequence[Take], *, steps: int, seed: int = 0) -> DetectorNetwork:
    """Learn to tell swapped takes from bare ones of the same scene; the same takes and seed give the same network."""
    torch.manual_seed(seed)
    network = DetectorNetwork().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _, (luma, swapped) in zip(range(steps), batches(takes, np.random.default_rng(seed)), strict=False):
        loss = functional.binary_cross_entropy_with_logits(network(torch.from_numpy(luma)), torch.from_numpy(swapped))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return network.eval()


def score(network: DetectorNetwork, take: Take) -> float:
    """What the exported network would give for a run (see `learned.learned_score`)."""
    count = len(take.crops) // LENGTH
    luma = take.crops[: count * LENGTH].reshape(count, LENGTH, *take.crops.shape[1:]).astype(np.float32) / 255
    with torch.no_grad():
        return float(torch.sigmoid(network(torch.from_numpy(luma))).mean())


def batches(takes: Sequence[Take], rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    """(16, LENGTH, 64, 64) luma 0..1 and (16, 1) answers, without an end.

    In pairs, bare and swapped of one scene, changed at random and alike: so neither who it is, nor the light, nor the
    codec tells them apart.
    """
    bare = [take for take in takes if not take.swapped]
    pairs = [(one, other) for one in bare for other in takes if other.swapped and other.scene == one.scene]
    while True:
        luma = []
        for _ in range(_BATCH // 2):
            change = _Change.drawn(rng)
            for take in pairs[int(rng.integers(len(pairs)))]:
                begin = int(rng.integers(len(take.crops) - LENGTH + 1))
                luma.append(change(take.crops[begin : begin + LENGTH]))
        yield np.stack(luma), np.tile(np.array([[0.0], [1.0]], np.float32), (_BATCH // 2, 1))


@dataclass(frozen=True, slots=True)
class _Change:
    """A sequence as another camera and another codec would give it; the same for all of its pictures."""

    mirrored: bool
    sigma_px: float
    quality: int
    gain: float
    lift: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        blurred, recoded = rng.random(2) < (0.3, 0.5)
        return cls(
            bool(rng.random() < 0.5),
            float(rng.uniform(0.3, _BLUR_PX)) if blurred else 0.0,
            int(rng.integers(*_QUALITY)) if recoded else 0,
            float(rng.uniform(*_CONTRAST)),
            float(rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)),
        )

    def __call__(self, crops: Crops) -> Floats:
        changed = []
        for crop in crops:
            one = np.ascontiguousarray(crop[:, ::-1]) if self.mirrored else crop
            if self.sigma_px:
                one = np.asarray(cv2.GaussianBlur(one, (0, 0), self.sigma_px), np.uint8)
            if self.quality:
                _, data = cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
                one = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
            changed.append(np.clip((one.astype(np.float32) - 128) * self.gain + 128 + self.lift, 0, 255) / 255)
        return np.stack(changed).astype(np.float32)
