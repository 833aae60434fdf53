from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest
from PIL import Image
from source_fakes import FakeCamera, make_video

from mien.realtime.clock import ManualClock
from mien.realtime.devices import CameraDevice
from mien.realtime.errors import SourceError
from mien.realtime.source import open as opening
from mien.realtime.source.file import FileSource
from mien.realtime.source.image import ImageSource
from mien.realtime.source.open import choose_camera, open_source
from mien.realtime.source.pattern import PatternSource
from mien.realtime.source.resilient import ResilientSource

REAL = CameraDevice(2, "HD Webcam", "/dev/video2", False)
SECOND = CameraDevice(4, "HD Webcam Pro", "/dev/video4", False)
INFRARED = CameraDevice(0, "Integrated IR Camera", "/dev/video0", False)
PHONE = CameraDevice(6, "DroidCam", "/dev/video6", True)
OWN = CameraDevice(10, "Mien Camera", "/dev/video10", True, own=True)


def open_it(spec: str, **changes: Any) -> Any:
    options: dict[str, Any] = {"width": 640, "height": 480, "fps": 30.0, "pace": False, "loop": False}
    return open_source(spec, **(options | {"clock": ManualClock()} | changes))


def test_files_pictures_and_the_pattern(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.PNG")
    video = make_video(tmp_path / "a.mp4", count=2)
    for spec, kind in ((str(video), FileSource), (str(tmp_path / "a.PNG"), ImageSource), ("pattern", PatternSource)):
        source = open_it(spec)
        assert type(source) is kind
        source.close()


def test_options_reach_the_file(tmp_path: Path) -> None:
    source = open_it(str(make_video(tmp_path / "a.mp4", count=2)), loop=True, pace=True)
    assert source.info.live
    assert source.info.frame_count is None
    assert [source.read().sequence for _ in range(5)] == [0, 1, 2, 3, 4]
    source.close()


def test_the_pattern_has_the_size_and_rate_asked_for() -> None:
    info = open_it("pattern", width=320, height=240, fps=15.0).info
    assert (info.width, info.height, info.fps) == (320, 240, 15.0)


def test_a_camera_is_opened_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = FakeCamera(size=(640, 480))
    monkeypatch.setattr(cv2, "VideoCapture", hardware.capture)
    monkeypatch.setattr(opening, "list_cameras", lambda _own: [REAL, PHONE])
    source = open_it("camera")
    assert type(source) is ResilientSource
    assert hardware.opened_with[0][0] == 2
    assert source.info.name == "camera:2"
    assert source.read() is not None
    source.close()
    assert hardware.released == 1


def test_after_a_loss_the_same_camera_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = FakeCamera(size=(640, 480))
    # Unplugged, another one becomes the first; then it is back under another number.
    listings = [[REAL, SECOND], [SECOND], [SECOND, CameraDevice(7, "HD Webcam", "/dev/video7", False)]]

    def list_cameras(_own: frozenset[str]) -> list[CameraDevice]:
        hardware.raises = len(listings) > 1 and hardware.raises
        return listings.pop(0)

    monkeypatch.setattr(cv2, "VideoCapture", hardware.capture)
    monkeypatch.setattr(opening, "list_cameras", list_cameras)
    source = open_it("camera")
    assert source.read() is not None
    hardware.raises = True
    while len(hardware.opened_with) < 2:
        assert source.read() is not None
    source.close()
    assert [selector for selector, *_rest in hardware.opened_with] == [2, 7]
    assert listings == []


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", REAL),
        ("4", SECOND),
        ("hd webcam", REAL),
        ("pro", SECOND),
        ("/dev/video2", REAL),
        ("droid", PHONE),
        ("ir", None),
    ],
)
def test_choosing(selector: str, chosen: CameraDevice | None) -> None:
    cameras = [INFRARED, REAL, SECOND, PHONE]
    assert choose_camera(selector, cameras) == (chosen or INFRARED)


def test_an_infrared_camera_is_picked_only_when_alone() -> None:
    assert choose_camera("", [INFRARED, PHONE]) is INFRARED


def test_virtual_cameras_are_never_picked_by_themselves() -> None:
    with pytest.raises(SourceError, match="never picked by themselves") as caught:
        choose_camera("", [PHONE, OWN])
    assert "camera:6 (DroidCam, virtual)" in caught.value.hint
    assert "Mien Camera" not in caught.value.hint


@pytest.mark.parametrize("selector", ["10", "mien", "/dev/video10"])
def test_what_mien_writes_is_refused(selector: str) -> None:
    with pytest.raises(SourceError, match="Mien itself writes") as caught:
        choose_camera(selector, [REAL, OWN])
    assert "camera:2 (HD Webcam)" in caught.value.hint


@pytest.mark.parametrize(
    ("selector", "message", "hint"),
    [
        ("hd", "2 cameras are called 'hd'", "camera:2 (HD Webcam), camera:4 (HD Webcam Pro)"),
        ("HD Webcan", "There is no camera 'HD Webcan'", "Did you mean camera:HD Webcam?"),
        ("3", "There is no camera '3'", "There are: camera:2"),
    ],
)
def test_a_camera_that_is_not_clear(selector: str, message: str, hint: str) -> None:
    with pytest.raises(SourceError) as caught:
        choose_camera(selector, [REAL, SECOND])
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_no_camera_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "list_cameras", lambda _own: [])
    with pytest.raises(SourceError, match="There is no camera") as caught:
        open_it("camera")
    assert "--source pattern" in caught.value.hint


@pytest.mark.parametrize(
    ("spec", "near"),
    [("camra", "'camera'"), ("patern", "'pattern'"), ("rstp://x", "'rtsp://'"), ("camra:1", "'camera'")],
)
def test_an_unknown_form_names_the_nearest(spec: str, near: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_it(spec)
    assert caught.value.message == f"The source {spec!r} is unknown."
    assert f"Did you mean {near}?" in caught.value.hint
    assert "Allowed are: camera, camera:NUMBER, camera:NAME, pattern" in caught.value.hint


def test_a_path_that_is_not_there_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no file"):
        open_it(str(tmp_path / "none.mp4"))


def test_a_stream_that_is_not_there() -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        open_it("http://127.0.0.1:9/x")
