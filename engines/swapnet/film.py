"""Films the paired road's samples in shards: drivers once, and each persona's answers apart from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.engines.cast.workers import worker_pool
from mien.engines.swapnet.code import NAMED, tracked_code
from mien.engines.swapnet.paired import (
    PICTURE_PX,
    Eye,
    Floats,
    Pixels,
    resting,
    shoot_driver,
    shoot_persona,
    without_hair,
)
from mien.engines.swapnet.samples import (
    STORED_MARGIN,
    DriverShard,
    PersonaShard,
    Pictures,
    drivers_place,
    persona_place,
    read_drivers,
    write_shard,
)
from mien.engines.swapnet.terms import DRIVER_PX
from mien.realtime.aligner import align, crop
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import ConfigError

_STORED_SPEC = EngineSpec("samples", "cast", "cpu", "training", size_px=DRIVER_PX, margin=STORED_MARGIN)
_SALT, _DRIVER_SEEDS = 0x57A9, 2**31
_PLAN_FILE = "samples.json"
VERSION = 3


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """What a folder of samples holds; kept beside the shards, so that two plans are never mixed.

    Attributes:
        version: of how frames are framed, lit and masked; raised when that changes, so that no two are mixed.
        seed: of everything; driver d of shard s depends on (seed, s, d) alone.
        per_shard: samples in a shard, less those that the tracker did not find.
        per_driver: samples of one driver, in a row.
        objects: share of pictures with an object before the face.

    """

    version: int = VERSION
    seed: int = 1
    per_shard: int = 256
    per_driver: int = 16
    objects: float = 0.15

    def __post_init__(self) -> None:
        if not 1 <= self.per_driver <= self.per_shard <= 4096 or not 0 <= self.objects <= 1:
            raise ConfigError("per_driver must be 1 to per_shard, per_shard at most 4096, objects a share from 0 to 1.")


def film_drivers(plan: FilmPlan, shard: int, eye: Eye) -> DriverShard:
    """Render, shoot and track one shard of drivers; it depends on the plan and the shard's number alone."""
    pixels: list[Pixels] = []
    front: list[Pixels] = []
    tracked: list[Floats] = []
    named: list[Floats] = []
    person: list[int] = []
    for first in range(0, plan.per_shard, plan.per_driver):
        rng = np.random.default_rng((plan.seed, _SALT, shard, first // plan.per_driver))
        seed = int(rng.integers(_DRIVER_SEEDS))
        driver = Actor(Recipe("driver", seed), map_px=512)
        rest = resting(driver, eye)
        for _ in range(min(plan.per_driver, plan.per_shard - first)):
            take = shoot_driver(driver, rest, rng, eye, objects=plan.objects)
            if take is None:
                continue
            alignment = align(take.face, _STORED_SPEC, PICTURE_PX, PICTURE_PX)
            pixels.append(crop(take.pixels, alignment).pixels.copy())
            size = (DRIVER_PX, DRIVER_PX)
            front.append(np.asarray(cv2.warpAffine(take.front, alignment.matrix, size), np.uint8))
            tracked.append(tracked_code(take.face))
            named.append(take.named)
            person.append(seed)
    wide = len(NAMED)
    return DriverShard(
        Pictures.encode(pixels), Pictures.encode(front), np.array(tracked, np.float32),
        np.array(named, np.float32).reshape(-1, wide), np.array(person, np.int64),
    )  # fmt: skip


def film_persona(actor: Actor, named: Floats) -> PersonaShard:
    """Render a persona's answers to (N, `NAMED`) codes."""
    replies = [shoot_persona(actor, code) for code in named]
    return PersonaShard(
        Pictures.encode([reply.pixels for reply in replies]),
        Pictures.encode([reply.mask for reply in replies]),
        np.array([reply.landmarks for reply in replies], np.float32).reshape(-1, 478, 2),
    )


def film(
    folder: Path,
    plan: FilmPlan,
    personas: dict[str, Recipe],
    shards: int,
    *,
    workers: int = 1,
    on_shard: Callable[[int, int], None] | None = None,
) -> None:
    """Film the drivers' and the personas' shards of a folder that are not there yet.

    Args:
        folder: made if missing.
        plan: what to film.
        personas: who answers, by the names of their files.
        shards: how many of each.
        workers: processes; each needs about 2 GB.
        on_shard: called with files done and files in all, at the start and after each.

    Raises:
        ConfigError: the folder holds samples of another plan or of another person under one of those names.
        EngineError: a worker died.

    """
    if "drivers" in personas:
        raise ConfigError("No persona can be called 'drivers': that is what the drivers' shards are called.")
    folder.mkdir(parents=True, exist_ok=True)
    _check_plan(folder, plan, personas)
    left = [shard for shard in range(shards) if any(not place.exists() for place in _places(folder, personas, shard))]
    tell = on_shard or (lambda _done, _total: None)
    tell(shards - len(left), shards)
    for done, _ in enumerate(_filmed(folder, plan, personas, left, workers), shards - len(left) + 1):
        tell(done, shards)


def _places(folder: Path, personas: dict[str, Recipe], shard: int) -> list[Path]:
    return [drivers_place(folder, shard), *(persona_place(folder, name, shard) for name in personas)]


def _check_plan(folder: Path, plan: FilmPlan, personas: dict[str, Recipe]) -> None:
    place = folder / _PLAN_FILE
    known: dict[str, Any] = {"plan": asdict(plan), "personas": {}}
    if place.exists():
        try:
            known = json.loads(place.read_text(encoding="utf-8"))
            known_plan, known_people = dict(known["plan"]), dict(known["personas"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{place} is damaged: {error}.", hint="Choose another folder.") from error
        if known_plan != asdict(plan):
            raise ConfigError(f"{folder} holds samples of another plan: {known_plan}.", hint="Choose another folder.")
        for name, recipe in personas.items():
            if known_people.get(name, recipe.to_dict()) != recipe.to_dict():
                raise ConfigError(f"{folder} holds samples of another {name!r}.", hint="Choose another folder.")
    known["personas"] |= {name: recipe.to_dict() for name, recipe in personas.items()}
    part = place.with_suffix(".part")
    part.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    part.replace(place)


def _filmed(folder: Path, plan: FilmPlan, personas: dict[str, Recipe], left: list[int], workers: int) -> Iterator[None]:
    if workers <= 1:
        studio = _Studio(folder, plan, personas)
        for shard in left:
            studio.film(shard)
            yield
        return
    with worker_pool(workers, _start, (folder, plan, personas)) as pool:
        yield from pool.map(_work, left)


class _Studio:
    """One worker: personas are built once, drivers come and go."""

    def __init__(self, folder: Path, plan: FilmPlan, personas: dict[str, Recipe]) -> None:
        self._folder, self._plan = folder, plan
        self._personas = {name: Actor(without_hair(recipe), map_px=1024) for name, recipe in personas.items()}
        self._eye = Eye()

    def film(self, shard: int) -> None:
        place = drivers_place(self._folder, shard)
        if not place.exists():
            write_shard(place, film_drivers(self._plan, shard, self._eye))
        named = read_drivers(place).named
        for name, actor in self._personas.items():
            answer = persona_place(self._folder, name, shard)
            if not answer.exists():
                write_shard(answer, film_persona(actor, named))


_studio: _Studio | None = None


def _start(folder: Path, plan: FilmPlan, personas: dict[str, Recipe]) -> None:
    global _studio  # the one place where a pool's worker can keep what it built
    _studio = _Studio(folder, plan, personas)


def _work(shard: int) -> None:
    if _studio is None:
        raise RuntimeError("the studio's worker was not started")
    _studio.film(shard)
