"""The virtual camera through its real process; only the device at its end is a stand-in."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.plugin.vcam.driver import HOW_TO
from mien.plugin.vcam.link import Link, address, key
from mien.plugin.vcam.sink import VirtualCameraSink
from mien.realtime.errors import MissingExtraError, SinkError
from mien.realtime.frame import Pixels
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.sink.base import SinkLostError, StreamFormat
from mien.realtime.watermark.session import MarkSession
from virtual_camera_device import PATIENCE_S, Driver, plugged_in

WIDTH, HEIGHT = 64, 48
STREAM = StreamFormat(WIDTH, HEIGHT, 29.97)
NO_DEVICE = "'v4l2loopback' backend: No v4l2 loopback device found"
SLATE_GREY = 30


def marked(grey: int, width: int = WIDTH, height: int = HEIGHT) -> MarkedFrame:
    """A persona frame of one grey, all but the badge."""
    pixels = np.full((height, width, 3), grey, np.uint8)
    return Marker(width, height, session=MarkSession(b"the camera tests")).mark_persona(
        pixels, label="modified", sequence=0, capture_ns=0, media_ns=0, now_ns=0
    )


def slate(width: int = WIDTH, height: int = HEIGHT, *, grey: int = SLATE_GREY) -> MarkedFrame:
    pixels = np.full((height, width, 3), grey, np.uint8)
    return Marker(width, height, session=MarkSession(b"the camera tests")).mark_slate(
        pixels, sequence=0, capture_ns=0, media_ns=0, now_ns=0
    )


def grey_of(picture: Pixels) -> int:
    """The grey that most of the picture has; within 3 of what was sent, for the watermark and YUV's rounding."""
    return int(np.median(picture))


def shows(picture: Pixels, grey: int) -> bool:
    return abs(grey_of(picture) - grey) <= 3


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    with plugged_in(monkeypatch) as driver:
        yield driver


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_the_slate_comes_first_then_each_frame_as_it_is_written(driver: Driver, folder: Path) -> None:
    sink = VirtualCameraSink("/dev/video3", slate=slate(), folder=folder)
    sink.open(STREAM)
    assert driver.opened == [{"width": WIDTH, "height": HEIGHT, "fps": 29.97, "fmt": "I420", "device": "/dev/video3"}]
    assert shows(driver.newest(), SLATE_GREY)
    for grey in (200, 90, 150):
        frame = marked(grey)
        before = driver.count()
        sink.write(frame)
        # It is there when `write` returns: nothing waits in a queue.
        assert any(shows(picture, grey) for picture in driver.sent[before:])
        difference = np.abs(driver.newest().astype(int) - frame.pixels)
        assert difference.mean() < 2
    assert sink.device_ns > 0
    sink.close()
    sink.close()
    driver.wait(lambda: driver.released == 1)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script plays the part of Python")
def test_a_holder_that_says_nothing_is_ended(
    folder: Path, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr("mien.plugin.vcam.sink._START_S", 0.2)
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    with pytest.raises(SinkError, match=r"did not start \(no reason was given\)"):
        sink.open(STREAM)
    assert sink._process is not None
    assert sink._process.wait(PATIENCE_S) == -signal.SIGKILL
    sink.close()


def test_what_is_shown_is_never_half_of_another(driver: Driver, folder: Path) -> None:
    """Also in the pauses, in which the holder shows the newest picture again while the next one is written."""
    sink = VirtualCameraSink(slate=slate(640, 360), folder=folder)
    sink.open(StreamFormat(640, 360, 30.0))
    frames = [marked(grey, 640, 360) for grey in (40, 220)]
    for number in range(120):
        sink.write(frames[number % 2])
        if number % 40 == 39:
            seen = driver.count()
            driver.wait(lambda seen=seen: len(driver.sent) >= seen + 2)
    sink.close()
    for picture in driver.sent:
        # Away from badge and plate, which are in one corner: one grey.
        middle = picture[120:240]
        assert int(middle.max()) - int(middle.min()) <= 8


def test_another_slate_is_the_holders_from_the_next_frame_on(driver: Driver, folder: Path) -> None:
    sink = VirtualCameraSink(slate=slate(), folder=folder, died=lambda: True)
    sink.open(STREAM)
    sink.write(marked(200))
    sink.stand_by(slate(grey=110))
    sink.write(marked(150))
    assert shows(driver.newest(), 150)
    sink.write(marked(160))
    sink.close()
    driver.wait(lambda: shows(driver.sent[-1], 110))
    assert not any(shows(picture, SLATE_GREY) for picture in driver.sent[1:])


def test_odd_sides_are_made_even(driver: Driver, folder: Path) -> None:
    sink = VirtualCameraSink(slate=slate(65, 49), folder=folder)
    sink.open(StreamFormat(65, 49, 30.0))
    sink.write(marked(120, 65, 49))
    sink.close()
    assert (driver.opened[0]["width"], driver.opened[0]["height"]) == (66, 50)
    assert driver.sent[-1].shape == (50, 66, 3)


@pytest.mark.parametrize("native", ["NV12", "YUYV", "UYVY", "RGBA"])
def test_the_device_gets_its_own_format(driver: Driver, folder: Path, native: str) -> None:
    driver.native = native
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    sink.open(STREAM)
    pixels = cv2.resize(np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8), (WIDTH, HEIGHT))
    frame = Marker(WIDTH, HEIGHT).mark_persona(pixels, label="modified", sequence=0, capture_ns=0, media_ns=0, now_ns=0)
    sink.write(frame)
    shown = driver.newest()
    sink.close()
    assert [opened["fmt"] for opened in driver.opened] == ["I420", native]
    assert np.abs(shown.astype(int) - frame.pixels).mean() < (1 if native == "RGBA" else 6)


