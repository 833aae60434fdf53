from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.realtime.clock import NS_PER_MS, ManualClock
from mien.realtime.errors import SourceError
from mien.realtime.source.image import ImageSource, load_image


def make_image(path: Path, size: tuple[int, int] = (64, 48), mode: str = "RGB", colour: object = (255, 0, 0)) -> Path:
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def test_the_picture_is_repeated_at_the_rate(tmp_path: Path) -> None:
    clock = ManualClock()
    source = ImageSource(make_image(tmp_path / "a.png"), fps=25, pace=True, clock=clock)
    frames = [source.read() for _ in range(3)]
    assert [frame.media_ns // NS_PER_MS for frame in frames if frame] == [0, 40, 80]
    assert [frame.capture_ns // NS_PER_MS for frame in frames if frame] == [0, 40, 80]
    assert [frame.sequence for frame in frames if frame] == [0, 1, 2]
    assert frames[0] is not None
    assert frames[0].pixels[0, 0].tolist() == [0, 0, 255]
    assert not frames[0].pixels.flags.writeable
    assert (source.info.width, source.info.height, source.info.live) == (64, 48, True)
    source.close()
    assert source.read() is None


def test_unpaced_it_comes_at_once(tmp_path: Path) -> None:
    clock = ManualClock()
    source = ImageSource(make_image(tmp_path / "a.png"), fps=25, pace=False, clock=clock)
    assert all(source.read() for _ in range(5))
    assert clock.now_ns() == 0


def test_a_photo_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 48), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise for viewing
    image.save(tmp_path / "a.png", exif=exif)
    pixels = load_image(tmp_path / "a.png")
    assert pixels.shape == (64, 48, 3)
    assert pixels[3, -4].tolist() == [255, 255, 255]
    assert pixels[3, 3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [("RGBA", (255, 0, 0, 0), [0, 0, 0]), ("L", 77, [77, 77, 77]), ("P", 0, [0, 0, 0])],
)
def test_every_kind_of_picture_becomes_bgr(tmp_path: Path, mode: str, colour: object, expected: list[int]) -> None:
    pixels = load_image(make_image(tmp_path / "a.png", mode=mode, colour=colour))
    assert pixels.dtype == np.uint8
    assert pixels[5, 5].tolist() == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no file"), (b"", "is empty"), (b"no picture", "is not a picture that can be read")],
)
def test_what_is_no_picture_says_so(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        load_image(path)


def test_a_cut_off_picture_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SourceError, match="is not a picture that can be read"):
        load_image(path)


def test_size_is_checked_before_decoding(tmp_path: Path) -> None:
    path = make_image(tmp_path / "wide.png", size=(9000, 20), mode="1", colour=0)
    with pytest.raises(SourceError, match="pictures of 9000x20; each side must be 16 to 8192 px"):
        load_image(path)


@pytest.mark.parametrize("fps", [0.0, 1000.0])
def test_a_rate_out_of_range_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(SourceError, match="allowed are 1 to 240"):
        ImageSource(make_image(tmp_path / "a.png"), fps=fps, pace=True, clock=ManualClock())
