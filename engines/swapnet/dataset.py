"""Samples on disk, as batches."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mien.engines.mesh.topology import EYES, OUTER_LIP, topology
from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.batch import Answer, Batch, assembled, marks_in, to_rgb
from mien.engines.swapnet.places import places_of
from mien.engines.swapnet.samples import (
    DriverShard,
    PersonaShard,
    drivers_place,
    persona_place,
    read_drivers,
    read_persona,
)
from mien.engines.swapnet.shake import middle, shaken
from mien.engines.swapnet.terms import FRONT_PX, PERSONA_PX
from mien.realtime.errors import SourceError

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: How far the eyes and the mouth reach beyond their landmarks, share of the picture.
_AROUND = 0.025


class Samples:
    """All shards of a folder that hold every one of some personas.

    Args:
        folder: of shards.
        personas: names.
        shards: numbers of the shards to take; all by default.

    Raises:
        SourceError: there is none, or one is damaged, or a persona's shard does not fit its drivers'.

    """

    def __init__(self, folder: Path, personas: Sequence[str], shards: Sequence[int] | None = None) -> None:
        self.personas = tuple(personas)
        numbers = whole_shards(folder, personas) if shards is None else list(shards)
        self._drivers: list[DriverShard] = [read_drivers(drivers_place(folder, number)) for number in numbers]
        self._answers: dict[str, list[PersonaShard]] = {
            name: [read_persona(persona_place(folder, name, number)) for number in numbers] for name in personas
        }
        self._index = [(k, i) for k, shard in enumerate(self._drivers) for i in range(len(shard.person))]
        if not self._index:
            raise SourceError(
                f"{folder} holds no samples of {', '.join(personas)}.", hint="Film some: mien train --paired"
            )
        for name, answers in self._answers.items():
            for number, drivers, answer in zip(numbers, self._drivers, answers, strict=True):
                if len(drivers.person) != len(answer.landmarks):
                    raise SourceError(f"shard {number} of {name!r} does not fit its drivers'; remove it.")

    def __len__(self) -> int:
        return len(self._index)

    def digest(self) -> str:
        """SHA-256 of what is learnt from, hex: samples that differ give another."""
        whole = hashlib.sha256()
        for number, drivers in enumerate(self._drivers):
            whole.update(drivers.pixels.digest())
            whole.update(drivers.tracked.tobytes())
            for answers in self._answers.values():
                whole.update(answers[number].pixels.digest())
                whole.update(answers[number].mask.digest())
        return whole.hexdigest()

    @property
    def people(self) -> set[int]:
        """The drivers' seeds."""
        return {int(seed) for shard in self._drivers for seed in shard.person}

    def named(self, chosen: NDArray[np.int64]) -> Floats:
        """(N, `NAMED`) float32, the true codes of some; NaN where they are not known."""
        places = [self._index[index] for index in chosen]
        return np.array([self._drivers[shard].named[at] for shard, at in places], np.float32)

    def landmarks(self, persona: str, chosen: NDArray[np.int64]) -> Floats:
        """(N, 478, 2) float32, a persona's landmarks in its answers to some, px of `PERSONA_PX`."""
        places = [self._index[index] for index in chosen]
        return np.array([self._answers[persona][shard].landmarks[at] for shard, at in places], np.float32)

    def picture(self, persona: str, index: int) -> Pixels:
        """(`PERSONA_PX`, `PERSONA_PX`, 3) uint8 BGR, a persona's answer to one."""
        shard, at = self._index[index]
        return self._answers[persona][shard].pixels.at(at)

    def batch(
        self, chosen: Sequence[int], size_px: int | None, rng: np.random.Generator, augment: Augment | None
    ) -> Batch:
        """Some samples, shaken by `augment`, or as the live path would see them; without a size no answers to them."""
        pixels, fronts, tracked, named = [], [], [], []
        for index in chosen:
            shard, at = self._drivers[self._index[index][0]], self._index[index][1]
            stored, before = shard.pixels.at(at), shard.front.at(at, grey=True)
            code = shard.tracked[at]
            if augment is None:
                seen, front = middle(stored, before)
            else:
                seen, front = shaken(augment, rng, stored, before)
                code = augment.tracked(rng, code)
                if rng.random() < augment.no_pixels:
                    seen = np.full_like(seen, 128)
            pixels.append(seen)
            small = cv2.resize(front, (FRONT_PX, FRONT_PX), interpolation=cv2.INTER_AREA)
            fronts.append(np.asarray(small, np.uint8))
            tracked.append(code)
            named.append(shard.named[at])
        answers = {} if size_px is None else {name: self._answer(name, chosen, size_px) for name in self.personas}
        return assembled(pixels, fronts, tracked, named, answers)

    def _answer(self, name: str, chosen: Sequence[int], size_px: int) -> Answer:
        pixels, places = [], []
        maps: list[list[Pixels]] = [[], [], []]
        for index in chosen:
            k, at = self._index[index]
            shard = self._answers[name][k]
            picture, mask = shard.pixels.at(at), shard.mask.at(at, grey=True)
            if size_px != PERSONA_PX:
                picture = np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)
                mask = np.asarray(cv2.resize(mask, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)
            marks = marks_in(shard.landmarks[at], size_px)
            pixels.append(picture)
            wet = wet_map(marks, size_px)
            places.append(places_of(marks, size_px, wet))
            for maps_of, each in zip(maps, (mask, wet, detail_map(marks, size_px)), strict=True):
                maps_of.append(each)
        shown, wetness, detail = (torch.from_numpy(np.array(each)[:, None]).float() / 255 for each in maps)
        return Answer(to_rgb(pixels), shown, wetness, detail, torch.from_numpy(np.array(places)))


def wet_map(landmarks: Floats, size_px: int) -> Pixels:
    """(S, S) uint8, 255 between the lids and between the lips, by (478, 2) landmarks, px."""
    out = np.zeros((size_px, size_px), np.uint8)
    for ring in (topology().inner_lip.tolist(), *(eye.contour for eye in EYES)):
        points = np.rint(landmarks[list(ring)] * 16).astype(np.int32)
        cv2.fillPoly(out, [points], 255, cv2.LINE_AA, shift=4)
    return out


def detail_map(landmarks: Floats, size_px: int) -> Pixels:
    """(S, S) uint8, 255 on eyes and mouth and a little around, by (478, 2) landmarks, px."""
    out = np.zeros((size_px, size_px), np.uint8)
    for ring in (OUTER_LIP, *(eye.contour for eye in EYES)):
        cv2.fillPoly(out, [cv2.convexHull(np.rint(landmarks[list(ring)]).astype(np.int32))], 255)
    reach = max(1, round(_AROUND * size_px))
    return np.asarray(cv2.dilate(out, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)


def whole_shards(folder: Path, personas: Sequence[str]) -> list[int]:
    """Numbers of the shards that hold the drivers and every persona."""
    names = (re.fullmatch(r"drivers-(\d{5})", place.stem) for place in folder.glob("drivers-*.safetensors"))
    numbers = sorted(int(found[1]) for found in names if found)
    return [n for n in numbers if all(persona_place(folder, name, n).exists() for name in personas)]
