from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from verify_files import CONTAINERS, numbered, write_video

from mien.engines.verify import media as media_module
from mien.engines.verify import video
from mien.engines.verify.errors import VerifyError
from mien.engines.verify.looks import Look, Media
from mien.engines.verify.media import Live, open_media
from mien.engines.verify.video import Schedule
from mien.realtime.frame import Frame
from mien.realtime.source.base import SourceInfo

SUFFIXES = [suffix for suffix, _ in CONTAINERS]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One video of 30 pictures in each container."""
    folder = tmp_path_factory.mktemp("containers")
    return {suffix: write_video(folder / f"a{suffix}", numbered(30), codec=codec) for suffix, codec in CONTAINERS}


def look_at(path: Path) -> tuple[Media, list[Look]]:
    media = open_media(path)
    try:
        return media, list(media.looks())
    finally:
        media.close()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_picture_of_every_container_comes_with_its_time(files: dict[str, Path], suffix: str) -> None:
    media, looks = look_at(files[suffix])
    assert (media.info.kind, media.info.width, media.info.height) == ("video", 96, 64)
    assert len(looks) == 30
    assert looks[0].pixels.shape == (64, 96, 3)
    times = [look.time_s for look in looks]
    np.testing.assert_allclose(np.diff(times), 0.04, atol=0.012)
    assert {look.part for look in looks} == {0}
    grey = [float(look.pixels[:, 48].mean()) for look in looks]
    assert grey[-1] - grey[0] == pytest.approx(29, abs=6)
    assert media.notes == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes_or_refused(
    files: dict[str, Path], suffix: str, kept: float, tmp_path: Path
) -> None:
    data = files[suffix].read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: max(int(len(data) * kept), 20)])
    refused = ""
    looks: list[Look] = []
    try:
        _, looks = look_at(path)
    except VerifyError as error:
        refused = error.message
    assert path.name in refused if refused else 0 < len(looks) <= 30
    # Those whose index lies at the end cannot be read without it.
    if kept == 0.95 and suffix not in (".mp4", ".mov", ".3gp"):
        assert len(looks) >= 20


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damage_in_the_middle_ends_in_no_crash(files: dict[str, Path], suffix: str, tmp_path: Path) -> None:
    data = bytearray(files[suffix].read_bytes())
    rng = np.random.default_rng(3)
    for place in rng.integers(len(data) // 10, len(data), 40):
        data[place] ^= int(rng.integers(1, 256))
    path = tmp_path / f"hurt{suffix}"
    path.write_bytes(bytes(data))
    try:
        _, looks = look_at(path)
    except VerifyError:
        return
    assert all(look.pixels.ndim == 3 for look in looks)


def test_a_cut_file_is_told(files: dict[str, Path], tmp_path: Path) -> None:
    data = write_video(tmp_path / "a.mp4", numbered(30), options={"bf": "0"}).read_bytes()
    moved = tmp_path / "front.mp4"
    # The index first, as a download has it.
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(
        str(moved), "w", options={"movflags": "faststart"}
    ) as target:  # fmt: skip
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = moved.read_bytes()
    moved.write_bytes(data[: len(data) * 3 // 4])
    media, looks = look_at(moved)
    assert 0 < len(looks) < 30
    assert "cut off" in media.notes[0] or "damaged" in media.notes[0]


def test_one_picture_is_enough(tmp_path: Path) -> None:
    media, looks = look_at(write_video(tmp_path / "one.mp4", numbered(1)))
    assert len(looks) == 1
    assert media.notes == ()


def test_a_phone_held_upright_gives_an_upright_picture(tmp_path: Path) -> None:
    media, looks = look_at(write_video(tmp_path / "turned.mp4", numbered(3), rotation=90))
    assert (media.info.width, media.info.height) == (64, 96)
    assert looks[0].pixels.shape == (96, 64, 3)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.mp4", b"Dear diary, nothing of this is a film.\n" * 50, "text.mp4"),
        ("empty.mp4", b"", "empty"),
        ("noise.mkv", np.random.default_rng(1).bytes(5000), "noise.mkv"),
        ("playlist.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n#EXT-X-ENDLIST\n", "playlist.mp4"),
        ("list.mp4", b"ffconcat version 1.0\nfile 'other.ts'\n", "list.mp4"),
        ("fake.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "fake.png"),
        ("short.jpg", b"\xff\xd8\xff\xe0", "short.jpg"),
        ("riff.webp", b"RIFF\x10\0\0\0WEBPVP8 ", "riff.webp"),
    ],
)
def test_what_is_no_picture_and_no_video_is_named(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    write_video(tmp_path / "other.ts", numbered(3))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VerifyError, match=said):
        look_at(tmp_path / name)


def test_a_playlist_opens_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demuxers of lists are there, and would open the neighbour if they were let."""
    write_video(tmp_path / "other.ts", numbered(30))
    listed = tmp_path / "list.mp4"
    listed.write_bytes(b"ffconcat version 1.0\nfile 'other.ts'\n")
    monkeypatch.chdir(tmp_path)
    with av.open("list.mp4") as trusting:
        assert sum(1 for _ in trusting.decode(video=0)) == 30
    with pytest.raises(VerifyError):
        look_at(listed)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = write_video(tmp_path / "a.ts", numbered(5))
    Path("concat:a.ts|a.ts").write_bytes(plain.read_bytes())
    _, looks = look_at(Path("concat:a.ts|a.ts"))
    assert len(looks) == 5
    with pytest.raises(VerifyError, match="no file"):
        open_media("http://127.0.0.1:9/a.mp4")


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="is a folder"):
        open_media(tmp_path)
    with pytest.raises(VerifyError, match=r"no file .*gone\.mp4"):
        open_media(tmp_path / "gone.mp4")
    with pytest.raises(VerifyError):
        open_media("a\0b.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VerifyError, match="a pipe or a device"):
        open_media(tmp_path / "pipe.mp4")
    assert issubclass(VerifyError, ValueError)
    assert VerifyError("x").exit_code == 3


@pytest.mark.parametrize(("kind", "width", "height"), [("PNG", 400, 250), ("JPEG", 4000, 2500), ("WEBP", 400, 250)])
def test_a_still_is_read_whatever_its_name_up_to_ten_million_pixels(
    kind: str, width: int, height: int, tmp_path: Path
) -> None:
    path = tmp_path / "large.dat"
    Image.new("RGB", (width, height), (10, 20, 30)).save(path, kind)
    media, looks = look_at(path)
    assert (media.info.kind, media.info.format, media.info.pictures) == ("still", kind, 1)
    assert looks[0].pixels.shape == (height, width, 3)
    assert looks[0].pixels[0, 0].tolist() == pytest.approx([30, 20, 10], abs=3)


def test_a_still_that_would_fill_the_memory_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    for width, height in ((8192, 8192), (60_000, 60_000), (20_000, 2000)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        bomb = tmp_path / "bomb.png"
        bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
        with pytest.raises(VerifyError, match=r"bomb\.png"):
            open_media(bomb)


def test_a_still_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        stream = io.BytesIO()
        Image.effect_noise((120, 80), 40).convert("RGB").save(stream, kind)
        data = stream.getvalue()
        for kept in (12, 40, len(data) // 2):
            path = tmp_path / "cut.bin"
            path.write_bytes(data[:kept])
            with pytest.raises(VerifyError):
                look_at(path)


def test_an_animated_picture_says_that_only_its_first_one_was_seen(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (64, 64), grey) for grey in ("black", "white"))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], duration=100, lossless=True)
    media, looks = look_at(tmp_path / "a.webp")
    assert "animated" in media.notes[0]
    assert looks[0].pixels.max() == 0


