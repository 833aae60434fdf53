from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mien.realtime.errors import SinkError
from mien.realtime.sink import partfile
from mien.realtime.sink.partfile import PartFile, free_bytes, mib


def test_what_is_written_gets_its_name_only_when_it_is_finished(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "out.mp4", overwrite=False)
    assert part.write(b"hello") == 5
    part.seek(1)
    part.write(b"u")
    assert part.tell() == 2
    assert not (tmp_path / "out.mp4").exists()
    part.finish()
    assert (tmp_path / "out.mp4").read_bytes() == b"hullo"
    assert len(list(tmp_path.iterdir())) == 1


def test_after_a_failure_nothing_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = partfile.io.FileIO

    class Small(real):  # type: ignore[misc, valid-type]
        def write(self, data: memoryview) -> int:
            if self.tell() + len(data) > 8:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(super().write(data))

    monkeypatch.setattr(partfile.io, "FileIO", Small)
    part = PartFile(tmp_path / "out.mp4", overwrite=False)
    part.write(b"fragment")
    with pytest.raises(OSError, match="No space left"):
        part.write(b"index")
    # A muxer goes on to patch its header so that it points at the index that is not there.
    part.seek(0)
    assert part.write(b"patch") == 5
    assert part.failure is not None
    part.finish()
    assert (tmp_path / "out.mp4").read_bytes() == b"fragment"


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = partfile.io.FileIO

    class Slow(real):  # type: ignore[misc, valid-type]
        def write(self, data: memoryview) -> int:
            return int(super().write(data[:3]))

    monkeypatch.setattr(partfile.io, "FileIO", Slow)
    part = PartFile(tmp_path / "out.mp4", overwrite=False)
    assert part.write(b"ten bytes!") == 10
    part.finish()
    assert (tmp_path / "out.mp4").read_bytes() == b"ten bytes!"


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    PartFile(tmp_path / "out.mp4", overwrite=False).discard()
    assert list(tmp_path.iterdir()) == []


def test_unfinished_recordings_are_counted_up_and_not_without_end(tmp_path: Path) -> None:
    for number in range(1, 100):
        (tmp_path / f"out.part{'' if number == 1 else f'-{number}'}.mp4").touch()
    with pytest.raises(SinkError, match="full of unfinished recordings"):
        PartFile(tmp_path / "out.mp4", overwrite=False)
    (tmp_path / "out.part-42.mp4").unlink()
    part = PartFile(tmp_path / "out.mp4", overwrite=False)
    assert part.part.name == "out.part-42.mp4"
    part.discard()


def test_free_space_is_read_and_written_for_people(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
    assert mib(3 * 1024 * 1024 * 1024) == "3,072 MiB"
