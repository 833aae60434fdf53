"""Makes pairs in shards: many workers, resumed where it was left, the same pictures whoever makes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mien.engines.cast.extra import check_device, require_anny
from mien.engines.cast.pairs.shard import write_shard
from mien.engines.cast.people import AMARA
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.workers import worker_pool
from mien.realtime.errors import ConfigError

_PLAN_FILE = "pairs.json"
_SMALLEST_PX, _LARGEST_PX = 64, 1024


@dataclass(frozen=True, slots=True)
class PairsPlan:
    """What a folder of pairs holds; kept beside the shards, so that a resumed run cannot mix two plans.

    Attributes:
        count: pairs in all.
        size: edge of each picture, px.
        seed: of everything; driver d of shard s depends on (seed, s, d) alone.
        per_shard: pairs in a shard.
        per_driver: pairs of one driver, in a row.
        objects: share of drivers' pictures with an object before the face.
        persona: who answers.

    """

    count: int
    size: int = 192
    seed: int = 0
    per_shard: int = 128
    per_driver: int = 32
    objects: float = 0.25
    persona: Recipe = field(default=AMARA)

    def __post_init__(self) -> None:
        if self.count < 1 or self.per_shard < 1 or self.per_driver < 1:
            raise ConfigError("count, per_shard and per_driver must be 1 or more.")
        if not _SMALLEST_PX <= self.size <= _LARGEST_PX:
            raise ConfigError(f"size is {self.size} px; it must be {_SMALLEST_PX} to {_LARGEST_PX}.")
        if not 0.0 <= self.objects <= 1.0:
            raise ConfigError(f"objects is {self.objects}; it must be a share from 0 to 1.")

    @property
    def shards(self) -> int:
        """How many files there will be."""
        return -(-self.count // self.per_shard)

    def pairs_in(self, shard: int) -> int:
        """How many pairs shard number `shard` holds."""
        return min(self.per_shard, self.count - shard * self.per_shard)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `count` is left out, so that a folder can grow."""
        table = asdict(self) | {"persona": self.persona.to_dict()}
        del table["count"]
        return table


def make_pairs(
    out: Path,
    plan: PairsPlan,
    *,
    workers: int = 1,
    device: str = "cpu",
    on_shard: Callable[[int, int], None] | None = None,
) -> int:
    """Write the shards of a plan that are not there yet; returns how many pairs were made now.

    A run that was stopped, or a larger `count`, goes on where the folder ends. A last shard that was short is made anew
    when the plan grows.

    Args:
        out: folder; made if missing.
        plan: what to make.
        workers: processes; each needs about 1.5 GB.
        device: Warp's name of it.
        on_shard: called with pairs done and pairs in all, at the start and after each shard.

    Raises:
        ConfigError: the folder holds pairs of another plan, or there is no such device.
        EngineError: a worker died.
        MissingExtraError: anny, Warp or torch is not installed.

    """
    require_anny()
    check_device(device)
    out.mkdir(parents=True, exist_ok=True)
    _check_plan(out / _PLAN_FILE, plan)
    left = [shard for shard in range(plan.shards) if _longest(out, shard) < plan.pairs_in(shard)]
    made, done = 0, plan.count - sum(plan.pairs_in(shard) for shard in left)
    tell = on_shard or (lambda _done, _total: None)
    tell(done, plan.count)
    for count in _made(out, plan, left, workers, device):
        made += count
        tell(done + made, plan.count)
    return made


def _made(out: Path, plan: PairsPlan, left: list[int], workers: int, device: str) -> Any:  # noqa: ANN401 - a generator
    from mien.engines.cast.pairs.film import PairFilm

    if workers <= 1:
        film = PairFilm(plan, device)
        for shard in left:
            yield _write(film, out, plan, shard)
        return
    with worker_pool(workers, _start, (plan, device)) as pool:
        waiting: set[Future[int]] = set()
        for shard in left:
            waiting.add(pool.submit(_work, out, shard))
            if len(waiting) >= 2 * workers:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        for future in waiting:
            yield future.result()


def _write(film: Any, out: Path, plan: PairsPlan, shard: int) -> int:  # noqa: ANN401 - imports Warp, see _made
    place = _place(out, plan, shard)
    write_shard(place, film.pairs(shard))
    for short in _files(out, shard):
        if short != place:
            short.unlink()
    return plan.pairs_in(shard)


def _files(out: Path, shard: int) -> list[Path]:
    return list(out.glob(f"pairs-{shard:05d}-*.tar"))


def _longest(out: Path, shard: int) -> int:
    """How many pairs of a shard are there already; what a larger plan made serves a smaller one."""
    return max((int(path.stem.rpartition("-")[2]) for path in _files(out, shard)), default=0)


def _place(out: Path, plan: PairsPlan, shard: int) -> Path:
    return out / f"pairs-{shard:05d}-{plan.pairs_in(shard)}.tar"


def _check_plan(path: Path, plan: PairsPlan) -> None:
    table = plan.to_json()
    if not path.exists():
        path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
        return
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is damaged: {error}.", hint="Remove it to go on with the same options.") from error
    if known != table:
        keys = sorted(key for key in table if not isinstance(known, dict) or known.get(key) != table[key])
        raise ConfigError(
            f"{path.parent} holds pairs of another plan (different: {', '.join(keys) or 'unknown keys'}).",
            hint="Choose another folder, or the same options as before; only the count may change.",
        )


_film: Any = None
_plan: PairsPlan | None = None


def _start(plan: PairsPlan, device: str) -> None:
    global _film, _plan  # the one place where a pool's worker can keep what it built
    from mien.engines.cast.pairs.film import PairFilm

    _film, _plan = PairFilm(plan, device), plan


def _work(out: Path, shard: int) -> int:
    if _plan is None:
        raise RuntimeError("the renderer's worker was not started")
    return _write(_film, out, _plan, shard)