def test_a_format_that_the_device_has_but_does_not_take_is_left_alone(driver: Driver, folder: Path) -> None:
    driver.native, driver.refused = "NV12", {"NV12"}
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    sink.open(STREAM)
    sink.write(marked(77))
    sink.close()
    assert [opened["fmt"] for opened in driver.opened] == ["I420", "NV12", "I420"]
    assert shows(driver.sent[-1], 77)


# -- the live path dies

#: Opens the camera, shows one frame, says so, and waits to be killed, or ends as it is told.
ENGINE = """
import sys, pathlib
sys.path[:0] = sys.argv[2:]
from test_vcam_sink import STREAM, VirtualCameraSink, marked, slate
sink = VirtualCameraSink(slate=slate(), folder=pathlib.Path(sys.argv[1]), died=lambda: True)
sink.open(STREAM)
sink.write(marked(200))
print("shown", flush=True)
if sys.stdin.readline().strip() == "fail":
    sink.close()
"""


@pytest.fixture
def engine(driver: Driver, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A live path in a process of its own that shows one frame."""
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(folder), here, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process:
        assert process.stdout.readline().strip() == "shown"
        yield process
        process.kill()


def memories() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("mien*")} if sys.platform == "linux" else set()


def test_a_killed_live_path_leaves_the_slate_and_the_next_one_takes_over(
    driver: Driver, folder: Path, engine: subprocess.Popen[str]
) -> None:
    assert any(shows(picture, 200) for picture in driver.sent)
    assert not memories()
    engine.send_signal(signal.SIGKILL)
    engine.wait(PATIENCE_S)
    driver.wait(lambda: shows(driver.sent[-1], SLATE_GREY))
    seen = driver.count()
    driver.wait(lambda: len(driver.sent) >= seen + 3)
    assert all(shows(picture, SLATE_GREY) for picture in driver.sent[seen:])
    assert driver.released == 0
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    sink.open(STREAM)
    sink.write(marked(90))
    assert shows(driver.newest(), 90)
    # The very same device, that was never let go.
    assert (len(driver.opened), driver.released) == (1, 0)
    sink.close()
    driver.wait(lambda: driver.released == 1)


def test_a_live_path_that_fails_leaves_the_slate_too(driver: Driver, engine: subprocess.Popen[str]) -> None:
    engine.communicate("fail\n", PATIENCE_S)
    driver.wait(lambda: shows(driver.sent[-1], SLATE_GREY))
    assert driver.released == 0


@pytest.mark.skipif(sys.platform == "win32", reason="nothing stops a process there without ending it")
def test_a_live_path_that_hangs_gives_way_to_the_slate_and_comes_back(
    driver: Driver, folder: Path, engine: subprocess.Popen[str]
) -> None:
    engine.send_signal(signal.SIGSTOP)
    driver.wait(lambda: shows(driver.sent[-1], SLATE_GREY))
    assert driver.released == 0
    second = VirtualCameraSink(slate=slate(), folder=folder)
    with pytest.raises(SinkError, match="another Mien is showing itself there"):
        second.open(STREAM)
    second.close()
    engine.send_signal(signal.SIGCONT)
    engine.communicate("fail\n", PATIENCE_S)
    assert driver.released == 0


def test_the_next_one_of_another_size_is_fitted_in(driver: Driver, folder: Path, engine: subprocess.Popen[str]) -> None:
    engine.kill()
    engine.wait(PATIENCE_S)
    sink = VirtualCameraSink(slate=slate(128, 64), folder=folder)
    sink.open(StreamFormat(128, 64, 30.0))
    sink.write(marked(140, 128, 64))
    shown = driver.newest()
    sink.close()
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert shows(shown[10:38], 140)
    assert shown[:6].max() < 25
    assert len(driver.opened) == 1


def test_the_holder_ends_when_it_is_asked_to(driver: Driver, engine: subprocess.Popen[str]) -> None:
    (pid,) = driver.pids
    os.kill(pid, signal.SIGTERM)
    driver.wait(lambda: driver.released == 1)


# -- the device fails, the holder dies


def test_a_device_that_goes_away_may_come_back(driver: Driver, folder: Path) -> None:
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    sink.open(STREAM)
    sink.write(marked(100))
    driver.send_error = "stream does not exist"
    with pytest.raises(SinkLostError, match="stream does not exist"):
        sink.write(marked(101))
    sink.close()
    driver.wait(lambda: driver.released == 1)
    with pytest.raises(SinkError, match="stream does not exist"):
        sink.open(STREAM)
    sink.close()
    driver.send_error = ""
    sink.open(STREAM)
    sink.write(marked(160))
    assert shows(driver.newest(), 160)
    sink.close()


def test_an_opening_that_failed_half_way_is_not_taken_for_another_mien(
    driver: Driver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = VirtualCameraSink(slate=slate(), folder=folder)

    def full(_: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as patched:
        patched.setattr("mien.plugin.vcam.sink.Pictures.make", full)
        with pytest.raises(SinkError, match="no memory"):
            sink.open(STREAM)
    sink.open(STREAM)
    sink.write(marked(160))
    assert shows(driver.newest(), 160)
    sink.close()


def test_a_killed_holder_is_replaced(driver: Driver, folder: Path) -> None:
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    sink.open(STREAM)
    (pid,) = driver.pids
    os.kill(pid, signal.SIGKILL)
    driver.wait(lambda: driver.released == 1)
    with pytest.raises(SinkLostError, match="has ended"):
        sink.write(marked(100))
    sink.close()
    sink.open(STREAM)
    sink.write(marked(60))
    assert shows(driver.newest(), 60)
    sink.close()
    assert len(driver.pids) == 2
    assert not memories()


@pytest.mark.parametrize(
    ("system", "command"),
    [
        ("Linux", "modprobe v4l2loopback exclusive_caps=1 max_buffers=4 card_label=Mien"),
        ("Windows", "Install OBS Studio and stop its virtual camera"),
        ("Darwin", "start and stop its virtual camera once"),
        ("Plan 9", "nut://127.0.0.1:PORT"),
    ],
)
def test_without_a_device_each_system_gets_its_own_how_to(
    driver: Driver, folder: Path, system: str, command: str
) -> None:
    driver.open_error = NO_DEVICE
    sink = VirtualCameraSink(slate=slate(), folder=folder, system=system)
    with pytest.raises(SinkError) as raised:
        sink.open(STREAM)
    sink.close()
    assert NO_DEVICE in str(raised.value)
    assert command in raised.value.hint
    assert not isinstance(raised.value, SinkLostError)
    assert len(set(HOW_TO.values())) == 3


def test_without_the_extra_the_command_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MissingExtraError, match="pip install pyvirtualcam"):
        VirtualCameraSink(slate=slate(), folder=folder).open(STREAM)


def test_a_closed_sink_takes_nothing(folder: Path) -> None:
    with pytest.raises(SinkError, match="virtualcam is not open"):
        VirtualCameraSink(slate=slate(), folder=folder).write(marked(1))


# -- who may speak to the holder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps others out by the profile's folder")
def test_nobody_else_can_reach_the_holder(driver: Driver, folder: Path, engine: subprocess.Popen[str]) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "vcam.key").stat().st_mode & 0o177 == 0
    with pytest.raises(Exception, match="digest"):
        Link.to(address(folder, None), bytes(32))
    sink = VirtualCameraSink(slate=slate(), folder=folder)
    with pytest.raises(SinkError, match="another Mien"):
        sink.open(STREAM)
    sink.close()


@pytest.mark.parametrize(
    "words",
    [
        b"no json",
        b"[]",
        b"x" * 5000,
        json.dumps({"open": {"width": 63, "height": 48, "fps": 30}}).encode(),
        json.dumps({"open": {"width": 10**9, "height": 48, "fps": 30}}).encode(),
        json.dumps({"open": {"width": "a", "height": 48, "fps": 30}}).encode(),
        json.dumps({"frame": 1}).encode(),
    ],
)
def test_nonsense_shows_nothing_and_leaves_the_camera(
    driver: Driver, folder: Path, engine: subprocess.Popen[str], words: bytes
) -> None:
    engine.kill()
    engine.wait(PATIENCE_S)
    driver.wait(lambda: shows(driver.sent[-1], SLATE_GREY))
    link = Link.to(address(folder, None), key(folder))
    link._connection.send_bytes(words)
    with pytest.raises((EOFError, ConnectionError)):
        link.hear(PATIENCE_S)
    link.close()
    seen = driver.count()
    driver.wait(lambda: len(driver.sent) >= seen + 2)
    assert shows(driver.newest(), SLATE_GREY)
    assert driver.released == 0


@pytest.mark.parametrize("step", [{"memory": "../etc"}, {"memory": "mien0"}, {"memory": 7}])
def test_memory_that_is_none_of_ours_is_refused(
    driver: Driver, folder: Path, engine: subprocess.Popen[str], step: dict[str, object]
) -> None:
    engine.kill()
    engine.wait(PATIENCE_S)
    driver.wait(lambda: shows(driver.sent[-1], SLATE_GREY))
    link = Link.to(address(folder, None), key(folder))
    link.say({"open": {"width": WIDTH, "height": HEIGHT, "fps": 30}})
    assert link.hear(PATIENCE_S) == {"format": "I420", "width": WIDTH, "height": HEIGHT}
    link.say(step)
    with pytest.raises(EOFError):
        link.hear(PATIENCE_S)
    link.close()
    assert driver.released == 0
