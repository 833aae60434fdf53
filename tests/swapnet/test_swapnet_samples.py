from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from swapnet_parts import toy_shards

from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.batch import batches
from mien.engines.swapnet.code import ACTIONS, TRACKED_SIZE
from mien.engines.swapnet.dataset import Samples, detail_map, wet_map, whole_shards
from mien.engines.swapnet.samples import DRIVER_PX, PERSONA_PX, read_drivers, read_persona
from mien.engines.swapnet.shake import middle, shaken
from mien.engines.swapnet.terms import SEEN_PX
from mien.realtime.errors import SourceError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("samples")
    toy_shards(place, ("ann", "bob"), shards=2, count=6)
    return place


def test_shards_come_back_as_they_were_written(folder: Path) -> None:
    drivers, answers = (
        read_drivers(folder / "drivers-00000.safetensors"),
        read_persona(folder / "ann-00000.safetensors"),
    )
    assert len(drivers.pixels) == len(drivers.front) == len(drivers.named) == 6
    assert drivers.pixels.at(3).shape == (DRIVER_PX, DRIVER_PX, 3)
    assert answers.pixels.at(5).shape == (PERSONA_PX, PERSONA_PX, 3)
    assert answers.mask.at(0, grey=True).max() > 250


@pytest.mark.parametrize("harm", ["cut", "noise", "missing"])
def test_a_damaged_shard_is_refused(folder: Path, tmp_path: Path, harm: str) -> None:
    place = tmp_path / "drivers-00000.safetensors"
    data = (folder / "drivers-00000.safetensors").read_bytes()
    if harm != "missing":
        place.write_bytes(data[: len(data) // 2] if harm == "cut" else b"\x08" + bytes(200))
    with pytest.raises(SourceError, match=r"drivers-00000\.safetensors"):
        read_drivers(place)
    if harm == "cut":
        with pytest.raises(SourceError):
            read_persona(folder / "drivers-00001.safetensors")


def test_a_folder_counts_the_shards_that_are_whole(folder: Path, tmp_path: Path) -> None:
    assert whole_shards(folder, ["ann", "bob"]) == [0, 1]
    assert whole_shards(folder, ["carl"]) == []
    with pytest.raises(SourceError, match="no samples of carl"):
        Samples(folder, ["carl"])
    (tmp_path / "drivers-00000.safetensors").write_bytes((folder / "drivers-00000.safetensors").read_bytes())
    toy_shards(tmp_path / "other", ("ann",), shards=1, count=3)
    (tmp_path / "ann-00000.safetensors").write_bytes((tmp_path / "other" / "ann-00000.safetensors").read_bytes())
    with pytest.raises(SourceError, match="does not fit"):
        Samples(tmp_path, ["ann"])


def test_a_batch_has_every_personas_answers(folder: Path) -> None:
    batch = Samples(folder, ["ann", "bob"]).batch([0, 7, 3], 64, np.random.default_rng(0), None)
    assert batch.pixels.shape == (3, 3, SEEN_PX, SEEN_PX)
    assert batch.pixels.is_contiguous(memory_format=torch.channels_last)
    assert batch.tracked.shape == (3, TRACKED_SIZE)
    assert batch.front.shape == (3, 1, 64, 64)
    for name in ("ann", "bob"):
        answer = batch.answers[name]
        assert answer.pixels.shape == (3, 3, 64, 64)
        assert answer.mask.shape == answer.wet.shape == answer.detail.shape == (3, 1, 64, 64)
        assert float((answer.detail - answer.wet).min()) > -0.01
    assert not torch.equal(batch.answers["ann"].pixels, batch.answers["bob"].pixels)


def test_the_same_step_gives_the_same_batch(folder: Path) -> None:
    samples = Samples(folder, ["ann"])
    make = {"seed": 5, "batch": 4, "size_px": 64, "augment": Augment()}
    through = [each.pixels for each in batches([samples], first=0, last=4, **make)]  # type: ignore[arg-type]
    later = [each.pixels for each in batches([samples], first=2, last=4, **make)]  # type: ignore[arg-type]
    assert all(torch.equal(one, other) for one, other in zip(through[2:], later, strict=True))
    assert not torch.equal(through[0], through[1])


def test_a_calm_augment_is_what_the_live_path_sees(folder: Path) -> None:
    shard = read_drivers(folder / "drivers-00000.safetensors")
    stored, front = shard.pixels.at(0), shard.front.at(0, grey=True)
    calm = Augment(*[0.0] * 12)
    seen, _ = shaken(calm, np.random.default_rng(0), stored, front)
    plain, _ = middle(stored, front)
    assert np.abs(plain.astype(int) - stored[16:144, 16:144]).max() <= 1
    # A table rounds down, so a level may be lost.
    assert np.abs(seen.astype(int) - plain).max() <= 1
    assert np.array_equal(calm.tracked(np.random.default_rng(0), shard.tracked[0]), shard.tracked[0])


def test_a_shaken_code_keeps_its_sense(folder: Path) -> None:
    shard = read_drivers(folder / "drivers-00000.safetensors")
    rng = np.random.default_rng(0)
    noisy = np.array([Augment().tracked(rng, shard.tracked[0]) for _ in range(300)])
    assert np.abs(noisy.mean(0) - shard.tracked[0])[: 2 * len(ACTIONS)].max() < 0.02
    assert noisy.std(0).min() > 0


def test_what_is_hidden_is_in_front(folder: Path) -> None:
    shard = read_drivers(folder / "drivers-00000.safetensors")
    hiding = replace(Augment(*[0.0] * 12), hide=1.0)
    stored, front = shard.pixels.at(0), shard.front.at(0, grey=True)
    plain, _ = middle(stored, front)
    seen, before = shaken(hiding, np.random.default_rng(1), stored, front)
    changed = np.abs(seen.astype(int) - plain).max(axis=2) > 30
    assert changed.any()
    assert (before[changed] > 40).mean() > 0.95


def test_maps_lie_on_eyes_and_mouth() -> None:
    from swapnet_parts import _marks

    marks = _marks()
    detail, wet = detail_map(marks, PERSONA_PX), wet_map(marks, PERSONA_PX)
    for spot in (468, 473):
        x, y = marks[spot].round().astype(int)
        assert detail[y, x] == wet[y, x] == 255
    x, y = marks[1].round().astype(int)
    assert detail[y, x] == 0
    assert 0.005 < (wet > 0).mean() < (detail > 0).mean() < 0.2
