"""Samples of footage on disk: shards as those of the cast, and a report beside them.

A folder holds one person's footage in one role. A new extraction takes the place of the old one when it is all there.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.engines.swapnet.code import NAMED, tracked_code
from mien.engines.swapnet.coverage import Role
from mien.engines.swapnet.gather import Shot
from mien.engines.swapnet.samples import (
    DriverShard,
    PersonaShard,
    Pictures,
    drivers_place,
    persona_place,
    softened,
    wide_hull,
    write_shard,
)
from mien.engines.swapnet.terms import DRIVER_PX, PERSONA_PX
from mien.realtime.errors import ConfigError
from mien.realtime.face import Face, Neutral
from mien.realtime.frame import Floats, Pixels

#: The report; it also says whose folder it is.
REPORT_FILE = "coverage.json"
_PER_SHARD = 256
#: Rendered drivers are numbered below this.
_REAL_PEOPLE = 2**32


def check_folder(out: Path, role: str, name: str) -> None:
    """Raise `ConfigError` unless `out` is free, or holds an earlier extraction of the same person."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file, not a folder.", hint="Choose another folder.")
    shards = any(out.glob("*.safetensors")) or (out / "samples.json").exists()
    report = out / REPORT_FILE
    if not report.exists():
        if shards:
            raise ConfigError(f"{out} holds samples that were not made of footage.", hint="Choose another folder.")
        return
    try:
        known = json.loads(report.read_text(encoding="utf-8"))
        found = (known["role"], known["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{report} is damaged: {error}.", hint="Choose another folder.") from error
    if found != (role, name):
        raise ConfigError(f"{out} holds footage of {found[1]!r} as {found[0]}.", hint="Choose another folder.")


def write_samples(
    out: Path, role: Role, name: str, kept: Sequence[Shot], neutral: Neutral, report: Mapping[str, Any]
) -> None:
    """Write shards of `kept`, in their order, and the report; what an earlier extraction left in `out` goes.

    Until all is written, it lies in a folder of its own, which is removed whatever happens.
    """
    person = _REAL_PEOPLE + zlib.crc32(name.encode())
    with _staged(out) as stage:
        for shard, begin in enumerate(range(0, len(kept), _PER_SHARD)):
            part = kept[begin : begin + _PER_SHARD]
            write_shard(drivers_place(stage, shard), _driver_shard(part, neutral, person))
            write_shard(persona_place(stage, name, shard), _persona_shard(part))
        document = {"role": role, "name": name} | dict(report)
        (stage / REPORT_FILE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        # The report names what is there: it stays while the old shards go, so that a stop in between can be redone.
        (stage / REPORT_FILE).replace(out / REPORT_FILE)
        for old in out.glob("*.safetensors"):
            old.unlink()
        # Drivers last: a shard of theirs without its persona's is taken for another persona's.
        for new in sorted(stage.glob("*.safetensors"), key=lambda path: path.name.startswith("drivers-")):
            new.replace(out / new.name)


def hull_mask(landmarks: Floats) -> Pixels:
    """(`PERSONA_PX`, `PERSONA_PX`) uint8, 255 in a little more than the hull of (478, 2) landmarks, px.

    As a rendered persona's, but for hair and hands, which nobody labelled.
    """
    return softened(wide_hull(landmarks, PERSONA_PX))


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """A folder inside `out` that is gone afterwards."""
    stage = out / f".footage-{os.getpid()}.part"
    stage.mkdir(parents=True, exist_ok=True)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _driver_shard(shots: Sequence[Shot], neutral: Neutral, person: int) -> DriverShard:
    faces = [Face(1, one.found.landmarks, one.found.blendshapes, one.found.pose) for one in shots]
    return DriverShard(
        pixels=_joined([shot.driver for shot in shots]),
        front=Pictures.encode([np.zeros((DRIVER_PX, DRIVER_PX), np.uint8)] * len(shots)),
        tracked=np.array([tracked_code(replace(face, neutral=neutral)) for face in faces], np.float32),
        named=np.full((len(shots), len(NAMED)), np.nan, np.float32),
        person=np.full(len(shots), person, np.int64),
    )


def _persona_shard(shots: Sequence[Shot]) -> PersonaShard:
    return PersonaShard(
        pixels=_joined([shot.persona for shot in shots]),
        mask=Pictures.encode([hull_mask(shot.landmarks) for shot in shots]),
        landmarks=np.array([shot.landmarks for shot in shots], np.float32),
    )


def _joined(pictures: list[Pictures]) -> Pictures:
    data = np.concatenate([each.data for each in pictures])
    return Pictures(data, np.cumsum([len(each.data) for each in pictures]).astype(np.int64))
