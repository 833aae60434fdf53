from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mien.plugin.vcam.formats import WRITERS
from mien.plugin.vcam.link import BYTES_A_PIXEL, SLOTS, Pictures, address, key, picture_bytes
from mien.realtime.errors import SinkError


def test_every_device_has_an_address_of_its_own(tmp_path: Path) -> None:
    names = [None, "/dev/video1", "/dev/video10", "OBS Virtual Camera"]
    assert len({address(tmp_path, name) for name in names}) == len(names)
    assert address(tmp_path, "/dev/video1") == address(tmp_path, "/dev/video1")


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe has no folder")
def test_a_folder_too_long_for_a_socket_is_named() -> None:
    with pytest.raises(SinkError, match="too long for the virtual camera's socket"):
        address(Path("/" + "long/" * 30), None)


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    secret = key(folder)
    assert len(secret) == 32
    assert key(folder) == secret
    assert key(tmp_path / "other") != secret
    assert [path.name for path in folder.iterdir()] == ["vcam.key"]
    assert ((folder / "vcam.key").stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_damaged_key_is_an_error_that_says_what_to_delete(tmp_path: Path) -> None:
    (tmp_path / "vcam.key").write_bytes(b"short")
    with pytest.raises(SinkError, match=r"damaged\. Delete vcam\.key"):
        key(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="MIEN_DATA_DIR"):
        key(tmp_path / "file" / "run")


def test_both_sides_see_the_same_pictures_and_no_two_turns_share_one() -> None:
    mine = Pictures.make(1000)
    other = Pictures.of_other(mine.name, 1000)
    mine.forget_name()
    places = [mine.slate, *(mine.slot(turn) for turn in range(SLOTS))]
    for value, place in enumerate(places, 1):
        place[:] = value
    assert [int(view[0]) for view in (other.slate, other.slot(0), other.slot(1), other.slot(2))] == [1, 2, 3, 2]
    del places, place
    with pytest.raises(FileNotFoundError):
        Pictures.of_other(mine.name, 1000)
    for pictures in (mine, other):
        pictures.close()
        pictures.close()


def test_memory_that_is_too_small_is_refused() -> None:
    mine = Pictures.make(1000)
    with pytest.raises(ValueError, match="too small"):
        Pictures.of_other(mine.name, 10_000)
    mine.forget_name()
    mine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it has no file")
def test_names_are_random_and_the_memory_is_its_users_alone() -> None:
    first, second = Pictures.make(10), Pictures.make(10)
    assert first.name != second.name
    assert len(first.name) == 28
    assert (Path("/dev/shm") / first.name).stat().st_mode & 0o777 == 0o600
    for pictures in (first, second):
        pictures.forget_name()
        pictures.close()


def test_each_format_that_can_be_asked_for_can_be_written() -> None:
    assert set(WRITERS) == set(BYTES_A_PIXEL)
    assert picture_bytes(1280, 720, "I420") == 1280 * 720 * 3 // 2
