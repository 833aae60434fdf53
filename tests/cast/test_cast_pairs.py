"""Pairs: what is written comes back, a stopped run goes on, and a folder holds one plan."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.engines.cast.pairs import Pair, PairsPlan, make_pairs, read_pairs, read_shard
from mien.engines.cast.pairs.shard import write_shard
from mien.engines.cast.people import OPAL
from mien.realtime.errors import ConfigError, SourceError

SIZE = 64


def _pair(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    smooth = np.tile(np.linspace(0, 250, SIZE).astype(np.uint8)[:, None, None], (1, SIZE, 3))
    masks = rng.integers(0, 256, (4, SIZE, SIZE)).astype(np.uint8)
    landmarks = rng.uniform(0, SIZE, (2, 478, 2)).astype(np.float32)
    return Pair(
        driver=smooth, driver_labels=masks[0], occluder=masks[1], persona=smooth[::-1].copy(), persona_alpha=masks[2],
        persona_labels=masks[3], driver_landmarks=landmarks[0], persona_landmarks=landmarks[1],
        actions={"jawOpen": 0.5}, pose=(1.0, 2.0, 3.0), gaze=(4.0, 5.0), driver_seed=seed, about={"objects": 0},
    )  # fmt: skip


def test_a_shard_gives_back_what_was_put_in(tmp_path: Path) -> None:
    path = tmp_path / "pairs-00000-2.tar"
    write_shard(path, [_pair(1), _pair(2)])
    assert list(tmp_path.iterdir()) == [path]
    back = list(read_shard(path))
    assert [pair.driver_seed for pair in back] == [1, 2]
    want = _pair(2)
    for name in ("driver_labels", "occluder", "persona_alpha", "persona_labels"):
        np.testing.assert_array_equal(getattr(back[1], name), getattr(want, name))
    assert np.abs(back[1].driver.astype(int) - want.driver).max() < 8, "a JPEG of quality 95"
    np.testing.assert_allclose(back[1].driver_landmarks, want.driver_landmarks, atol=0.006)
    assert (back[1].actions, back[1].pose, back[1].gaze) == (want.actions, want.pose, want.gaze)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs-00000-1.tar"
    write_shard(path, [_pair(1)])
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    with pytest.raises(SourceError, match=r"pairs-00000-1\.tar"):
        list(read_shard(path))
    path.write_bytes(b"no tar at all")
    with pytest.raises(SourceError, match="no shard of pairs"):
        list(read_shard(path))


def test_a_member_that_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs-00000-1.tar"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("000000.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(SourceError, match="no part of a pair"):
        list(read_shard(path))
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("000000.json")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    with pytest.raises(SourceError, match="cannot be read"):
        list(read_shard(path))


def test_pictures_of_two_sizes_are_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "pairs-00000-1.tar"
    write_shard(path, [replace(_pair(1), occluder=np.zeros((5, 5), np.uint8))])
    with pytest.raises(SourceError, match="not of one size"):
        list(read_shard(path))
    write_shard(path, [replace(_pair(1), pose=(float("nan"), 0.0, 0.0))])
    with pytest.raises(SourceError, match="not finite"):
        list(read_shard(path))
    with pytest.raises(SourceError, match="no shard of pairs"):
        list(read_shard(tmp_path / "missing.tar"))


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no shards") as raised:
        list(read_pairs(tmp_path))
    assert "mien cast pairs" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"count": 0}, "1 or more"), ({"size": 32}, "64 to 1024"), ({"objects": 1.5}, "from 0 to 1")],
)
def test_a_plan_out_of_range_says_what_is_allowed(change: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PairsPlan(**({"count": 5} | change))


@pytest.mark.cast
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_run_that_was_stopped_goes_on_and_makes_the_same(tmp_path: Path) -> None:
    pytest.importorskip("anny")
    plan = PairsPlan(5, size=SIZE, seed=3, per_shard=2, per_driver=2, objects=1.0, persona=OPAL)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    seen: list[tuple[int, int]] = []
    assert make_pairs(whole, plan, on_shard=lambda done, total: seen.append((done, total))) == 5
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert make_pairs(parts, replace(plan, count=3)) == 3
    assert make_pairs(parts, plan) == 3, "the short second shard is made anew, the third is new"
    assert sorted(path.name for path in parts.iterdir()) == sorted(path.name for path in whole.iterdir())
    for one, other in zip(read_pairs(whole), read_pairs(parts), strict=True):
        np.testing.assert_array_equal(one.driver, other.driver)
        assert (one.actions, one.driver_seed, one.pose) == (other.actions, other.driver_seed, other.pose)
    assert make_pairs(parts, plan) == 0
    before = sorted(parts.iterdir())
    assert make_pairs(parts, replace(plan, count=1)) == 0, "what a larger plan made serves a smaller one"
    assert sorted(parts.iterdir()) == before
    with pytest.raises(ConfigError, match="another plan") as raised:
        make_pairs(parts, replace(plan, seed=4))
    assert "seed" in str(raised.value)

    pairs = list(read_pairs(whole))
    assert len({pair.driver_seed for pair in pairs}) == 3
    for pair in pairs:
        assert pair.driver.shape == pair.persona.shape == (SIZE, SIZE, 3)
        assert 0.15 < (pair.persona_alpha == 255).mean() < 0.95
        # The same code before the same camera: the two faces lie where each other's do, within their proportions.
        nose = pair.driver_landmarks[4] - pair.persona_landmarks[4]
        assert np.abs(nose).max() < 0.12 * SIZE
    assert any((pair.occluder == 255).any() for pair in pairs)
