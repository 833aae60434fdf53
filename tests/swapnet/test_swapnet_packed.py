"""Samples that travel: what was packed is what is learnt from, and a state comes back in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from swapnet_parts import toy_shards

from mien.engines.swapnet.augment import Augment
from mien.engines.swapnet.checkpoint import load_state
from mien.engines.swapnet.coded import decode, encode
from mien.engines.swapnet.dataset import Samples
from mien.engines.swapnet.network import Encoder
from mien.engines.swapnet.packed import PackedSamples, Parcel, Part, read_parcel, write_parcel
from mien.engines.swapnet.plan import TrainPlan
from mien.engines.swapnet.run import split
from mien.engines.swapnet.suitcase import receive, send
from mien.engines.swapnet.trainer import STATE_NAME, Progress, Trainer
from mien.realtime.errors import ModelError, SourceError

PLAN = TrainPlan(("a",), size="tiny", steps=40, batch=4, rate=2e-3, warm_up=5, freeze=True)
#: Of the codes' qualities on pictures with hard edges, levels.
MEAN_LEVELS = 1.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    toy_shards(made, ("a",), shards=3, count=24)
    return made


@pytest.fixture(scope="module")
def parts(folder: Path) -> tuple[Samples, Samples]:
    return split(folder, ["a"])


@pytest.fixture(scope="module")
def packed(parts: tuple[Samples, Samples], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("parcel") / "train.npz"
    assert write_parcel(place, PLAN, Encoder(PLAN.encoder).state_dict(), *parts, most_bytes=10**8) == (48, 24)
    return place


@pytest.fixture(scope="module")
def parcel(packed: Path) -> Parcel:
    return read_parcel(packed)


@pytest.mark.parametrize("quality", [75, 93])
def test_coded_pictures_come_back_nearly_as_they_were(quality: int) -> None:
    rng = np.random.default_rng(0)
    line = np.linspace(0, 3, 32)
    smooth = np.stack([np.sin(line[:, None] + k) + np.cos(line + seed) for seed in range(5) for k in range(3)])
    pictures = np.clip(127 + 50 * smooth.reshape(5, 3, 32, 32).transpose(0, 2, 3, 1), 0, 255)
    pictures = np.clip(pictures + rng.normal(0, 1, pictures.shape), 0, 255).astype(np.uint8)
    # Each channel has its own place.
    pictures[0, ..., 0], pictures[1, ..., 2] = 10, 240
    again = decode(encode(pictures, quality), pictures.shape, quality)
    assert np.abs(again.astype(int) - pictures).mean() < (4.0 if quality == 75 else 1.5)
    assert len(encode(pictures, quality)) < pictures.nbytes / 4


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"no" + data, lambda data: data * 0])
def test_coded_pictures_that_are_damaged_are_refused(damage: Callable[[bytes], bytes]) -> None:
    data = encode(np.full((2, 16, 16, 3), 90, np.uint8), 90)
    with pytest.raises(SourceError, match="coded pictures are damaged"):
        decode(damage(data), (2, 16, 16, 3), 90)
    with pytest.raises(SourceError, match="not"):
        decode(data, (1, 16, 16, 3), 90)


@pytest.mark.parametrize("size_px", [64, 256])
def test_what_is_held_out_is_what_the_folder_holds(
    parts: tuple[Samples, Samples], packed: Path, tmp_path: Path, size_px: int
) -> None:
    name = {64: "tiny", 256: "base"}[size_px]
    place, plan = tmp_path / "train.npz", TrainPlan(("a",), size=name, freeze=True)
    write_parcel(place, plan, {}, *parts, most_bytes=10**8)
    found, rng = read_parcel(place).held_out, np.random.default_rng(0)
    # One part holds all of them, in their order.
    expected, given = (each.batch(range(5), size_px, rng, None) for each in (parts[1], found))
    for one, other in ((expected.pixels, given.pixels), (expected.answers["a"].pixels, given.answers["a"].pixels)):
        assert one.shape == other.shape
        assert float((one - other).abs().mean()) * 255 < MEAN_LEVELS
    assert torch.equal(expected.named, given.named)
    assert float((expected.tracked - given.tracked).abs().max()) < 2e-3
    for part in ("mask", "wet", "detail"):
        one, other = getattr(expected.answers["a"], part), getattr(given.answers["a"], part)
        assert float((one - other).abs().max()) <= 1 / 255
    assert float((expected.front - given.front).abs().max()) <= 1 / 255
    assert float((expected.answers["a"].places - given.answers["a"].places).abs().mean()) < 2e-3


def test_a_larger_decoder_learns_from_answers_that_are_enlarged_there(
    parts: tuple[Samples, Samples], tmp_path: Path
) -> None:
    place = tmp_path / "train.npz"
    write_parcel(place, TrainPlan(("a",), size="large", freeze=True), {}, *parts, most_bytes=10**8)
    rng = np.random.default_rng(0)
    given = read_parcel(place).held_out.batch([3, 1], 512, rng, None).answers["a"]
    expected = parts[1].batch([3, 1], 512, rng, None).answers["a"]
    assert given.pixels.shape == (2, 3, 512, 512)
    assert given.places.shape == expected.places.shape == (2, 3, 256, 256)
    assert float((given.pixels - expected.pixels).abs().mean()) * 255 < 2 * MEAN_LEVELS
    assert float((given.places - expected.places).abs().mean()) < 0.02


def test_what_is_learnt_from_is_shaken(parcel: Parcel) -> None:
    still = Augment(no_pixels=0.0, score=0, moved=0, rest=0, turned=0, reach=0)
    drawn = [parcel.learnt.batch([7], 64, np.random.default_rng(seed), still) for seed in range(12)]
    assert len({each.pixels.numpy().tobytes() for each in drawn}) == 2
    assert len({each.tracked.numpy().tobytes() for each in drawn}) == 1
    hidden = parcel.learnt.batch([7], 64, np.random.default_rng(0), Augment(no_pixels=1.0))
    assert set((hidden.pixels * 255).round().unique().tolist()) == {128.0}
    assert not torch.equal(hidden.tracked, drawn[0].tracked)


def test_a_parcel_holds_as_much_as_it_may(parts: tuple[Samples, Samples], packed: Path, tmp_path: Path) -> None:
    encoder = Encoder(PLAN.encoder).state_dict()
    with pytest.raises(SourceError, match="No samples to learn from fit into 1 MB"):
        write_parcel(tmp_path / "small.npz", PLAN, encoder, *parts, most_bytes=10**6)
    most = packed.stat().st_size + 2**16
    write_parcel(tmp_path / "fits.npz", PLAN, encoder, *parts, most_bytes=most)
    assert (tmp_path / "fits.npz").stat().st_size <= most


def test_a_file_that_is_no_parcel_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "train.npz"
    place.write_bytes(b"PK\x03\x04 not so")
    with pytest.raises(SourceError, match="no parcel of samples"):
        read_parcel(place)
    np.savez(place, about=np.frombuffer(json.dumps({"version": 99}).encode(), np.uint8))
    with pytest.raises(SourceError, match="another version"):
        read_parcel(place)


def test_a_run_travels_learns_there_and_goes_on_here(
    folder: Path, parts: tuple[Samples, Samples], parcel: Parcel, tmp_path: Path
) -> None:
    here, there = Trainer(PLAN, tmp_path / "here", start=parcel.encoder), tmp_path / "there"
    here.run(*parts, until=1)
    for name, weights in here.network["encoder"].state_dict().items():
        assert torch.equal(weights, parcel.encoder[name]) or weights.numel() >= 2048
    losses: list[float] = []

    def note(progress: Progress) -> None:
        losses.append(progress.losses["total"])

    first = Trainer(PLAN, there, start=parcel.encoder)
    first.run(
        parcel.learnt,
        parcel.held_out,
        until=20,
        validate_every=10,
        on_progress=lambda p: losses.append(p.losses["total"]),
    )
    # A second call goes on where the first one ended.
    second = Trainer(PLAN, there, start=parcel.encoder)
    assert second.step == 20
    second.run(
        parcel.learnt, parcel.held_out, validate_every=10, on_progress=lambda p: losses.append(p.losses["total"])
    )
    assert losses[-1] < 0.8 * losses[0]
    pieces = send(there / STATE_NAME, tmp_path / "pieces")
    assert receive(tmp_path / "pieces", tmp_path / "here" / STATE_NAME) == 40
    back = Trainer(PLAN, tmp_path / "here", start=parcel.encoder)
    assert (back.step, back.best, back.best_step) == (40, second.best, second.best_step)
    # What is judged is what would ship, and halves cost it nothing that is seen.
    scores = [each.validate(parts[1]) for each in (second, back)]
    assert abs(scores[0].psnr - scores[1].psnr) < 0.05
    assert all(torch.equal(a, b) for a, b in zip(
        here.network["encoder"].parameters(), back.network["encoder"].parameters(), strict=True
    ))  # fmt: skip
    assert back.run(*parts)
    assert len(pieces) == 1


def test_pieces_that_are_missing_or_damaged_or_of_another_run_are_refused(
    parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.engines.swapnet.suitcase.PIECE_BYTES", 2**20)
    for name, plan in (("one", PLAN), ("other", TrainPlan(("a",), size="tiny", steps=41, freeze=True))):
        Trainer(plan, tmp_path / name, start=parcel.encoder).save()
    state, away = tmp_path / "one" / STATE_NAME, tmp_path / "away"
    before = load_state(state)[0]
    first, *others = send(state, away)
    assert len(others) >= 1
    with pytest.raises(ModelError, match="another plan"):
        receive(away, tmp_path / "other" / STATE_NAME)
    kept = first.read_bytes()
    first.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(ModelError, match="are damaged"):
        receive(away, state)
    first.unlink()
    with pytest.raises(ModelError, match="holds pieces"):
        receive(away, state)
    with pytest.raises(ModelError, match="pieces of 0 states"):
        receive(tmp_path / "nowhere", state)
    # Nothing of it was taken.
    assert all(torch.equal(each, before[name]) for name, each in load_state(state)[0].items())


def test_a_run_that_would_lose_what_it_knows_is_not_packed(
    folder: Path, parts: tuple[Samples, Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import gpu_train

    plan = replace(PLAN, warm_up=200)
    encoder = Encoder(plan.encoder).state_dict()
    first = Trainer(plan, tmp_path / "first", start=encoder)
    first.run(*parts, until=1)
    gpu_train.pack(tmp_path / "first", folder, tmp_path, 10**8)
    assert len(read_parcel(tmp_path / "train.npz").learnt) == 48
    first.run(*parts, until=2)
    elsewhere = Trainer(replace(plan, seed=5), tmp_path / "elsewhere", start=encoder).network["decoder-a"].state_dict()
    Trainer(plan, tmp_path / "from", start=encoder, decoders={"a": elsewhere}).run(*parts, until=1)
    for run in ("first", "from"):
        with pytest.raises(SystemExit, match="what travels begins anew"):
            gpu_train.pack(tmp_path / run, folder, tmp_path, 10**8)
    Trainer(replace(plan, freeze=False), tmp_path / "both").run(*parts, until=1)
    with pytest.raises(SystemExit, match="with the encoder that ships"):
        gpu_train.pack(tmp_path / "both", folder, tmp_path, 10**8)


@pytest.mark.slow
def test_the_state_of_the_largest_decoder_comes_back_in_eight_pieces(
    parts: tuple[Samples, Samples], parcel: Parcel, tmp_path: Path
) -> None:
    plan = TrainPlan(("a",), size="large", steps=2, batch=1, freeze=True)
    trainer = Trainer(plan, tmp_path, start=parcel.encoder)
    few = PackedSamples("a", [Part.of(parts[1], "a", [0, 1], 256, None)])
    # Once it is judged, all that a state can hold is in it.
    assert trainer.run(few, few, validate_every=1)
    pieces = send(tmp_path / STATE_NAME, tmp_path / "pieces")
    assert len(pieces) <= 8
    assert max(piece.stat().st_size for piece in pieces) <= 16 * 2**20
