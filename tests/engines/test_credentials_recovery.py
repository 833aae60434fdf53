from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import av
import pytest
from recordings import picture, record

from mien.engines.credentials.chain import one_time
from mien.engines.credentials.manifest import Description
from mien.engines.credentials.origin import is_ours, plays
from mien.engines.credentials.recovery import intact_bytes, is_part, whole_name
from mien.engines.credentials.sign import sign_file
from mien.engines.verify.signed import read_signed
from mien.realtime.errors import SourceError


def boxes(data: bytes) -> list[tuple[int, bytes]]:
    """Where each outer box of an MP4 begins, and its name."""
    found, at = [], 0
    while at + 8 <= len(data):
        found.append((at, data[at + 4 : at + 8]))
        at += max(int.from_bytes(data[at : at + 4], "big"), 8)
    return found


def first_pictures(path: Path, count: int) -> list[object]:
    with av.open(str(path)) as container:
        return list(islice(container.decode(video=0), count))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a crash leaves of six seconds."""
    return record(tmp_path_factory.mktemp("cut") / "a.mp4", frames=60, finish=False).read_bytes()


def test_wherever_a_recording_was_cut_it_can_be_signed_and_plays(cut: bytes, tmp_path: Path) -> None:
    headers = [at for at, name in boxes(cut) if name == b"moof"]
    assert len(headers) >= 2
    last = headers[-1]
    path = tmp_path / "a.part.mp4"
    # In the header of a fragment: one byte, its length alone, its type, its middle; and in pictures.
    for at in (last, last + 1, last + 4, last + 8, last + 40, last + 2000, len(cut) - 3, len(cut)):
        path.write_bytes(cut[:at])
        end = intact_bytes(path)
        assert end == (at if at > last + 1000 else last)
        assert is_ours(path, end=end)
        assert plays(path, end=end)
        os.truncate(path, end)
        sign_file(path, credentials=one_time(), description=Description())
        assert read_signed(path).state == "valid"
        assert len(first_pictures(path, 20)) == 20


def test_of_a_whole_recording_and_of_other_files_all_is_kept(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mov", "a.mkv"):
        path = record(tmp_path / name, frames=5)
        assert intact_bytes(path) == path.stat().st_size
        assert plays(path)
    for content in (b"", b"x", b"no video" * 100, b"\0\0\0\1ftyp" + b"\xff" * 8, b"\0\0\0\2moof" + bytes(9)):
        path.write_bytes(content)
        assert intact_bytes(path) in (0, len(content))


@pytest.mark.parametrize("content", [b"", b"no video" * 100])
def test_what_is_no_video_is_an_error_with_its_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.part.mp4"
    path.write_bytes(content)
    for look in (is_ours, plays):
        with pytest.raises(SourceError, match=r"a\.part\.mp4"):
            look(path)
    with pytest.raises(SourceError, match=r"gone\.mp4"):
        intact_bytes(tmp_path / "gone.mp4")


def test_a_part_gets_its_name_or_the_next_free_one(tmp_path: Path) -> None:
    assert whole_name(tmp_path / "talk.part.mp4") == tmp_path / "talk.mp4"
    assert whole_name(tmp_path / "talk.part-3.mov") == tmp_path / "talk.mov"
    for name in ("talk.mp4", "talk-2.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert whole_name(tmp_path / "talk.part.mp4") == tmp_path / "talk-3.mp4"
    assert [is_part(Path(name)) for name in ("a.part.mp4", "a.part-12.mkv", "a.mp4", "part.mp4")] == [
        True, True, False, False,
    ]  # fmt: skip
    with pytest.raises(SourceError, match=r"'talk\.mp4' is not the name of an unfinished recording"):
        whole_name(tmp_path / "talk.mp4")


def test_only_what_the_recorder_wrote_is_ours(tmp_path: Path) -> None:
    assert is_ours(record(tmp_path / "a.mkv", frames=3))
    assert not is_ours(picture(tmp_path / "a.png"))
