from __future__ import annotations

import itertools
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from verify_files import numbered

from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.openvino_runtime import OpenVinoRunner
from mien.engines.verify.material import auc, encode
from mien.engines.verify.media import open_media
from mien.engines.verify.signals.learned import INPUT, LENGTH, OUTPUT, learned_score, sequences
from mien.engines.verify.signals.network import DetectorNetwork, export
from mien.engines.verify.signals.sight import ALIGNED_PX, Sight
from mien.engines.verify.signals.training import Take, batches, score, train

NOWHERE = np.zeros((478, 3), np.float32)


def sights(count: int, sigma: float = 20.0) -> list[Sight]:
    rng = np.random.default_rng(count)
    crops = np.clip(rng.normal(120, sigma, (count, ALIGNED_PX, ALIGNED_PX)), 0, 255).astype(np.uint8)
    return [Sight(index / 15, NOWHERE, aligned=crop) for index, crop in enumerate(crops)]


def take(sigma: float, swapped: bool, seed: int) -> Take:
    rng = np.random.default_rng(seed)
    crops = np.clip(rng.normal(120, sigma, (30, ALIGNED_PX, ALIGNED_PX)), 0, 255).astype(np.uint8)
    return Take(crops, swapped, "scene")


def test_sequences_follow_each_other_and_the_rest_is_left_out() -> None:
    given = sights(2 * LENGTH + 5)
    found = sequences(given)
    assert [each.shape for each in found] == [(LENGTH, ALIGNED_PX, ALIGNED_PX)] * 2
    assert given[LENGTH].aligned is not None
    np.testing.assert_allclose(found[1][0] * 255, given[LENGTH].aligned, atol=1e-3)
    assert sequences(sights(LENGTH - 1)) == []


def test_the_shipped_network_is_small_and_gives_one_number() -> None:
    data = resources.files("mien.engines.verify.signals").joinpath("detector.onnx").read_bytes()
    assert len(data) < 1_000_000
    assert b".py" not in data
    value = learned_score(sights(LENGTH * 2))
    assert 0.0 <= value <= 1.0
    assert value == learned_score(sights(LENGTH * 2))
    assert np.isnan(learned_score(sights(LENGTH - 1)))


@pytest.mark.slow
def test_what_is_exported_is_what_was_trained() -> None:
    network = DetectorNetwork().eval()
    given = sights(LENGTH)
    crops = np.stack([sight.aligned for sight in given if sight.aligned is not None])
    data = export(network)
    assert b".py" not in data  # nothing of whoever trained it
    runner = OpenVinoRunner(NetworkFile(data, "detector"), threads=1, precision="float32")
    played = runner({INPUT: sequences(given)[0][None]})[OUTPUT]
    assert float(played[0, 0]) == pytest.approx(score(network, Take(crops, False, "scene")), abs=1e-4)
    runner.close()


def test_a_planted_difference_is_learnt_and_the_same_seed_gives_the_same_network() -> None:
    # Bare noise is coarse, swapped noise is fine; contrast and brightness change at random and tell nothing.
    takes = [take(25.0 if swapped else 3.0, swapped, seed) for seed in range(4) for swapped in (False, True)]
    network = train(takes, steps=14)
    fresh = [take(25.0 if swapped else 3.0, swapped, 50 + swapped) for swapped in (False, True)]
    assert score(network, fresh[1]) > score(network, fresh[0]) + 0.05
    twice = [train(takes, steps=2, seed=7).answer.weight.detach().numpy() for _ in range(2)]
    np.testing.assert_array_equal(*twice)


def test_half_of_a_batch_is_swapped_and_all_of_it_lies_in_range() -> None:
    takes = [take(10.0, False, 1), take(10.0, True, 2)]
    for luma, answers in itertools.islice(batches(takes, np.random.default_rng(0)), 3):
        assert luma.dtype == np.float32
        assert luma.shape[1:] == (LENGTH, ALIGNED_PX, ALIGNED_PX)
        assert luma.min() >= 0
        assert luma.max() <= 1
        assert answers.mean() == 0.5


def test_the_area_under_the_curve() -> None:
    assert auc([1.0, 2.0], [3.0, 4.0]) == 1.0
    assert auc([3.0, 4.0], [1.0, 2.0]) == 0.0
    assert auc([1.0, 3.0], [2.0, 4.0]) == 0.75
    assert auc([1.0], [1.0]) == 0.5
    assert np.isnan(auc([], [1.0]))


def test_material_is_encoded_whole_at_the_size_asked_for(tmp_path: Path) -> None:
    encode(iter(numbered(10, (130, 98))), tmp_path / "a.mp4", 25.0, 28, 0.5)
    media = open_media(tmp_path / "a.mp4")
    assert sum(1 for _ in media.looks()) == 10
    assert (media.info.width, media.info.height) == (64, 48)
    media.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
