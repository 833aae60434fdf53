"""Samples in one small file that a host without OpenCV can learn from: shaken, framed and mapped before they travel.

A driver's picture is shaken a few times here, and one of these is drawn there for each step; the tracker's code is
shaken there. So pictures differ less than those of `mien.engines.swapnet.dataset`, which shakes anew each time. Imports
neither OpenCV nor anything that does.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as fn

from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.batch import Answer, Batch, Material, assembled, marks_in, to_rgb
from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.coded import decode, encode, unpacked
from mien.engines.swapnet.places import places_of
from mien.engines.swapnet.plan import TrainPlan
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.terms import FRONT_PX, LEAST_HALVED, PERSONA_PX, SEEN_PX
from mien.realtime.errors import SourceError
from mien.realtime.frame import Floats, Pixels

#: How often a driver's picture is shaken.
SHAKES: Final = 2
#: As JPEG counts it; what the drivers' webcams left is coarser.
_DRIVER_QUALITY, _PERSONA_QUALITY = 80, 90
#: Samples that are coded together.
_TOGETHER: Final = 64
_VERSION: Final = 1
#: Of a persona's answer: what is learnt, and where.
_MAPS: Final = ("mask", "wet", "detail")


class Source(Material, Protocol):
    """What is packed: `mien.engines.swapnet.dataset.Samples`."""

    def landmarks(self, persona: str, chosen: NDArray[np.int64]) -> Floats:
        """See `Samples`."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Samples as they lie in memory, N of them, each driver's picture in V versions.

    Attributes:
        seen: (N, V, `SEEN_PX`, `SEEN_PX`, 3) uint8 BGR.
        front: (N, V, `FRONT_PX`, `FRONT_PX`) uint8.
        tracked: (N, `TRACKED_SIZE`) float32, not shaken.
        named: (N, `NAMED`) float32.
        shown: (N, S, S, 3) uint8 BGR, the persona's answers.
        maps: (N, 3, S, S) uint8: face, wet, detail; see `mien.engines.swapnet.batch.Answer`.
        landmarks: (N, 478, 2) float32, px of `PERSONA_PX`.

    """

    seen: Pixels
    front: Pixels
    tracked: Floats
    named: Floats
    shown: Pixels
    maps: Pixels
    landmarks: Floats

    def __len__(self) -> int:
        return len(self.tracked)

    @classmethod
    def of(cls, samples: Source, persona: str, chosen: Sequence[int], size_px: int, how: Augment | None) -> Part:
        """Some samples, shaken `SHAKES` times or, without `how`, once as the live path has them."""
        rng = np.random.default_rng((_VERSION, chosen[0]))
        plain = samples.batch(chosen, size_px, rng, None)
        # What is left out of a step is drawn there.
        whole = None if how is None else replace(how, no_pixels=0.0)
        views = [samples.batch(chosen, None, rng, whole) for _ in range(1 if how is None else SHAKES)]
        answer = plain.answers[persona]
        return cls(
            seen=np.stack([_levels(each.pixels.flip(1).permute(0, 2, 3, 1)) for each in views], 1),
            front=np.stack([_levels(each.front[:, 0]) for each in views], 1),
            tracked=plain.tracked.numpy(), named=plain.named.numpy(),
            shown=_levels(answer.pixels.flip(1).permute(0, 2, 3, 1)),
            maps=_levels(torch.cat([answer.mask, answer.wet, answer.detail], 1)),
            landmarks=samples.landmarks(persona, np.asarray(chosen)),
        )  # fmt: skip

    def coded(self) -> dict[str, Any]:
        """As arrays for a file."""
        seen = self.seen.reshape(-1, *self.seen.shape[2:])
        return {
            "seen": _bytes(encode(seen, _DRIVER_QUALITY)), "shown": _bytes(encode(self.shown, _PERSONA_QUALITY)),
            "front": _bytes(lzma.compress(self.front.tobytes())), "maps": _bytes(lzma.compress(self.maps.tobytes())),
            "tracked": self.tracked.astype(np.float16), "named": self.named,
            # To a hundredth of a pixel.
            "landmarks": np.rint(self.landmarks * 64).astype(np.int16),
        }  # fmt: skip

    @classmethod
    def read(cls, coded: Mapping[str, Any], side: int, views: int) -> Part:
        """The reverse of `coded`, to what its codes keep; raises `SourceError` for what does not fit together."""
        named = np.asarray(coded["named"], np.float32)
        count = len(named)
        shapes = {"named": (count, len(NAMED)), "tracked": (count, TRACKED_SIZE), "landmarks": (count, 478, 2)}
        for name, shape in shapes.items():
            if coded[name].shape != shape:
                raise SourceError(f"packed samples are damaged: {name} has the shape {coded[name].shape}, not {shape}.")
        seen, front = (count * views, SEEN_PX, SEEN_PX, 3), (count, views, FRONT_PX, FRONT_PX)
        maps = (count, len(_MAPS), side, side)
        return cls(
            seen=decode(coded["seen"].tobytes(), seen, _DRIVER_QUALITY).reshape(count, views, *seen[1:]),
            front=unpacked(coded["front"].tobytes(), int(np.prod(front))).reshape(front),
            tracked=coded["tracked"].astype(np.float32), named=named,
            shown=decode(coded["shown"].tobytes(), (count, side, side, 3), _PERSONA_QUALITY),
            maps=unpacked(coded["maps"].tobytes(), int(np.prod(maps))).reshape(maps),
            landmarks=coded["landmarks"].astype(np.float32) / 64,
        )  # fmt: skip


class PackedSamples:
    """`mien.engines.swapnet.batch.Material` of one persona.

    Args:
        persona: whose answers these are.
        parts: one at least.

    """

    def __init__(self, persona: str, parts: Sequence[Part]) -> None:
        self._persona, self._parts = persona, tuple(parts)
        self._index = [(part, at) for part in self._parts for at in range(len(part))]
        self._places: dict[tuple[int, int], Floats] = {}

    def __len__(self) -> int:
        return len(self._index)

    def batch(
        self, chosen: Sequence[int], size_px: int | None, rng: np.random.Generator, augment: Augment | None
    ) -> Batch:
        """See `Material`."""
        pixels, fronts, tracked, named = [], [], [], []
        for index in chosen:
            part, at = self._index[index]
            view = 0 if augment is None else int(rng.integers(part.seen.shape[1]))
            seen, code = part.seen[at, view], part.tracked[at]
            if augment is not None:
                code = augment.tracked(rng, code)
                if rng.random() < augment.no_pixels:
                    seen = np.full_like(seen, 128)
            pixels.append(seen)
            fronts.append(part.front[at, view])
            tracked.append(code)
            named.append(part.named[at])
        answers = {} if size_px is None else {self._persona: self._answer(chosen, size_px)}
        return assembled(pixels, fronts, tracked, named, answers)

    def _answer(self, chosen: Sequence[int], size_px: int) -> Answer:
        found = [self._index[index] for index in chosen]
        shown = to_rgb([part.shown[at] for part, at in found])
        maps = torch.from_numpy(np.array([part.maps[at] for part, at in found])).float() / 255
        shown, maps = _sized(shown, size_px), _sized(maps, size_px)
        places = [self._place(index, size_px, wet) for index, wet in zip(chosen, maps[:, 1], strict=True)]
        return Answer(shown, maps[:, :1], maps[:, 1:2], maps[:, 2:], torch.from_numpy(np.array(places)))

    def _place(self, index: int, size_px: int, wet: Tensor) -> Floats:
        # Kept: a quarter of what a step takes, and a GPU host has the memory.
        if (index, size_px) not in self._places:
            part, at = self._index[index]
            marks = marks_in(part.landmarks[at], size_px)
            self._places[index, size_px] = places_of(marks, size_px, (wet.numpy() * 255).astype(np.uint8))
        return self._places[index, size_px]


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """What travels to a GPU host.

    Attributes:
        plan: of the run; its encoder is frozen.
        encoder: weights by name.
        learnt: samples to learn from.
        held_out: samples to judge by.

    """

    plan: TrainPlan
    encoder: dict[str, Tensor]
    learnt: PackedSamples
    held_out: PackedSamples


def write_parcel(
    path: Path, plan: TrainPlan, encoder: Mapping[str, Tensor], learnt: Source, held_out: Source, *, most_bytes: int
) -> tuple[int, int]:
    """Write a parcel; it has all that is held out, and as much to learn from as fits.

    Gives how many samples there are to learn from and how many are held out.

    Raises:
        SourceError: not even a few samples to learn from fit.

    """
    (persona,) = plan.personas
    side = min(size_named(plan.size).size_px, PERSONA_PX)
    # As packs keep them: a shipped encoder's are halves already.
    out: dict[str, Any] = {
        f"encoder.{name}": each.numpy().astype(np.float16 if each.numel() >= LEAST_HALVED else np.float32)
        for name, each in encoder.items()
    }
    counts = {"held_out": 0, "learnt": 0}
    left = most_bytes - sum(each.nbytes for each in out.values()) - 2**16
    for name, samples, how in (("held_out", held_out, None), ("learnt", learnt, plan.augment)):
        # Of every driver some, whatever fits: shards hold one after the other.
        for number, chosen in enumerate(_spread(len(samples))):
            coded = Part.of(samples, persona, chosen, side, how).coded()
            left -= sum(each.nbytes for each in coded.values())
            if left < 0:
                break
            out |= {f"{name}.{number}.{key}": value for key, value in coded.items()}
            counts[name] += len(chosen)
    if not counts["learnt"]:
        raise SourceError(f"No samples to learn from fit into {most_bytes / 1e6:.0f} MB beside those held out.")
    about = {"version": _VERSION, "plan": plan.to_dict(), "side": side, "shakes": SHAKES}
    out["about"] = _bytes(json.dumps(about).encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **out)
    part.replace(path)
    return counts["learnt"], counts["held_out"]


def read_parcel(path: Path) -> Parcel:
    """Read what `write_parcel` wrote.

    Raises:
        SourceError: it is damaged or another version's.

    """
    try:
        # Opened here: NumPy leaves open what is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            about = json.loads(data["about"].tobytes())
            if about.get("version") != _VERSION:
                raise SourceError(f"{path} was packed by another version; pack it again.")
            plan = TrainPlan.from_dict(about["plan"])
            (persona,) = plan.personas
            encoder = {
                name.removeprefix("encoder."): torch.from_numpy(data[name].astype(np.float32))
                for name in data.files if name.startswith("encoder.")
            }  # fmt: skip
            parts = {
                name: PackedSamples(persona, [Part.read(each, about["side"], views) for each in _groups(data, name)])
                for name, views in (("learnt", about["shakes"]), ("held_out", 1))
            }
    except (OSError, BadZipFile, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is no parcel of samples, or is damaged: {error}.") from error
    return Parcel(plan, encoder, parts["learnt"], parts["held_out"])


def _spread(count: int) -> Iterator[list[int]]:
    groups = max(1, -(-count // _TOGETHER))
    return (list(range(first, count, groups)) for first in range(groups))


def _groups(data: Any, part: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - NumPy's file has no type of its own
    number = 0
    while f"{part}.{number}.named" in data.files:
        prefix = f"{part}.{number}."
        yield {name.removeprefix(prefix): data[name] for name in data.files if name.startswith(prefix)}
        number += 1


def _levels(values: Tensor) -> Pixels:
    return np.ascontiguousarray((values * 255).round().to(torch.uint8).numpy())


def _bytes(data: bytes) -> Pixels:
    return np.frombuffer(data, np.uint8)


def _sized(pictures: Tensor, size_px: int) -> Tensor:
    if pictures.shape[-1] == size_px:
        return pictures
    return fn.interpolate(pictures, (size_px, size_px), mode="bilinear", align_corners=False, antialias=True)
