from __future__ import annotations

import errno
import threading
from typing import Any

import cv2
import numpy as np
import pytest
from source_fakes import FakeCamera, in_thread

from mien.realtime.clock import NS_PER_MS, ManualClock
from mien.realtime.errors import DeviceBusyError, SourceError, SourceLostError
from mien.realtime.source.camera import MAX_BAD_PICTURES, CameraSource, explain_failure


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    fake = FakeCamera()
    monkeypatch.setattr(cv2, "VideoCapture", fake.capture)
    return fake


def open_camera(selector: int | str = 0, **changes: Any) -> CameraSource:
    options: dict[str, Any] = {"width": 1280, "height": 720, "fps": 30.0, "clock": ManualClock(), "system": "Linux"}
    return CameraSource(selector, **(options | changes))


def test_frames_carry_the_time_between_grabbing_and_decoding(camera: FakeCamera) -> None:
    clock = ManualClock()
    camera.on_retrieve = lambda: clock.advance(0.004)  # decoding the JPEG takes 4 ms
    source = open_camera(clock=clock)
    camera.log.clear()
    start_ns = clock.now_ns()
    frames = [source.read() for _ in range(3)]
    assert camera.log == ["grab", "retrieve"] * 3
    assert [frame.capture_ns - start_ns for frame in frames if frame] == [0, 4 * NS_PER_MS, 8 * NS_PER_MS]
    assert [frame.media_ns for frame in frames if frame] == [0, 4 * NS_PER_MS, 8 * NS_PER_MS]
    assert [frame.sequence for frame in frames if frame] == [0, 1, 2]
    source.close()


def test_info_tells_what_was_asked_and_what_came(camera: FakeCamera) -> None:
    camera.size, camera.fps = (640, 480), 15.0
    info = open_camera(name="camera:0").info
    assert (info.name, info.width, info.height, info.fps, info.live) == ("camera:0", 640, 480, 15.0, True)
    assert info.detail == "MJPG 640x480 at 15 fps, asked MJPG 1280x720 at 30 fps"


def test_a_rate_and_a_format_that_are_not_told(camera: FakeCamera) -> None:
    camera.fps, camera.fourcc = 0.0, ""
    info = open_camera().info
    assert info.fps == 30.0
    assert info.detail.startswith("1280x720, rate unknown, asked")


ORDER = {
    cv2.CAP_PROP_FOURCC: "format",
    cv2.CAP_PROP_FRAME_WIDTH: "width",
    cv2.CAP_PROP_FRAME_HEIGHT: "height",
    cv2.CAP_PROP_FPS: "rate",
    cv2.CAP_PROP_BUFFERSIZE: "queue",
}


@pytest.mark.parametrize(
    ("system", "backend", "order"),
    [
        ("Linux", cv2.CAP_V4L2, ["format", "width", "height", "rate", "queue"]),
        ("Windows", cv2.CAP_DSHOW, ["width", "height", "rate", "format", "queue"]),
        ("Darwin", cv2.CAP_AVFOUNDATION, ["format", "width", "height", "rate", "queue"]),
    ],
)
def test_each_system_is_asked_in_its_order(camera: FakeCamera, system: str, backend: int, order: list[str]) -> None:
    open_camera(2, system=system)
    assert camera.opened_with == [(2, backend)]
    assert [ORDER[property_id] for property_id, _value in camera.sets] == order
    asked = {ORDER[property_id]: value for property_id, value in camera.sets}
    assert (asked["width"], asked["height"], asked["rate"]) == (1280, 720, 30)
    assert asked["format"] == cv2.VideoWriter.fourcc(*"MJPG")


def test_small_pictures_are_not_asked_as_mjpg(camera: FakeCamera) -> None:
    open_camera(width=640, height=480)
    assert cv2.CAP_PROP_FOURCC not in dict(camera.sets)


def test_windows_tries_msmf_when_dshow_gives_nothing(camera: FakeCamera) -> None:
    camera.present = False
    with pytest.raises(SourceError):
        open_camera(1, system="Windows")
    assert camera.opened_with == [(1, cv2.CAP_DSHOW), (1, cv2.CAP_MSMF)]
    assert camera.released == 2


def test_a_camera_that_opens_but_is_silent_is_released(camera: FakeCamera) -> None:
    camera.silent = True
    with pytest.raises(SourceError):
        open_camera()
    assert camera.released == 1


