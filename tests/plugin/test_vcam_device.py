"""The camera itself: formats that programs which still read it keep it in. The rest is seen in test_vcam_sink.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mien.plugin.vcam.device import Device, DeviceError
from mien.plugin.vcam.link import picture_bytes
from virtual_camera_device import Driver, plugged_in


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    # Another test may have imported the true one.
    monkeypatch.delitem(sys.modules, "pyvirtualcam", raising=False)
    with plugged_in(monkeypatch) as driver:
        yield driver


def kept(root: Path, text: str) -> Path:
    (root / "video10").mkdir()
    (root / "video10/format").write_text(text)
    return root


@pytest.mark.parametrize(
    ("text", "pixel_format", "size"),
    [
        ("", "I420", (64, 48)),
        ("YU12:64x48@30\n", "I420", (64, 48)),
        ("NV12:64x48@30000/1001\n", "NV12", (64, 48)),
        ("YUYV:640x360@30\n", "YUYV", (640, 360)),
        ("YU12:320x180@10\n", "I420", (320, 180)),
    ],
)
def test_it_takes_the_format_that_readers_keep(
    driver: Driver, tmp_path: Path, text: str, pixel_format: str, size: tuple[int, int]
) -> None:
    device = Device(64, 48, 30.0, None, sysfs=kept(tmp_path, text))
    assert (device.pixel_format, (device.width, device.height)) == (pixel_format, size)
    device.send(np.zeros(picture_bytes(*size, pixel_format), np.uint8))
    device.close()
    last = driver.opened[-1]
    assert (last["fmt"], last["width"], last["height"]) == (pixel_format, *size)


@pytest.mark.parametrize("text", ["MJPG:64x48@30\n", "RGB3:64x48@30\n", "YU12:65x49@30\n"])
def test_a_format_that_cannot_be_written_is_an_error_and_not_garbage(driver: Driver, tmp_path: Path, text: str) -> None:
    with pytest.raises(DeviceError, match=r"a program still reads /dev/video10 as .*: close the camera there"):
        Device(64, 48, 30.0, None, sysfs=kept(tmp_path, text))
    driver.wait(lambda: driver.released == 1)


def test_words_of_sysfs_that_mean_nothing_are_passed_over(driver: Driver, tmp_path: Path) -> None:
    device = Device(64, 48, 30.0, None, sysfs=kept(tmp_path, "\xff what"))
    assert device.pixel_format == "I420"
    device.close()
