from __future__ import annotations

from pathlib import Path

import pytest
from sink_frames import Frames

from mien.realtime.errors import ConfigError
from mien.realtime.sink.base import Sink, StreamFormat
from mien.realtime.sink.file import FileSink
from mien.realtime.sink.null import NullSink
from mien.realtime.sink.nut import NutSink
from mien.realtime.sink.open import open_sink


@pytest.mark.parametrize(
    ("spec", "kind", "name"),
    [
        ("null", NullSink, "null"),
        ("file:out.mp4", FileSink, "file:out.mp4"),
        ("file:null.mkv", FileSink, "file:null.mkv"),
        ("out.mp4", FileSink, "file:out.mp4"),
        ("folder/My Show.MOV", FileSink, "file:folder/My Show.MOV"),
        ("C:/shows/out.mp4", FileSink, "file:C:/shows/out.mp4"),
        ("nut://127.0.0.1:9000", NutSink, "nut://127.0.0.1:9000"),
        ("nut://localhost:9000/", NutSink, "nut://localhost:9000"),
        ("nut://[::1]:9000", NutSink, "nut://::1:9000"),
    ],
)
def test_each_spec_makes_its_sink(spec: str, kind: type[Sink], name: str) -> None:
    sink = open_sink(spec)
    assert type(sink) is kind
    assert sink.name == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("virtualcan", "unknown sink 'virtualcan'. Did you mean 'virtualcam'?"),
        ("prewiev", "unknown sink 'prewiev'. Did you mean 'preview'?"),
        ("zzzz", "Known: file, null, nut, preview, virtualcam."),
        ("preview", "The page is part of the live path"),
        ("virtualcam", "A virtual camera is part of the live path"),
        ("file:", "Write file:PATH"),
        ("file", "Write file:PATH"),
        ("file:out.avi", "cannot be '.avi'"),
        ("null:3", "'null' takes nothing behind it"),
        ("nut://127.0.0.1", "host or port is missing"),
        ("nut:9000", "host or port is missing"),
        ("nut://127.0.0.1:99999", "Write nut://127.0.0.1:PORT"),
        ("nut://127.0.0.1:9000/path", "host or port is missing"),
        ("nut://0.0.0.0:9000", "is not this machine"),
        ("", "unknown sink ''"),
    ],
)
def test_a_wrong_spec_is_explained(spec: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_sink(spec)
    assert message in str(raised.value)


def test_the_page_makes_its_own_sink() -> None:
    page = NullSink()
    assert open_sink("preview", preview=lambda: page) is page


def test_overwrite_reaches_the_file(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    sink = open_sink(str(tmp_path / "out.mp4"), overwrite=True)
    sink.open(StreamFormat(64, 48, 30.0))
    sink.write(Frames()())
    sink.close()
    assert (tmp_path / "out.mp4").stat().st_size > 100


def test_null_takes_everything() -> None:
    sink, frames = NullSink(), Frames()
    assert sink.wanted
    sink.open(StreamFormat(64, 48, 30.0))
    sink.write(frames())
    sink.close()
