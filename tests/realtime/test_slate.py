"""The slate: the built-in card, the user's picture, and pictures that are damaged or made to harm."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.realtime.errors import ConfigError
from mien.realtime.slate import WORDS, Slate


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (16, 16), (41, 33), (16, 300), (300, 16)])
def test_card_fills_the_frame_and_is_read_only(size: tuple[int, int]) -> None:
    slate = Slate(*size)
    pixels = slate.picture()
    assert pixels.shape == (size[1], size[0], 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert not pixels.flags.writeable
    assert slate.picture() is pixels


def test_card_has_words_on_a_dark_calm_ground_with_room_at_the_edges() -> None:
    pixels = Slate(1280, 720).picture()
    bright = pixels.min(axis=2) > 150
    assert 1500 < bright.sum() < 20000
    xs = np.nonzero(bright)[1]
    assert xs.min() > 100
    assert xs.max() < 1180
    assert abs((xs.min() + xs.max()) / 2 - 640) < 20
    assert np.median(pixels) < 60
    # No bands: neighbouring rows of the ground differ by less than two steps on average.
    ground = pixels[:, :60].astype(np.float32).mean(axis=(1, 2))
    assert np.abs(np.diff(ground)).max() < 2


def test_words_follow_the_language_and_fit() -> None:
    pictures = {language: Slate(360, 640, language=language).picture() for language in WORDS}
    for language, pixels in pictures.items():
        xs = np.nonzero(pixels.min(axis=2) > 150)[1]
        assert xs.min() >= 18, language
        assert xs.max() < 342, language
    assert (pictures["en"] != pictures["de"]).any()
    with pytest.raises(ConfigError, match="'xx' is not offered"):
        Slate(360, 640, language="xx")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_own_picture_is_cut_to_fill_the_frame(tmp_path: Path, suffix: str) -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, 150:250] = (200, 60, 20)
    path = tmp_path / f"own.{suffix}"
    Image.fromarray(picture).save(path)
    pixels = Slate(160, 160, path).picture()
    assert pixels.shape == (160, 160, 3)
    # RGB in the file, BGR in the frame; the middle quarter of the picture's width fills it.
    assert np.abs(pixels[80, 80].astype(int) - (20, 60, 200)).max() < 12
    assert np.abs(pixels[80, 15:145].astype(int) - (20, 60, 200)).max() < 40


def test_own_picture_is_turned_as_the_camera_said_and_see_through_parts_are_dark(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), (250, 0, 0))
    image.paste((0, 0, 250), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    turned = Slate(20, 40, tmp_path / "turned.png").picture()
    assert turned[5, 10, 0] > 200
    assert turned[35, 10, 2] > 200
    Image.new("RGBA", (64, 64), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert Slate(64, 64, tmp_path / "clear.png").picture().max() < 40


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "P", "jpg"])
def test_a_picture_much_larger_than_the_frame_looks_as_it_did(tmp_path: Path, kind: str) -> None:
    image = Image.new("RGB", (2000, 1600), (20, 60, 200))
    image.paste((200, 60, 20), (0, 0, 1000, 1600))
    path = tmp_path / ("own.jpg" if kind == "jpg" else "own.png")
    (image if kind == "jpg" else image.convert(kind)).save(path)
    pixels = Slate(160, 120, path).picture()
    assert pixels.shape == (120, 160, 3)
    assert np.abs(pixels[:, :70].astype(int) - (20, 60, 200)).max() < 25
    assert np.abs(pixels[:, 90:].astype(int) - (200, 60, 20)).max() < 25


def test_a_large_picture_is_shrunk_before_it_is_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    composite = Image.Image.alpha_composite

    def seen(image: Image.Image, other: Image.Image) -> None:
        sizes.append(image.size)
        composite(image, other)

    monkeypatch.setattr(Image.Image, "alpha_composite", seen)
    Image.new("RGB", (3000, 2400)).save(tmp_path / "large.png")
    Slate(160, 120, tmp_path / "large.png")
    assert sizes
    assert max(sizes[0]) < 2 * 160


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000)))


def bad_files(folder: Path) -> dict[str, Path]:
    whole = folder / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)).save(whole)
    files = {
        "missing": folder / "missing.png",
        "folder": folder,
        "empty": folder / "empty.png",
        "text": folder / "text.png",
        "cut": folder / "cut.png",
        "bomb": folder / "bomb.png",
        "wide": folder / "wide.png",
        "many": folder / "many.png",
        "gif": folder / "moving.gif",
    }
    files["empty"].write_bytes(b"")
    files["text"].write_text("not a picture")
    files["cut"].write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    files["bomb"].write_bytes(png_header(60000, 60000))
    files["wide"].write_bytes(png_header(9000, 10))
    files["many"].write_bytes(png_header(8000, 3001))
    Image.new("RGB", (20, 20)).save(files["gif"])
    return files


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No such file"), ("folder", "not a regular file"), ("empty", "none of these"),
        ("text", "none of these"), ("cut", "truncated"), ("bomb", "exceeds limit"), ("wide", "is 9000x10 px"),
        ("many", "is 8000x3001 px.*24 megapixels"),
        ("gif", "none of these"),
    ],
)  # fmt: skip
def test_bad_pictures_are_refused_with_reason_and_next_step(tmp_path: Path, name: str, reason: str) -> None:
    path = bad_files(tmp_path)[name]
    with pytest.raises(ConfigError, match=reason) as caught:
        Slate(160, 120, path)
    assert "Use a PNG, JPEG or WebP" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    _talk_into(pipe)
    with pytest.raises(ConfigError, match="not a regular file"):
        Slate(160, 120, pipe)


def _talk_into(pipe: Path) -> None:
    """Serve the pipe's first reader a few bytes, so that the test fails and does not hang where the pipe is read."""
    threading.Thread(target=lambda: pipe.write_bytes(b"not a picture"), daemon=True).start()


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(33 * 2**20)
    with pytest.raises(ConfigError, match="33 MiB"):
        Slate(160, 120, path)