def test_pictures_that_change_their_size_out_of_bounds_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = (
        write_video(tmp_path / f"{width}.ts", numbered(10, (width, 64))).read_bytes() for width in (96, 320)
    )
    path = tmp_path / "grows.ts"
    path.write_bytes(small + large)
    monkeypatch.setattr(video, "MAX_SIDE_PX", 200)
    media, looks = look_at(path)
    assert {look.pixels.shape[1] for look in looks} == {96}
    assert any("left out" in note for note in media.notes)


def test_a_long_video_is_sampled_after_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "EVERY_PICTURE", 50)
    monkeypatch.setattr(video, "LOOKED_S", 10.0)
    path = write_video(tmp_path / "long.mp4", numbered(750), options={"g": "25", "preset": "ultrafast"})
    media, looks = look_at(path)
    times = np.array([look.time_s for look in looks])
    assert len(looks) < 400
    assert any("It is long" in note for note in media.notes)
    # The first two seconds whole, the first part to its end, then five seconds of every fifteen.
    assert (times < 2).sum() == 50
    assert set(np.floor(times[times > 8]).astype(int)) == {15, 16, 17, 18, 19}
    assert {look.part for look in looks if look.part is not None} == {0, 1}


def test_a_file_without_an_end_is_left_at_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MAX_PICTURES", 7)
    media, looks = look_at(write_video(tmp_path / "a.mp4", numbered(20)))
    assert len(looks) == 7
    assert media.notes == ("What comes after 7 pictures was not looked at.",)


