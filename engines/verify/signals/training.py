"""Trains the learned detector on crops of bare and swapped faces. Needs torch; not part of verifying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

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

    """

    crops: Crops
    swapped: bool


def train(takes: Sequence[Take], *, steps: int, seed: int = 0) -> DetectorNetwork:
    """Learn to tell swapped takes from bare ones, as many of each; the same takes and seed give the same network."""
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
    """(16, LENGTH, 64, 64) luma 0..1 and (16, 1) answers, half of them swapped, changed at random; without an end."""
    sides = [[take for take in takes if take.swapped == swapped] for swapped in (False, True)]
    while True:
        luma, answers = [], []
        for number in range(_BATCH):
            side = sides[number % 2]
            crops = side[int(rng.integers(len(side)))].crops
            begin = int(rng.integers(len(crops) - LENGTH + 1))
            luma.append(_changed(crops[begin : begin + LENGTH], rng))
            answers.append([float(number % 2)])
        yield np.stack(luma), np.array(answers, np.float32)


def _changed(crops: Crops, rng: np.random.Generator) -> Floats:
    """A sequence as another camera and another codec would give it; the same change in all of its pictures."""
    mirrored, blurred, recoded = rng.random(3) < (0.5, 0.3, 0.5)
    sigma, quality = float(rng.uniform(0.3, _BLUR_PX)), int(rng.integers(*_QUALITY))
    gain, lift = rng.uniform(*_CONTRAST), rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    changed = []
    for crop in crops:
        one = np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop
        if blurred:
            one = np.asarray(cv2.GaussianBlur(one, (0, 0), sigma), np.uint8)
        if recoded:
            _, data = cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, quality])
            one = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
        changed.append(np.clip((one.astype(np.float32) - 128) * gain + 128 + lift, 0, 255) / 255)
    return np.stack(changed).astype(np.float32)