def test_grey_pictures_become_bgr(camera: FakeCamera) -> None:
    camera.grey = True
    frame = open_camera().read()
    assert frame is not None
    assert frame.pixels.shape == (720, 1280, 3)


def test_a_change_of_size_is_fitted_into_the_first(camera: FakeCamera) -> None:
    source = open_camera()
    camera.size = (640, 480)
    frame = source.read()
    assert frame is not None
    assert (frame.width, frame.height) == (1280, 720)
    assert not frame.pixels[:, :100].any()  # 4:3 in 16:9 stands between black bars
    assert frame.pixels[360, 640].tolist() == [90, 90, 90]


def test_an_undecodable_picture_is_skipped(camera: FakeCamera) -> None:
    source = open_camera()
    camera.bad_pictures = MAX_BAD_PICTURES - 1
    frame = source.read()
    assert frame is not None
    assert frame.sequence == 0


@pytest.mark.parametrize("fault", ["present", "silent", "bad_pictures", "raises"])
def test_a_camera_that_goes_is_lost(camera: FakeCamera, fault: str) -> None:
    source = open_camera(name="camera:Desk")
    assert source.read() is not None
    setattr(camera, fault, {"present": False, "bad_pictures": MAX_BAD_PICTURES}.get(fault, True))
    with pytest.raises(SourceLostError, match="The camera 'camera:Desk' was lost"):
        source.read()
    source.close()
    assert camera.released == 1


def test_close_releases_once_and_ends_reading(camera: FakeCamera) -> None:
    source = open_camera()
    source.close()
    source.close()
    assert camera.released == 1
    assert source.read() is None


def test_close_returns_while_the_driver_blocks_and_the_reader_releases(camera: FakeCamera) -> None:
    source = open_camera()
    camera.blocked = threading.Event()
    thread, out = in_thread(source.read)
    assert camera.entered.wait(5)
    source.close()
    assert camera.released == 0  # freeing it under the reader would crash
    camera.silent = True
    camera.blocked.set()
    thread.join(5)
    assert out == [None]
    assert camera.released == 1


class Kernel:
    """Answers `ioctl` with one error for the request for buffers."""

    def __init__(self, code: int) -> None:
        self._code = code

    def __call__(self, _device: int, _request: int, _buffer: bytearray) -> None:
        if self._code:
            raise OSError(self._code, "refused")


@pytest.mark.parametrize(
    ("code", "kind", "message", "hint"),
    [
        (errno.EBUSY, DeviceBusyError, "The camera 'camera:0' is held by another program", "Zoom, Teams"),
        (errno.EPERM, SourceError, "may not be opened by this user", "usermod -aG video"),
        (0, SourceError, "opens but gives no picture", "another port"),
    ],
)
def test_linux_tells_busy_from_forbidden(
    tmp_path: Any, code: int, kind: type[SourceError], message: str, hint: str
) -> None:
    device = tmp_path / "video0"
    device.touch()
    error = explain_failure("camera:0", str(device), "Linux", None, Kernel(code))
    assert type(error) is kind
    assert message in error.message
    assert hint in error.hint


def test_linux_tells_absent(camera: FakeCamera, tmp_path: Any) -> None:
    camera.present = False
    with pytest.raises(SourceError, match="There is no camera") as caught:
        open_camera(str(tmp_path / "video7"))
    assert "mien devices" in caught.value.hint


@pytest.mark.parametrize(
    ("system", "known", "kind", "message", "hint"),
    [
        ("Windows", True, DeviceBusyError, "is held by another program", "Privacy & security > Camera"),
        ("Windows", False, SourceError, "There is no camera", "mien devices"),
        ("Darwin", True, SourceError, "may not be opened", "System Settings > Privacy & Security > Camera"),
        ("Darwin", False, SourceError, "There is no camera", "mien devices"),
    ],
)
def test_other_systems_tell_by_their_listing(
    camera: FakeCamera, system: str, known: bool, kind: type[SourceError], message: str, hint: str
) -> None:
    camera.present = False
    with pytest.raises(SourceError, match=message) as caught:
        open_camera(system=system, known=known)
    assert type(caught.value) is kind
    assert hint in caught.value.hint


def test_pixels_are_the_cameras(camera: FakeCamera) -> None:
    frame = open_camera().read()
    assert frame is not None
    assert np.array_equal(frame.pixels, np.full((720, 1280, 3), 90, np.uint8))