def test_parts_add_up_to_a_minute_spread_over_the_clip() -> None:
    short, long = Schedule(20.0), Schedule(600.0)
    assert [short.part(time) for time in (0.0, 4.9, 5.0, 19.0)] == [0, 0, 1, 3]
    seen = [time for time in np.arange(0, 600, 0.5) if long.part(float(time)) is not None]
    assert len(seen) * 0.5 == pytest.approx(60, abs=1)
    assert max(seen) > 540
    assert Schedule(None).part(12.0) == 2


def test_a_header_that_lies_about_its_length_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "EVERY_PICTURE", 0)
    for hours in (2.0, 1e9):
        schedule = Schedule(hours * 3600)
        wanted = [second for second in range(7200) if schedule.wants(float(second), keyframe=True)]
        # Five seconds of each minute for the mark.
        assert len(wanted) == pytest.approx(7200 * 5 / 60, rel=0.02)
    spread = [second for second in range(7200) if Schedule(7200.0).part(float(second)) is not None]
    assert len(spread) == 60
    assert max(spread) > 6500


class Falling:
    """A camera at its boundary: some pictures, then nothing until it is closed."""

    def __init__(self, pictures: int) -> None:
        self.info = SourceInfo("camera:0", 64, 64, 10.0, live=True)
        self.trouble = ""
        self._left = pictures
        self._given = 0
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        if self._given == self._left:
            self._closed.wait(20)
            return None
        self._given += 1
        return Frame(np.zeros((64, 64, 3), np.uint8), self._given, self._given * 10**8, self._given * 10**8)

    def close(self) -> None:
        self._closed.set()


def test_a_camera_that_is_lost_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_module, "_GRACE_S", -1.8)
    camera = Live(Falling(4), 2.0)
    assert [round(look.time_s, 3) for look in camera.looks()] == [0.0, 0.1, 0.2, 0.3]
    assert camera.notes == ("It gave pictures for 0.3 s of 2.0 s only.",)
    with pytest.raises(VerifyError, match="no picture"):
        list(Live(Falling(0), 2.0).looks())


def test_the_decoder_itself_refuses_pictures_that_are_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(5, (320, 64)))
    _, looks = look_at(path)
    assert len(looks) == 5
    monkeypatch.setattr("mien.realtime.source.video_pass.MAX_SIDE_PX", 80)
    with pytest.raises(VerifyError, match="No picture"):
        look_at(path)
