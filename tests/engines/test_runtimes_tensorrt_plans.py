"""Plans in the cache: found by all that they depend on, and only what this user's Mien wrote there."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mien.engines.runtimes.gpu import GpuIdentity
from mien.engines.runtimes.tensorrt_plans import PlanCache, PlanKey
from mien.realtime.errors import EngineError
from mien.realtime.folders import user_config_dir

GPU = GpuIdentity("NVIDIA GeForce RTX 4070", "8.9", 46, 12 << 30)
KEY = PlanKey("10.13.2.6", "ab" * 32, "float16", GPU)
PLAN = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / "plans")


def the_file(cache: PlanCache) -> Path:
    (path,) = cache.folder.glob("*.plan")
    return path


def test_a_plan_comes_back_as_it_was(cache: PlanCache) -> None:
    assert cache.find(KEY) is None
    assert cache.entries() == ()
    cache.store(KEY, "the encoder", PLAN, "rgb 62 dB")
    found = cache.find(KEY)
    assert found is not None
    entry, plan = found
    assert plan == PLAN
    assert (entry.key, entry.network, entry.measured, entry.refused) == (KEY, "the encoder", "rgb 62 dB", "")
    assert cache.entries() == (entry,)


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, tensorrt="10.13.2.7"),
        replace(KEY, network_sha256="ac" * 32),
        replace(KEY, precision="float32"),
        replace(KEY, recipe=KEY.recipe + 1),
        replace(KEY, gpu=replace(GPU, name="NVIDIA GeForce RTX 4070 SUPER")),
        replace(KEY, gpu=replace(GPU, compute="9.0")),
        replace(KEY, gpu=replace(GPU, multiprocessors=48)),
        replace(KEY, gpu=replace(GPU, memory_bytes=16 << 30)),
    ],
)
def test_whatever_it_depends_on_is_in_its_key(cache: PlanCache, other: PlanKey) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    assert cache.find(other) is None
    assert cache.find(KEY) is not None


@pytest.mark.parametrize("at", [0, 20, 60, 200, -1])
def test_a_file_with_one_changed_bit_is_not_loaded_and_deleted(cache: PlanCache, at: int) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    path = the_file(cache)
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    assert cache.entries() == ()
    assert cache.find(KEY) is None
    assert not path.exists()


@pytest.mark.parametrize("size", [0, 5, 30, 100, 1000])
def test_a_file_that_was_cut_is_not_loaded(cache: PlanCache, size: int) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    path = the_file(cache)
    path.write_bytes(path.read_bytes()[:size])
    assert cache.find(KEY) is None


def test_a_plan_that_somebody_else_made_is_not_loaded(
    cache: PlanCache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIEN_CONFIG_DIR", str(tmp_path / "somebody"))
    cache.store(KEY, "the encoder", PLAN, "")
    assert cache.find(KEY) is not None
    monkeypatch.setenv("MIEN_CONFIG_DIR", str(tmp_path / "me"))
    assert cache.entries() == ()
    assert cache.find(KEY) is None


def test_a_plan_under_another_key_s_name_is_not_loaded(cache: PlanCache) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    path = the_file(cache)
    cache.store(replace(KEY, network_sha256="cd" * 32), "another", b"other", "")
    other = next(each for each in cache.folder.glob("*.plan") if each != path)
    other.rename(path)
    assert cache.find(KEY) is None


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_files_and_key_are_the_owner_s_alone(cache: PlanCache) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    for path in (the_file(cache), Path(os.environ["MIEN_CONFIG_DIR"]) / "plans.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("size", [0, 31])
def test_under_a_key_that_is_none_nothing_is_found_or_stored(cache: PlanCache, size: int) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    (user_config_dir() / "plans.key").write_bytes(bytes(size))
    for use in (lambda: cache.find(KEY), lambda: cache.store(KEY, "the encoder", PLAN, "")):
        with pytest.raises(EngineError, match=r"plans\.key holds no key; delete it"):
            use()


def test_a_refusal_is_remembered_until_it_is_dropped(cache: PlanCache) -> None:
    cache.refuse(KEY, "the encoder", "it gives noise")
    found = cache.find(KEY)
    assert found is not None
    assert (found[0].refused, found[1]) == ("it gives noise", b"")
    cache.drop(KEY)
    assert cache.find(KEY) is None
    cache.drop(KEY)


def test_a_new_version_s_plan_replaces_the_old_one_of_the_same_network_precision_and_gpu(cache: PlanCache) -> None:
    elsewhere = replace(KEY, gpu=replace(GPU, name="NVIDIA GeForce RTX 5090"))
    kept = (elsewhere, replace(KEY, precision="float32"), replace(KEY, network_sha256="cd" * 32))
    for key in (KEY, *kept):
        cache.store(key, "the encoder", PLAN, "")
    newer = replace(KEY, tensorrt="11.4.0.106")
    cache.store(newer, "the encoder", PLAN, "")
    assert {entry.key for entry in cache.entries()} == {newer, *kept}


def test_cleaning_keeps_what_is_wanted_and_takes_what_is_broken(cache: PlanCache) -> None:
    cache.store(KEY, "the encoder", PLAN, "")
    cache.store(replace(KEY, precision="float32"), "the encoder", PLAN, "")
    cache.keep_timing(KEY, b"timings")
    (cache.folder / "broken.plan").write_bytes(b"what")
    files, size = cache.clean(lambda entry: entry.key == KEY)
    assert files == 2
    assert size > len(PLAN)
    assert [entry.key for entry in cache.entries()] == [KEY]
    assert cache.timing(KEY) == b"timings"
    cache.keep_timing(replace(KEY, tensorrt="10.8.0.43"), b"timings of a version that is gone")
    assert cache.clean(lambda _entry: True)[0] == 1
    assert cache.clean(lambda _entry: False)[0] == 2
    assert list(cache.folder.iterdir()) == []
    assert cache.clean(lambda _entry: False) == (0, 0)


def test_what_a_killed_build_left_is_swept_without_following_links(cache: PlanCache, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("kept")
    cache.folder.mkdir()
    left = cache.folder / ".building-99999999-abc"
    left.mkdir()
    (left / "plan").write_bytes(PLAN)
    (cache.folder / ".building-none").symlink_to(elsewhere)
    cache.clean(lambda _entry: True)
    assert list(cache.folder.iterdir()) == []
    assert (elsewhere / "mine").read_text() == "kept"


def test_a_link_to_nothing_is_deleted_and_one_to_something_does_not_count_it(cache: PlanCache, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(100_000))
    cache.folder.mkdir()
    (cache.folder / "dangling.plan").symlink_to(tmp_path / "gone")
    (cache.folder / "link.timing").symlink_to(tmp_path / "large")
    files, size = cache.clean(lambda _entry: True)
    assert files == 2
    assert size < 1000
    assert list(cache.folder.iterdir()) == []
    assert (tmp_path / "large").exists()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("a file")
    with pytest.raises(EngineError, match=r"cache of compiled networks cannot be used: .*plans.*MIEN_CACHE_DIR"):
        PlanCache(tmp_path / "plans").store(KEY, "the encoder", PLAN, "")
    with (
        pytest.raises(EngineError, match="cannot be used"),
        PlanCache(tmp_path / "plans").workshop(),
    ):
        pass
