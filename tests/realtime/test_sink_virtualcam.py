from __future__ import annotations

import sys

import numpy as np
import pytest
from sink_frames import Frames

from mien.realtime.errors import MissingExtraError, SinkError
from mien.realtime.sink.base import SinkLostError, StreamFormat
from mien.realtime.sink.virtualcam import HOW_TO, VirtualCameraSink
from virtual_camera_device import Driver, plug_in

NO_DEVICE = "'v4l2loopback' backend: No v4l2 loopback device found"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    return plug_in(monkeypatch)


def test_frames_go_to_the_device_as_they_are(driver: Driver) -> None:
    sink, frames = VirtualCameraSink(), Frames(64, 48)
    sink.open(StreamFormat(64, 48, 29.97))
    assert sink.device == "/dev/video10"
    frame = frames()
    sink.write(frame)
    sink.close()
    sink.close()
    assert driver.opened == [{"width": 64, "height": 48, "fps": 29.97, "fmt": "BGR", "device": None}]
    assert driver.sent[0] is frame.pixels
    assert driver.closed == 1
    assert sink.device is None


def test_odd_sides_are_made_even(driver: Driver) -> None:
    sink, frames = VirtualCameraSink("/dev/video3"), Frames(65, 49)
    sink.open(StreamFormat(65, 49, 30.0))
    frame = frames()
    sink.write(frame)
    assert (driver.opened[0]["width"], driver.opened[0]["height"]) == (66, 50)
    assert driver.opened[0]["device"] == "/dev/video3"
    assert driver.sent[0].shape == (50, 66, 3)
    np.testing.assert_array_equal(driver.sent[0][:49, :65], frame.pixels)
    np.testing.assert_array_equal(driver.sent[0][49, :65], frame.pixels[48])


@pytest.mark.parametrize(
    ("system", "command"),
    [
        ("Linux", "modprobe v4l2loopback exclusive_caps=1 max_buffers=4 card_label=Mien"),
        ("Windows", "Install OBS Studio and stop its virtual camera"),
        ("Darwin", "start and stop its virtual camera once"),
        ("Plan 9", "nut://127.0.0.1:PORT"),
    ],
)
def test_without_a_device_each_system_gets_its_own_how_to(driver: Driver, system: str, command: str) -> None:
    driver.open_error = RuntimeError(NO_DEVICE)
    with pytest.raises(SinkError) as raised:
        VirtualCameraSink(system=system).open(StreamFormat(64, 48, 30.0))
    assert NO_DEVICE in str(raised.value)
    assert command in raised.value.hint
    assert not isinstance(raised.value, SinkLostError)


def test_every_how_to_differs() -> None:
    assert len(set(HOW_TO.values())) == 3


def test_a_device_that_goes_away_may_come_back(driver: Driver) -> None:
    sink, frames = VirtualCameraSink(), Frames(64, 48)
    sink.open(StreamFormat(64, 48, 30.0))
    driver.send_error = RuntimeError("error writing frame")
    with pytest.raises(SinkLostError, match=r"takes no more frames \(error writing frame\)"):
        sink.write(frames())
    sink.close()
    driver.send_error = None
    sink.open(StreamFormat(64, 48, 30.0))
    sink.write(frames())
    assert len(driver.sent) == 1


def test_without_the_extra_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MissingExtraError, match="pip install pyvirtualcam"):
        VirtualCameraSink().open(StreamFormat(64, 48, 30.0))


def test_a_closed_sink_takes_nothing(driver: Driver) -> None:
    with pytest.raises(SinkError, match="virtualcam is not open"):
        VirtualCameraSink().write(Frames()())
